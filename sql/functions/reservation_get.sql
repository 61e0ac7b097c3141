-- One of the caller's reservations; another's is answered as one that there is not.
CREATE OR REPLACE FUNCTION api.reservation_get(p_session uuid, p_reservation uuid) RETURNS lastpair.reply
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = lastpair, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	v_user bigint := (caller(p_session)).id;
	v_now timestamptz := now_ms();
	r reservations;
BEGIN
	IF v_user IS NULL THEN
		RETURN refusal('unauthenticated');
	END IF;
	SELECT * INTO r FROM reservations WHERE id = p_reservation AND user_id = v_user;
	IF NOT FOUND THEN
		RETURN refusal('not_found');
	END IF;
	RETURN ROW(200, NULL, json_build_object('reservation', reservation_json(r, v_now),
		'serverTime', stamp(v_now)), NULL)::reply;
END $$;
REVOKE ALL ON FUNCTION api.reservation_get(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.reservation_get(uuid, uuid) TO lastpair_api;
