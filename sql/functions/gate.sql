-- The one lock order. Whoever changes stock, holds or purchases of a drop passes this
-- gate first and holds it to the end of the transaction, so behind it nobody else is to be
-- waited for. Two things alone are shared between drops. The trail of administrators' actions
-- (note_action()) is next; idempotency keys are written last, in the order of the key. Nobody
-- waits for a gate while holding the trail, for either while holding a key, or for a smaller
-- key while holding a larger, so nobody waits in a circle.
--
-- An advisory lock: it lives in shared memory, writes nothing, and serves waiters in
-- the order they came.
CREATE OR REPLACE FUNCTION lastpair.gate(p_drop bigint) RETURNS void
LANGUAGE sql VOLATILE AS $$
	SELECT pg_advisory_xact_lock(p_drop)
$$;
