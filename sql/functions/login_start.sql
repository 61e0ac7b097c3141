-- What a sign-in needs before the password is looked at, and counts the try as failed:
-- api.login() takes that back. wait_seconds > 0: too many in this window, and this one is not
-- to be tried. No such user: user_id and password_hash are NULL.
--
-- There are three counts: p_failures for an account from one place; ten times as many for
-- an account from all the places where it never signed in, so that many guessers are no
-- better off than one and the owner's own place stays open; and ten times as many from one
-- place for whatever accounts. The last is never asked of this machine's own addresses.
CREATE OR REPLACE FUNCTION api.login_start(p_email text, p_address text, p_failures integer,
	p_window_seconds integer, OUT wait_seconds integer, OUT user_id bigint, OUT password_hash text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = lastpair, pg_temp AS $$
DECLARE
	v_email text := lower(p_email);
	v_place text := place_of(p_address);
	v_from text := coalesce(v_place, p_address);
	v_window interval := make_interval(secs => p_window_seconds);
	u users;
BEGIN
	SELECT * INTO u FROM users WHERE lower(email) = v_email;
	wait_seconds := count_try(v_email, v_from, p_failures, v_window);
	IF wait_seconds = 0 AND NOT EXISTS (SELECT FROM sign_in_places s
			WHERE s.user_id = u.id AND s.place = v_from) THEN
		wait_seconds := count_try(v_email, '', 10 * p_failures, v_window);
	END IF;
	IF wait_seconds = 0 AND v_place IS NOT NULL THEN
		wait_seconds := count_try('', v_place, 10 * p_failures, v_window);
	END IF;
	IF wait_seconds = 0 THEN
		user_id := u.id;
		password_hash := u.password_hash;
	END IF;
END $$;
REVOKE ALL ON FUNCTION api.login_start(text, text, integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.login_start(text, text, integer, integer) TO lastpair_api;
