-- The message that tells the daemons that a session, or with NULL every session of the
-- user, has ended.
CREATE OR REPLACE FUNCTION lastpair.session_event(p_user bigint, p_session uuid) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
	SELECT json_build_object('event', 'session:ended', 'user', p_user, 'session', p_session)::text
$$;
