-- Closes lapsed holds of a drop, the oldest p_limit of them, gives their pairs back, notes
-- whose they were, and returns what to tell their holders. The caller has passed the drop's gate,
-- and its settings pin the plans.
CREATE OR REPLACE FUNCTION lastpair.expire_lapsed(p_drop bigint, p_now timestamptz, p_limit integer)
RETURNS text[]
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	v_events text[];
BEGIN
	WITH due AS MATERIALIZED (
		SELECT id
		  FROM lastpair.reservations
		 WHERE drop_id = p_drop AND status = 'active' AND expires_at <= p_now
		 ORDER BY expires_at
		 LIMIT p_limit
	), closed AS (
		UPDATE lastpair.reservations r
		   SET status = 'expired', closed_at = p_now
		  FROM due
		 WHERE r.id = due.id
		RETURNING r.id, r.size, r.user_id, r.created_at, r.expires_at
	), given_back AS (
		UPDATE lastpair.stock s
		   SET available = s.available + c.pairs, reserved = s.reserved - c.pairs,
		       version = s.version + 1
		  FROM (SELECT size, count(*)::integer AS pairs FROM closed GROUP BY size) c
		 WHERE s.drop_id = p_drop AND s.size = c.size
	), noted AS (	-- those that began within ten minutes after the one before count together
		INSERT INTO lastpair.lapses AS l (user_id, drop_id, holds, seconds, last_at)
		SELECT user_id, p_drop, 1, ceil(extract(epoch FROM expires_at - created_at)), expires_at FROM closed
		ON CONFLICT (user_id, drop_id) DO UPDATE
		   SET holds = CASE WHEN l.last_at + interval '10 minutes' + make_interval(secs => excluded.seconds)
				> excluded.last_at THEN l.holds + 1 ELSE 1 END,
		       seconds = CASE WHEN l.last_at + interval '10 minutes' + make_interval(secs => excluded.seconds)
				> excluded.last_at THEN least(l.seconds + excluded.seconds, 1000000) ELSE excluded.seconds END,
		       last_at = excluded.last_at
	)
	SELECT array_agg(lastpair.event('reservation:expired', p_drop, user_id,
			json_build_object('reservationId', id, 'dropId', p_drop)))
	  INTO v_events
	  FROM closed;
	IF v_events IS NOT NULL THEN
		PERFORM lastpair.wrote();
	END IF;
	RETURN v_events;
END $$;
