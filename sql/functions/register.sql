-- Makes a user and signs it in. `code` NULL: done. 'kept': this sign-up was already
-- answered under this key; password_hash is then the user's, for the caller to compare
-- before it repeats the answer. p_session, the id of the session to begin, tells a call
-- that was sent again after a lost connection.
CREATE OR REPLACE FUNCTION api.register(p_username text, p_email text, p_password_hash text,
	p_session uuid, p_seconds integer, p_key text,
	OUT code text, OUT body text, OUT session uuid, OUT issued_at bigint, OUT expires_at bigint,
	OUT password_hash text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = lastpair, pg_temp AS $$
DECLARE
	u users;
	s sessions;
	v_constraint text;
BEGIN
	SELECT * INTO u FROM users WHERE lower(email) = lower(p_email);
	IF NOT FOUND THEN
		BEGIN
			INSERT INTO users (username, email, password_hash, register_key, register_session)
			VALUES (p_username, p_email, p_password_hash, p_key, p_session)
			RETURNING * INTO u;
			s := begin_session(u.id, p_session, p_seconds);
		EXCEPTION WHEN unique_violation THEN
			GET STACKED DIAGNOSTICS v_constraint = CONSTRAINT_NAME;
			IF v_constraint = 'users_username' THEN
				code := 'username_taken';
				RETURN;
			END IF;
			SELECT * INTO u FROM users WHERE lower(email) = lower(p_email);
		END;
	END IF;
	IF u.register_session = p_session THEN
		code := NULL;
	ELSIF u.register_key = p_key AND lower(u.username) = lower(p_username) THEN
		code := 'kept';
		password_hash := u.password_hash;
	ELSIF u.register_key = p_key THEN
		code := 'key_reused';
		RETURN;
	ELSE
		code := 'email_taken';
		RETURN;
	END IF;

	SELECT * INTO s FROM sessions WHERE id = u.register_session;
	IF NOT FOUND THEN		-- signed out since, or run out: there is no answer to repeat
		code := 'email_taken';
		RETURN;
	END IF;
	PERFORM wrote();
	body := user_json(u);
	session := s.id;
	issued_at := extract(epoch FROM s.created_at);
	expires_at := extract(epoch FROM s.expires_at);
END $$;
REVOKE ALL ON FUNCTION api.register(text, text, text, uuid, integer, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.register(text, text, text, uuid, integer, text) TO lastpair_api;
