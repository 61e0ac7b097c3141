-- Ends a session everywhere. p_again: see api.release().
CREATE OR REPLACE FUNCTION api.logout(p_session uuid, p_again boolean) RETURNS lastpair.reply
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = lastpair, pg_temp AS $$
DECLARE
	v_user bigint;
BEGIN
	DELETE FROM sessions WHERE id = p_session AND expires_at > clock_timestamp()
	RETURNING user_id INTO v_user;
	IF NOT FOUND AND NOT p_again THEN
		RETURN refusal('unauthenticated');
	END IF;
	PERFORM wrote();
	RETURN ROW(204, NULL, NULL, ARRAY[session_event(v_user, p_session)])::reply;
END $$;
REVOKE ALL ON FUNCTION api.logout(uuid, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.logout(uuid, boolean) TO lastpair_api;
