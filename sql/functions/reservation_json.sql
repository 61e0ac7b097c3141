-- A reservation as the API shows it. A hold whose time is over reads `expired` even
-- while nobody has closed it yet.
CREATE OR REPLACE FUNCTION lastpair.reservation_json(p_id uuid, p_drop bigint, p_size text, p_status text,
	p_created_at timestamptz, p_expires_at timestamptz) RETURNS json
LANGUAGE sql STABLE AS $$
	SELECT json_build_object(
		'id', p_id,
		'dropId', p_drop,
		'size', p_size,
		'status', p_status,
		'createdAt', lastpair.stamp(p_created_at),
		'expiresAt', lastpair.stamp(p_expires_at))
$$;

CREATE OR REPLACE FUNCTION lastpair.reservation_json(r lastpair.reservations, p_now timestamptz)
RETURNS json
LANGUAGE sql STABLE AS $$
	SELECT lastpair.reservation_json(r.id, r.drop_id, r.size,
		CASE WHEN r.status = 'active' AND r.expires_at <= p_now THEN 'expired' ELSE r.status END,
		r.created_at, r.expires_at)
$$;
