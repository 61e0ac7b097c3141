-- What a sign-in needs before the password is looked at, and counts the try as failed:
-- api.login() takes that back. wait_seconds > 0: too many in this window from there, and
-- this one is not to be tried. No such user: user_id and password_hash are NULL.
CREATE OR REPLACE FUNCTION api.login_start(p_email text, p_address text, p_failures integer,
	p_window_seconds integer, OUT wait_seconds integer, OUT user_id bigint, OUT password_hash text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = lastpair, pg_temp AS $$
DECLARE
	v_now timestamptz := clock_timestamp();
	v_window interval := make_interval(secs => p_window_seconds);
	v_since timestamptz;
BEGIN
	INSERT INTO sign_in_failures AS f (email, address, failures, since)
	VALUES (lower(p_email), p_address, 1, v_now)
	ON CONFLICT (email, address) DO UPDATE
	   SET failures = CASE WHEN f.since > v_now - v_window THEN f.failures + 1 ELSE 1 END,
	       since = CASE WHEN f.since > v_now - v_window THEN f.since ELSE v_now END
	 WHERE f.failures < p_failures OR f.since <= v_now - v_window;
	wait_seconds := 0;
	IF NOT FOUND THEN
		SELECT since INTO v_since FROM sign_in_failures
		 WHERE email = lower(p_email) AND address = p_address;
		wait_seconds := greatest(1, ceil(extract(epoch FROM v_since + v_window - v_now)));
		RETURN;
	END IF;
	SELECT u.id, u.password_hash INTO user_id, password_hash
	  FROM users u
	 WHERE lower(u.email) = lower(p_email);
END $$;
REVOKE ALL ON FUNCTION api.login_start(text, text, integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.login_start(text, text, integer, integer) TO lastpair_api;
