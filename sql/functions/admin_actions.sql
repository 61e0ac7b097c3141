-- A page of what administrators did, newest first, from below p_before (NULL: from the top), of
-- one drop if p_drop is not NULL (administrators).
CREATE OR REPLACE FUNCTION api.admin_actions(p_session uuid, p_drop bigint, p_limit integer, p_before bigint)
RETURNS lastpair.reply
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = lastpair, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	v_refusal text := refuse_unless_admin(p_session);
	v_before bigint := coalesce(p_before, 9223372036854775807);
	v_rows json[];
	v_next text;
BEGIN
	IF v_refusal IS NULL AND p_drop IS NOT NULL AND NOT EXISTS (SELECT FROM drops WHERE id = p_drop) THEN
		v_refusal := 'not_found';
	END IF;
	IF v_refusal IS NOT NULL THEN
		RETURN refusal(v_refusal);
	END IF;
	-- Two queries: one that takes either index would be planned for neither.
	IF p_drop IS NULL THEN
		SELECT array_agg(action_json(n::admin_actions) ORDER BY n.id DESC) INTO v_rows
		  FROM (SELECT * FROM admin_actions WHERE id < v_before ORDER BY id DESC LIMIT p_limit + 1) n;
	ELSE
		SELECT array_agg(action_json(n::admin_actions) ORDER BY n.id DESC) INTO v_rows
		  FROM (SELECT * FROM admin_actions WHERE drop_id = p_drop AND id < v_before
		         ORDER BY drop_id DESC, id DESC LIMIT p_limit + 1) n;
	END IF;
	IF cardinality(v_rows) > p_limit THEN	-- one more is there: the page ends before it
		v_next := v_rows[p_limit] ->> 'id';
		v_rows := v_rows[1:p_limit];
	END IF;
	RETURN ROW(200, NULL, json_build_object('actions', array_to_json(coalesce(v_rows, '{}')),
		'nextCursor', v_next), NULL)::reply;
END $$;
REVOKE ALL ON FUNCTION api.admin_actions(uuid, bigint, integer, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.admin_actions(uuid, bigint, integer, bigint) TO lastpair_api;
