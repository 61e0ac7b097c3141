-- Buys the pair behind a hold, at the price it had when it was held. The same call again
-- gives the same purchase with status 200; p_purchase, the id of the purchase to make,
-- tells a call that was sent again after a lost connection.
CREATE OR REPLACE FUNCTION api.purchase(p_session uuid, p_reservation uuid, p_purchase uuid,
	p_key text, p_request text) RETURNS lastpair.reply
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = lastpair, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	u users := caller(p_session);
	v_now timestamptz;
	v_expired text[];
	v_body json;
	v_kept reply;
	r reservations;
	p purchases;
BEGIN
	IF u.id IS NULL THEN
		RETURN refusal('unauthenticated');
	END IF;
	SELECT * INTO r FROM reservations WHERE id = p_reservation AND user_id = u.id;
	IF FOUND THEN
		PERFORM gate(r.drop_id);
	END IF;
	v_now := now_ms();
	v_kept := recall(u.id, p_key, p_request);
	IF v_kept IS DISTINCT FROM NULL THEN
		RETURN v_kept;
	END IF;
	IF r.id IS NULL THEN
		RETURN refusal('not_found');
	END IF;

	SELECT * INTO r FROM reservations WHERE id = p_reservation;
	IF r.status = 'completed' THEN
		SELECT * INTO p FROM purchases WHERE reservation_id = r.id;
		v_body := json_build_object('purchase', purchase_json(p));
		PERFORM wrote();
		PERFORM remember(u.id, p_key, print_of(p_request), 200::smallint, v_body::text);
		RETURN ROW(CASE WHEN p.id = p_purchase THEN 201 ELSE 200 END, NULL, v_body, NULL)::reply;
	END IF;
	IF r.status = 'active' AND r.expires_at <= v_now THEN
		v_expired := expire_lapsed(r.drop_id, v_now, 1000);
		RETURN ROW(0, 'reservation_expired', NULL,
			array_append(v_expired, stock_event(r.drop_id, v_now)))::reply;
	END IF;
	IF r.status <> 'active' THEN
		RETURN refusal(CASE r.status WHEN 'expired' THEN 'reservation_expired' ELSE 'not_active' END);
	END IF;

	r := close_hold(p_reservation, 'completed', v_now);
	INSERT INTO purchases (id, reservation_id, drop_id, size, user_id, price_cents, currency, purchased_at)
	VALUES (p_purchase, r.id, r.drop_id, r.size, u.id, r.price_cents, r.currency, v_now)
	RETURNING * INTO p;
	v_body := json_build_object('purchase', purchase_json(p));
	IF EXISTS (SELECT FROM webhook_endpoints) THEN
		PERFORM webhook_sale(p, u, v_now);
	END IF;
	PERFORM remember(u.id, p_key, print_of(p_request), 201::smallint, v_body::text);
	RETURN ROW(201, NULL, v_body, ARRAY[
		stock_event(r.drop_id, v_now),
		hold_event(r, v_now),
		event('purchase:completed', r.drop_id, NULL, json_build_object(
			'dropId', r.drop_id, 'username', u.username, 'purchasedAt', stamp(v_now)))])::reply;
END $$;
REVOKE ALL ON FUNCTION api.purchase(uuid, uuid, uuid, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.purchase(uuid, uuid, uuid, text, text) TO lastpair_api;
