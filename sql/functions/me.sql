-- Who the caller is.
CREATE OR REPLACE FUNCTION api.me(p_session uuid) RETURNS lastpair.reply
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = lastpair, pg_temp AS $$
DECLARE
	u users := caller(p_session);
BEGIN
	IF u.id IS NULL THEN
		RETURN refusal('unauthenticated');
	END IF;
	RETURN ROW(200, NULL, json_build_object('user', user_json(u)), NULL)::reply;
END $$;
REVOKE ALL ON FUNCTION api.me(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.me(uuid) TO lastpair_api;
