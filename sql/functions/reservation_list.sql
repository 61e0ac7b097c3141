-- The caller's newest hundred reservations.
CREATE OR REPLACE FUNCTION api.reservation_list(p_session uuid) RETURNS lastpair.reply
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = lastpair, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	v_user bigint := (caller(p_session)).id;
	v_now timestamptz := now_ms();
	v_list json;
BEGIN
	IF v_user IS NULL THEN
		RETURN refusal('unauthenticated');
	END IF;
	SELECT json_agg(reservation_json(n::reservations, v_now) ORDER BY n.created_at DESC, n.id DESC) INTO v_list
	  FROM (SELECT * FROM reservations WHERE user_id = v_user
	         ORDER BY created_at DESC, id DESC LIMIT 100) n;
	RETURN ROW(200, NULL, json_build_object('reservations', coalesce(v_list, '[]'::json),
		'serverTime', stamp(v_now)), NULL)::reply;
END $$;
REVOKE ALL ON FUNCTION api.reservation_list(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.reservation_list(uuid) TO lastpair_api;
