-- Gives a hold back. p_again: the same call was sent before and its answer was lost, so
-- a hold found released is this caller's own doing.
CREATE OR REPLACE FUNCTION api.release(p_session uuid, p_reservation uuid, p_again boolean)
RETURNS lastpair.reply
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = lastpair, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	v_user bigint := (caller(p_session)).id;
	v_now timestamptz;
	v_expired text[];
	r reservations;
BEGIN
	IF v_user IS NULL THEN
		RETURN refusal('unauthenticated');
	END IF;
	SELECT * INTO r FROM reservations WHERE id = p_reservation AND user_id = v_user;
	IF NOT FOUND THEN
		RETURN refusal('not_found');
	END IF;

	PERFORM gate(r.drop_id);
	v_now := now_ms();
	SELECT * INTO r FROM reservations WHERE id = p_reservation;
	IF p_again AND r.status = 'released' THEN
		PERFORM wrote();
		RETURN ROW(200, NULL, json_build_object('reservation', reservation_json(r, v_now)), NULL)::reply;
	END IF;
	IF r.status = 'active' AND r.expires_at <= v_now THEN
		v_expired := expire_lapsed(r.drop_id, v_now, 1000);
		RETURN ROW(0, 'not_active', NULL,
			array_append(v_expired, stock_event(r.drop_id, v_now)))::reply;
	END IF;
	IF r.status <> 'active' THEN
		RETURN refusal('not_active');
	END IF;

	r := close_hold(p_reservation, 'released', v_now);
	RETURN ROW(200, NULL, json_build_object('reservation', reservation_json(r, v_now)),
		ARRAY[stock_event(r.drop_id, v_now), hold_event(r, v_now)])::reply;
END $$;
REVOKE ALL ON FUNCTION api.release(uuid, uuid, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.release(uuid, uuid, boolean) TO lastpair_api;
