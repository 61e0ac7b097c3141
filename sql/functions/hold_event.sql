-- The message that tells a hold's holder what became of it; p_hold as the API shows it.
CREATE OR REPLACE FUNCTION lastpair.hold_event(p_drop bigint, p_user bigint, p_hold json) RETURNS text
LANGUAGE sql STABLE AS $$
	SELECT lastpair.event('reservation:update', p_drop, p_user, json_build_object('reservation', p_hold))
$$;

CREATE OR REPLACE FUNCTION lastpair.hold_event(r lastpair.reservations, p_now timestamptz) RETURNS text
LANGUAGE sql STABLE AS $$
	SELECT lastpair.hold_event(r.drop_id, r.user_id, lastpair.reservation_json(r, p_now))
$$;
