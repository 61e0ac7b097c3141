-- Makes a drop (administrators).
CREATE OR REPLACE FUNCTION api.drop_create(p_session uuid, p_doc jsonb, p_key text, p_request text)
RETURNS lastpair.reply
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = lastpair, pg_temp AS $$
DECLARE
	v_user bigint := (caller(p_session)).id;
	v_refusal text := refuse_unless_admin(p_session);
	v_reply reply;
	v_drop bigint;
BEGIN
	IF v_refusal IS NOT NULL THEN
		RETURN refusal(v_refusal);
	END IF;
	v_reply := recall(v_user, p_key, p_request);
	IF v_reply IS DISTINCT FROM NULL THEN
		RETURN v_reply;
	END IF;
	v_drop := drop_make(p_doc, v_user);
	IF v_drop IS NULL THEN
		RETURN refusal('ends_before_start');
	END IF;
	v_reply := drop_reply(v_drop, 201, 'drop:created');
	PERFORM remember(v_user, p_key, print_of(p_request), v_reply.status, v_reply.body);
	RETURN v_reply;
END $$;
REVOKE ALL ON FUNCTION api.drop_create(uuid, jsonb, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.drop_create(uuid, jsonb, text, text) TO lastpair_api;
