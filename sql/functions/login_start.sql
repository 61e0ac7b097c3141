-- What a sign-in needs before the password is looked at. wait_seconds > 0: too many wrong
-- passwords from there in this window. No such user: user_id and password_hash are NULL.
CREATE OR REPLACE FUNCTION api.login_start(p_email text, p_address text, p_failures integer,
	p_window_seconds integer, OUT wait_seconds integer, OUT user_id bigint, OUT password_hash text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = lastpair, pg_temp AS $$
BEGIN
	SELECT ceil(extract(epoch FROM f.since + make_interval(secs => p_window_seconds) - clock_timestamp()))
	  INTO wait_seconds
	  FROM sign_in_failures f
	 WHERE f.email = lower(p_email) AND f.address = p_address AND f.failures >= p_failures;
	wait_seconds := greatest(0, coalesce(wait_seconds, 0));
	SELECT u.id, u.password_hash INTO user_id, password_hash
	  FROM users u
	 WHERE lower(u.email) = lower(p_email);
END $$;
REVOKE ALL ON FUNCTION api.login_start(text, text, integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.login_start(text, text, integer, integer) TO lastpair_api;
