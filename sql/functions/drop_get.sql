-- One drop.
CREATE OR REPLACE FUNCTION api.drop_get(p_drop bigint) RETURNS lastpair.reply
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = lastpair, pg_temp AS $$
DECLARE
	v_now timestamptz := now_ms();
	d drops;
BEGIN
	SELECT * INTO d FROM drops WHERE id = p_drop;
	IF NOT FOUND THEN
		RETURN refusal('not_found');
	END IF;
	RETURN ROW(200, NULL, json_build_object('drop', drop_json(d, v_now),
		'serverTime', stamp(v_now)), NULL)::reply;
END $$;
REVOKE ALL ON FUNCTION api.drop_get(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.drop_get(bigint) TO lastpair_api;
