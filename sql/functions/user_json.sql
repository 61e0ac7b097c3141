-- A user as the API shows it.
CREATE OR REPLACE FUNCTION lastpair.user_json(u lastpair.users) RETURNS json
LANGUAGE sql STABLE AS $$
	SELECT json_build_object('id', u.id, 'username', u.username, 'email', u.email, 'role', u.role)
$$;
