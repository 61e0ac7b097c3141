-- The one lock order. Whoever changes stock, holds or purchases of a drop passes this
-- gate first and holds it to the end of the transaction; then come stock rows, holds,
-- purchases, and last, in the order of the key, idempotency keys. Nobody waits for a
-- lock of an earlier kind while holding a later one, so nobody waits in a circle.
--
-- An advisory lock: it lives in shared memory, writes nothing, and serves waiters in
-- the order they came.
CREATE OR REPLACE FUNCTION lastpair.gate(p_drop bigint) RETURNS void
LANGUAGE sql VOLATILE AS $$
	SELECT pg_advisory_xact_lock(p_drop)
$$;
