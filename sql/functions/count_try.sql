-- Counts a try to sign in, as failed, under an address of an account and a place (either
-- may be empty: see the table), unless there were p_most in this window. Returns how many
-- seconds of it are left then; 0: counted.
CREATE OR REPLACE FUNCTION lastpair.count_try(p_email text, p_place text, p_most integer, p_window interval)
RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	v_now timestamptz := clock_timestamp();
	v_since timestamptz;
BEGIN
	INSERT INTO lastpair.sign_in_failures AS f (email, address, failures, since)
	VALUES (p_email, p_place, 1, v_now)
	ON CONFLICT (email, address) DO UPDATE
	   SET failures = CASE WHEN f.since > v_now - p_window THEN f.failures + 1 ELSE 1 END,
	       since = CASE WHEN f.since > v_now - p_window THEN f.since ELSE v_now END
	 WHERE f.failures < p_most OR f.since <= v_now - p_window;
	IF FOUND THEN
		RETURN 0;
	END IF;
	SELECT since INTO v_since FROM lastpair.sign_in_failures WHERE email = p_email AND address = p_place;
	RETURN greatest(1, ceil(extract(epoch FROM v_since + p_window - v_now)));
END $$;
