-- What speaks against each of the reserves that api.reserve() was given: a refusal, `kept`
-- (answered before, under its key), `made` (sent before: its hold is there), or nothing,
-- and then `available` of its size may yet be too few. All from one snapshot: a hold that is
-- closed between two looks would be seen by neither.
--
-- `cooling_down`, with the seconds that are left as its body: this user let several holds of the
-- drop lapse or gave them back, one soon after the other, which kept a pair from the others for as
-- long as two holds last, a minute at least. While there are few pairs (ten, or a tenth), the next
-- hold then has to wait as long as a hold lasts, or cool_down_seconds if that is less. A single
-- lapse, and what is bought, never counts; where there are pairs for all, or none for anybody,
-- nothing is looked up.
--
-- One query, so that the planner puts it in the place of the call; LATERAL with a LIMIT, or with
-- OFFSET 0 (one node less) where a unique index of the whole table gives one row at most, makes each
-- look a probe of that index.
CREATE OR REPLACE FUNCTION lastpair.judge(p_drop bigint, p_ids uuid[], p_sessions uuid[], p_sizes text[],
	p_keys text[], p_requests text[], p_again boolean, p_now timestamptz)
RETURNS TABLE (ord bigint, id uuid, user_id bigint, size text, key text, print bytea, status smallint,
	body text, available integer, code text)
LANGUAGE sql STABLE ROWS 16 AS $$
	WITH o AS MATERIALIZED (
		SELECT * FROM lastpair.drops WHERE id = p_drop
	), shelf AS MATERIALIZED (
		SELECT size, available, available BETWEEN 1 AND greatest(10, total / 10) AS scarce
		  FROM lastpair.stock WHERE drop_id = p_drop
	)
	SELECT r.ord, r.id, s.user_id, z.size, r.key, q.print, k.status, coalesce(k.body, c.wait), z.available, CASE
		WHEN s.user_id IS NULL THEN 'unauthenticated'
		WHEN k.print <> q.print THEN 'key_reused'
		WHEN k.print IS NOT NULL THEN 'kept'
		WHEN p_again AND EXISTS (SELECT FROM lastpair.reservations x
			WHERE x.id = r.id AND x.user_id = s.user_id) THEN 'made'
		WHEN o.id IS NULL THEN 'not_found'
		WHEN z.size IS NULL THEN 'unknown_size'
		WHEN o.ends_at <= p_now THEN 'ended'
		WHEN NOT o.is_active THEN 'paused'
		WHEN o.starts_at > p_now THEN 'not_started'
		WHEN h.expires_at > p_now THEN 'already_reserved'
		WHEN b.bought >= o.max_per_user THEN 'limit_reached'
		WHEN c.wait IS NOT NULL THEN 'cooling_down' END
	  FROM unnest(p_ids, p_sessions, p_sizes, p_keys, p_requests)
	       WITH ORDINALITY AS r (id, session, size, key, request, ord)
	  LEFT JOIN o ON true
	  LEFT JOIN shelf z ON z.size = coalesce(r.size,
		(SELECT min(size) FROM shelf HAVING count(*) = 1))
	 CROSS JOIN LATERAL (SELECT lastpair.print_of(r.request) AS print OFFSET 0) q
	  LEFT JOIN LATERAL (SELECT n.user_id FROM lastpair.sessions n
		WHERE n.id = r.session AND n.expires_at > p_now OFFSET 0) s ON true
	  LEFT JOIN LATERAL (SELECT i.print, i.status, i.body FROM lastpair.idempotency_keys i
		WHERE i.user_id = s.user_id AND i.key = r.key OFFSET 0) k ON true
	  LEFT JOIN LATERAL (SELECT v.expires_at FROM lastpair.reservations v
		WHERE v.user_id = s.user_id AND v.drop_id = p_drop AND v.status = 'active' LIMIT 1) h ON true
	  LEFT JOIN LATERAL (SELECT count(*) AS bought FROM lastpair.purchases p
		WHERE p.user_id = s.user_id AND p.drop_id = p_drop) b ON true
	  LEFT JOIN LATERAL (SELECT ceil(extract(epoch FROM
			l.last_at + make_interval(secs => least(o.hold_seconds, o.cool_down_seconds)) - p_now))::integer::text AS wait
		 FROM lastpair.lapses l
		WHERE z.scarce AND l.user_id = s.user_id AND l.drop_id = p_drop AND l.holds > 1
		  AND l.seconds >= greatest(60, 2 * o.hold_seconds)
		  AND l.last_at > p_now - make_interval(secs => least(o.hold_seconds, o.cool_down_seconds)) OFFSET 0) c ON true
$$;
