-- What a successful reserve answers.
CREATE OR REPLACE FUNCTION lastpair.reserve_body(r lastpair.reservations, p_drop json,
	p_now timestamptz) RETURNS text
LANGUAGE sql STABLE AS $$
	SELECT json_build_object('reservation', lastpair.reservation_json(r, p_now), 'drop', p_drop,
		'serverTime', lastpair.stamp(p_now))::text
$$;
