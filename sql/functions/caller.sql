-- The user behind a session that stands; NULL when it does not.
CREATE OR REPLACE FUNCTION lastpair.caller(p_session uuid) RETURNS lastpair.users
LANGUAGE plpgsql STABLE AS $$
DECLARE
	u lastpair.users;
BEGIN
	SELECT users.* INTO u
	  FROM lastpair.sessions
	  JOIN lastpair.users ON users.id = sessions.user_id
	 WHERE sessions.id = p_session AND sessions.expires_at > clock_timestamp();
	RETURN u;
END $$;
