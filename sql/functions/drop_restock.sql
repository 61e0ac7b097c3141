-- Adds pairs of a size, or takes free ones away (administrators). What is held or sold
-- stays: a quantity that would cut into it is refused.
CREATE OR REPLACE FUNCTION api.drop_restock(p_session uuid, p_drop bigint, p_size text,
	p_quantity integer, p_key text, p_request text) RETURNS lastpair.reply
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = lastpair, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	v_user bigint := (caller(p_session)).id;
	v_refusal text := refuse_unless_admin(p_session);
	v_now timestamptz;
	v_expired text[];
	v_reply reply;
	s stock;
BEGIN
	IF v_refusal IS NOT NULL THEN
		RETURN refusal(v_refusal);
	END IF;
	PERFORM gate(p_drop);
	v_now := now_ms();
	v_reply := recall(v_user, p_key, p_request);
	IF v_reply IS DISTINCT FROM NULL THEN
		RETURN v_reply;
	END IF;
	IF NOT EXISTS (SELECT FROM drops WHERE id = p_drop) THEN
		RETURN refusal('not_found');
	END IF;
	v_expired := expire_lapsed(p_drop, v_now, 1000);
	SELECT * INTO s FROM stock
	 WHERE drop_id = p_drop AND size = coalesce(p_size,
		(SELECT min(size) FROM stock WHERE drop_id = p_drop HAVING count(*) = 1));
	IF NOT FOUND THEN
		v_refusal := 'unknown_size';
	ELSIF s.available + p_quantity < 0 THEN
		v_refusal := 'below_committed';
	ELSIF s.total + p_quantity > 1000000 THEN
		v_refusal := 'too_much_stock';
	END IF;
	IF v_refusal IS NOT NULL THEN
		RETURN ROW(0, v_refusal, NULL, CASE WHEN v_expired IS NOT NULL
			THEN array_append(v_expired, stock_event(p_drop, v_now)) END)::reply;
	END IF;

	UPDATE stock
	   SET total = total + p_quantity, available = available + p_quantity, version = version + 1
	 WHERE drop_id = p_drop AND size = s.size;
	IF p_quantity <> 0 THEN
		PERFORM note_action(v_user, 'restock', p_drop,
			jsonb_build_object('sizes', jsonb_build_array(jsonb_build_object('size', s.size, 'totalStock', s.total))),
			jsonb_build_object('sizes', jsonb_build_array(jsonb_build_object('size', s.size, 'totalStock', s.total + p_quantity))));
	END IF;
	PERFORM wrote();
	v_reply := drop_reply(p_drop, 200, 'drop:updated');
	v_reply.events := v_expired || stock_event(p_drop, v_now);
	PERFORM remember(v_user, p_key, print_of(p_request), v_reply.status, v_reply.body);
	RETURN v_reply;
END $$;
REVOKE ALL ON FUNCTION api.drop_restock(uuid, bigint, text, integer, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.drop_restock(uuid, bigint, text, integer, text, text) TO lastpair_api;
