-- What a successful reserve answers.
CREATE OR REPLACE FUNCTION lastpair.reserve_body(p_hold json, p_drop json, p_now timestamptz) RETURNS text
LANGUAGE sql STABLE AS $$
	SELECT json_build_object('reservation', p_hold, 'drop', p_drop,
		'serverTime', lastpair.stamp(p_now))::text
$$;
