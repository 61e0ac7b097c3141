-- The caller's newest thousand purchases.
CREATE OR REPLACE FUNCTION api.purchase_list(p_session uuid) RETURNS lastpair.reply
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = lastpair, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	v_user bigint := (caller(p_session)).id;
	v_list json;
BEGIN
	IF v_user IS NULL THEN
		RETURN refusal('unauthenticated');
	END IF;
	SELECT json_agg(purchase_json(n::purchases) ORDER BY n.purchased_at DESC, n.id DESC) INTO v_list
	  FROM (SELECT * FROM purchases WHERE user_id = v_user
	         ORDER BY purchased_at DESC, id DESC LIMIT 1000) n;
	RETURN ROW(200, NULL, json_build_object('purchases', coalesce(v_list, '[]'::json)), NULL)::reply;
END $$;
REVOKE ALL ON FUNCTION api.purchase_list(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.purchase_list(uuid) TO lastpair_api;
