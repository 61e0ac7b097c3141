-- A page of drops, newest first, from below p_before (NULL: from the top), of one status
-- if p_status is not NULL. `etag` changes with the drops, not with the time.
CREATE OR REPLACE FUNCTION api.drop_list(p_status text, p_limit integer, p_before bigint,
	OUT body text, OUT etag text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = lastpair, pg_temp AS $$
DECLARE
	v_now timestamptz := now_ms();
	v_drops json[];
	v_next text;
	v_list text;
BEGIN
	SELECT array_agg(drop_json(n.d, n.t, buyers_of(n.id), v_now) ORDER BY n.id DESC)
	  INTO v_drops
	  FROM (
		SELECT d.id, d, t
		  FROM drops d CROSS JOIN LATERAL (SELECT stock_of(d.id) AS t OFFSET 0) s
		 WHERE (p_before IS NULL OR d.id < p_before)
		   AND (p_status IS NULL OR drop_status(d, (t).total, (t).sold, v_now) = p_status)
		 ORDER BY d.id DESC
		 LIMIT p_limit + 1
	  ) n;
	IF cardinality(v_drops) > p_limit THEN	-- one more is there: the page ends before it
		v_next := (v_drops[p_limit] ->> 'id');
		v_drops := v_drops[1:p_limit];
	END IF;
	v_list := array_to_json(coalesce(v_drops, ARRAY[]::json[]))::text;
	body := format('{"drops":%s,"nextCursor":%s,"serverTime":"%s"}', v_list,
		coalesce(to_json(v_next)::text, 'null'), stamp(v_now));
	etag := md5(v_list || coalesce(v_next, ''));
END $$;
REVOKE ALL ON FUNCTION api.drop_list(text, integer, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.drop_list(text, integer, bigint) TO lastpair_api;
