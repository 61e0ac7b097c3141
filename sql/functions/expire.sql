-- Returns lapsed holds of the drop whose hold lapsed first: one short transaction a call.
--   expired   how many; call again while it is not 0
--   wait_ms   how long until the next hold lapses; NULL: there is none
--   lag_ms    how late the oldest of them was
CREATE OR REPLACE FUNCTION api.expire(p_limit integer, OUT expired integer, OUT wait_ms integer,
	OUT lag_ms integer, OUT events text[])
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = lastpair, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	r reservations;
	v_now timestamptz;
BEGIN
	expired := 0;
	lag_ms := 0;
	SELECT * INTO r FROM reservations WHERE status = 'active' AND expires_at IS NOT NULL
	 ORDER BY expires_at LIMIT 1;	-- as reservations_lapsed has it
	IF NOT FOUND THEN
		RETURN;
	END IF;
	v_now := clock_timestamp();
	IF r.expires_at > v_now THEN
		wait_ms := least(86400000, ceil(extract(epoch FROM r.expires_at - v_now) * 1000));
		RETURN;
	END IF;

	PERFORM gate(r.drop_id);
	v_now := now_ms();
	events := expire_lapsed(r.drop_id, v_now, p_limit);
	expired := coalesce(cardinality(events), 0);
	wait_ms := 0;
	IF expired > 0 THEN
		lag_ms := least(86400000, extract(epoch FROM v_now - r.expires_at) * 1000);
		events := events || stock_event(r.drop_id, v_now);
	END IF;
END $$;
REVOKE ALL ON FUNCTION api.expire(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.expire(integer) TO lastpair_api;
