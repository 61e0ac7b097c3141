-- Notes for how many seconds users have kept a pair of a drop that they did not buy, and when each let
-- go: judge() counts it for the cool-down. Holds that began within ten minutes after the one before count
-- together; those of no second were a change of mind. Each user stands there once; the caller has
-- passed the drop's gate.
CREATE OR REPLACE FUNCTION lastpair.note_lapses(p_drop bigint, p_users bigint[], p_seconds integer[], p_ends timestamptz[])
RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	INSERT INTO lastpair.lapses AS l (user_id, drop_id, holds, seconds, last_at)
	SELECT n.user_id, p_drop, 1, n.seconds, n.ended_at
	  FROM unnest(p_users, p_seconds, p_ends) AS n (user_id, seconds, ended_at)
	 WHERE n.seconds > 0
	ON CONFLICT (user_id, drop_id) DO UPDATE
	   SET holds = CASE WHEN l.last_at + interval '10 minutes' + make_interval(secs => excluded.seconds)
			> excluded.last_at THEN l.holds + 1 ELSE 1 END,
	       seconds = CASE WHEN l.last_at + interval '10 minutes' + make_interval(secs => excluded.seconds)
			> excluded.last_at THEN least(l.seconds + excluded.seconds, 1000000) ELSE excluded.seconds END,
	       last_at = excluded.last_at;
END $$;
