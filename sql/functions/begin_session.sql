-- Begins a session of p_seconds, in the whole seconds a token knows.
CREATE OR REPLACE FUNCTION lastpair.begin_session(p_user bigint, p_session uuid, p_seconds integer)
RETURNS lastpair.sessions
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	v_now timestamptz := date_trunc('second', clock_timestamp());
	s lastpair.sessions;
BEGIN
	INSERT INTO lastpair.sessions (id, user_id, created_at, expires_at)
	VALUES (p_session, p_user, v_now, v_now + make_interval(secs => p_seconds))
	RETURNING * INTO s;
	RETURN s;
END $$;
