-- A password was right: takes back what api.login_start() counted, and remembers the place.
CREATE OR REPLACE FUNCTION lastpair.signed_in_at(p_user bigint, p_email text, p_address text) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	v_now timestamptz := clock_timestamp();
	v_email text := lower(p_email);
	v_place text := lastpair.place_of(p_address);
	v_from text := coalesce(v_place, p_address);
	v_known timestamptz;
BEGIN
	SELECT at INTO v_known FROM lastpair.sign_in_places
	 WHERE user_id = p_user AND place = v_from;
	DELETE FROM lastpair.sign_in_failures WHERE email = v_email AND address = v_from;
	IF v_known IS NULL THEN
		PERFORM lastpair.take_back_try(v_email, '');
	END IF;
	IF v_place IS NOT NULL THEN
		PERFORM lastpair.take_back_try('', v_place);
	END IF;
	IF v_known IS NULL OR v_known < v_now - interval '1 day' THEN
		INSERT INTO lastpair.sign_in_places (user_id, place, at)
		VALUES (p_user, v_from, v_now)
		ON CONFLICT (user_id, place) DO UPDATE SET at = excluded.at;
	END IF;
END $$;
