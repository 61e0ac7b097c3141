-- Closes lapsed holds of a drop, the oldest p_limit of them, gives their pairs back, notes
-- whose they were, and returns what to tell their holders. The caller has passed the drop's gate,
-- and its settings pin the plans.
CREATE OR REPLACE FUNCTION lastpair.expire_lapsed(p_drop bigint, p_now timestamptz, p_limit integer)
RETURNS text[]
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	v_events text[];
	v_users bigint[];
	v_seconds integer[];
	v_ends timestamptz[];
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
	)
	SELECT array_agg(lastpair.event('reservation:expired', p_drop, user_id,
			json_build_object('reservationId', id, 'dropId', p_drop))),
	       array_agg(user_id), array_agg(ceil(extract(epoch FROM expires_at - created_at))::integer), array_agg(expires_at)
	  INTO v_events, v_users, v_seconds, v_ends
	  FROM closed;
	IF v_events IS NOT NULL THEN
		PERFORM lastpair.note_lapses(p_drop, v_users, v_seconds, v_ends);
		PERFORM lastpair.wrote();
	END IF;
	RETURN v_events;
END $$;
