-- A reservation as the API shows it. A hold whose time is over reads `expired` even
-- while nobody has closed it yet.
CREATE OR REPLACE FUNCTION lastpair.reservation_json(r lastpair.reservations, p_now timestamptz)
RETURNS json
LANGUAGE sql STABLE AS $$
	SELECT json_build_object(
		'id', r.id,
		'dropId', r.drop_id,
		'size', r.size,
		'status', CASE WHEN r.status = 'active' AND r.expires_at <= p_now THEN 'expired' ELSE r.status END,
		'createdAt', lastpair.stamp(r.created_at),
		'expiresAt', lastpair.stamp(r.expires_at))
$$;
