-- Signs in a user whose password was right. p_session, the id of the session to begin,
-- tells a call that was sent again; p_key repeats the answer kept for it.
CREATE OR REPLACE FUNCTION api.login(p_user bigint, p_session uuid, p_seconds integer,
	p_address text, p_key text, p_request text,
	OUT code text, OUT body text, OUT session uuid, OUT issued_at bigint, OUT expires_at bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = lastpair, pg_temp AS $$
DECLARE
	u users;
	s sessions;
	v_kept reply := recall(p_user, p_key, p_request);
BEGIN
	IF v_kept.code IS NOT NULL THEN
		code := v_kept.code;
		RETURN;
	END IF;
	SELECT * INTO STRICT u FROM users WHERE id = p_user;
	SELECT * INTO s FROM sessions WHERE id = coalesce(v_kept.body::uuid, p_session);
	IF NOT FOUND THEN
		s := begin_session(p_user, p_session, p_seconds);
		PERFORM signed_in_at(p_user, u.email, p_address);
		IF v_kept IS NOT DISTINCT FROM NULL THEN
			-- The session's id is kept, not the token made of it.
			PERFORM remember(p_user, p_key, print_of(p_request), 200::smallint, p_session::text);
		END IF;
	END IF;
	PERFORM wrote();
	body := user_json(u);
	session := s.id;
	issued_at := extract(epoch FROM s.created_at);
	expires_at := extract(epoch FROM s.expires_at);
END $$;
REVOKE ALL ON FUNCTION api.login(bigint, uuid, integer, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.login(bigint, uuid, integer, text, text, text) TO lastpair_api;
