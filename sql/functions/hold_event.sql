-- The message that tells a hold's holder what became of it. (Of a new hold the worker that
-- made it tells: cgi-bin/reservations.c.)
CREATE OR REPLACE FUNCTION lastpair.hold_event(r lastpair.reservations, p_now timestamptz) RETURNS text
LANGUAGE sql STABLE AS $$
	SELECT lastpair.event('reservation:update', r.drop_id, r.user_id,
		json_build_object('reservation', lastpair.reservation_json(r, p_now)))
$$;
