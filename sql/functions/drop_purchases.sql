-- A page of a drop's purchases, newest first, from behind the purchase p_after (NULL: from the
-- newest), and how many there are in all (administrators). p_query: only those whose buyer's name or
-- e-mail address contains this text, whatever the case, or whose id begins with it.
CREATE OR REPLACE FUNCTION api.drop_purchases(p_session uuid, p_drop bigint, p_query text,
	p_limit integer, p_after uuid) RETURNS lastpair.reply
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = lastpair, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	v_refusal text := refuse_unless_admin(p_session);
	v_query text := lower(p_query);
	v_at timestamptz := 'infinity';
	v_id uuid := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
	v_rows json[];
	v_next text;
	v_total bigint;
BEGIN
	IF v_refusal IS NULL AND NOT EXISTS (SELECT FROM drops WHERE id = p_drop) THEN
		v_refusal := 'not_found';
	ELSIF v_refusal IS NULL AND p_after IS NOT NULL THEN
		SELECT purchased_at, id INTO v_at, v_id FROM purchases WHERE id = p_after AND drop_id = p_drop;
		v_refusal := CASE WHEN v_id IS NULL THEN 'unknown_cursor' END;
	END IF;
	IF v_refusal IS NOT NULL THEN
		RETURN refusal(v_refusal);
	END IF;
	IF v_query IS NULL THEN
		SELECT array_agg(sale_json(n::purchases, u) ORDER BY n.purchased_at DESC, n.id DESC) INTO v_rows
		  FROM (SELECT * FROM purchases WHERE drop_id = p_drop AND (purchased_at, id) < (v_at, v_id)
		         ORDER BY drop_id DESC, purchased_at DESC, id DESC LIMIT p_limit + 1) n
		  JOIN users u ON u.id = n.user_id;
		SELECT sum(sold) INTO v_total FROM stock WHERE drop_id = p_drop;
	ELSE
		WITH hits AS MATERIALIZED (
			SELECT p, u FROM purchases p JOIN users u ON u.id = p.user_id
			 WHERE p.drop_id = p_drop AND (strpos(lower(u.username), v_query) > 0
				OR strpos(lower(u.email), v_query) > 0 OR starts_with(p.id::text, v_query))
		), page AS (
			SELECT p, u FROM hits WHERE ((p).purchased_at, (p).id) < (v_at, v_id)
			 ORDER BY (p).purchased_at DESC, (p).id DESC LIMIT p_limit + 1
		)
		SELECT (SELECT array_agg(sale_json(p, u) ORDER BY (p).purchased_at DESC, (p).id DESC) FROM page),
		       (SELECT count(*) FROM hits)
		  INTO v_rows, v_total;
	END IF;
	IF cardinality(v_rows) > p_limit THEN	-- one more is there: the page ends before it
		v_next := v_rows[p_limit] ->> 'id';
		v_rows := v_rows[1:p_limit];
	END IF;
	RETURN ROW(200, NULL, json_build_object('purchases', array_to_json(coalesce(v_rows, '{}')),
		'nextCursor', v_next, 'total', v_total), NULL)::reply;
END $$;
REVOKE ALL ON FUNCTION api.drop_purchases(uuid, bigint, text, integer, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.drop_purchases(uuid, bigint, text, integer, uuid) TO lastpair_api;
