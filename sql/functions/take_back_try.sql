-- A try that count_try() counted as failed was not.
CREATE OR REPLACE FUNCTION lastpair.take_back_try(p_email text, p_place text) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	UPDATE lastpair.sign_in_failures SET failures = failures - 1
	 WHERE email = p_email AND address = p_place AND failures > 1;
	IF NOT FOUND THEN
		DELETE FROM lastpair.sign_in_failures WHERE email = p_email AND address = p_place;
	END IF;
END $$;
