-- Counts a wrong password against the account and where it came from.
CREATE OR REPLACE FUNCTION api.login_failed(p_email text, p_address text, p_window_seconds integer)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = lastpair, pg_temp AS $$
	INSERT INTO sign_in_failures AS f (email, address, failures, since)
	VALUES (lower(p_email), p_address, 1, clock_timestamp())
	ON CONFLICT (email, address) DO UPDATE
	   SET failures = CASE WHEN f.since > clock_timestamp() - make_interval(secs => p_window_seconds)
	                       THEN f.failures + 1 ELSE 1 END,
	       since = CASE WHEN f.since > clock_timestamp() - make_interval(secs => p_window_seconds)
	                    THEN f.since ELSE clock_timestamp() END;
$$;
REVOKE ALL ON FUNCTION api.login_failed(text, text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.login_failed(text, text, integer) TO lastpair_api;
