-- Looks for every breach of what must always be true. `figure`: how many rows were looked
-- at; `breaches`: how many of them are wrong. For the owner (lastpairctl audit).
CREATE OR REPLACE FUNCTION lastpair.audit()
RETURNS TABLE ("check" text, figure bigint, breaches bigint)
LANGUAGE sql STABLE AS $$
	SELECT 'stock conserved (available + reserved + sold = total)', count(*),
	       count(*) FILTER (WHERE available + reserved + sold <> total
	                           OR least(available, reserved, sold, total) < 0)
	  FROM lastpair.stock
	UNION ALL
	SELECT 'pairs held = active holds, by size', coalesce(sum(s.reserved), 0),
	       count(*) FILTER (WHERE s.reserved <> coalesce(h.n, 0))
	  FROM lastpair.stock s
	  LEFT JOIN (SELECT drop_id, size, count(*) AS n FROM lastpair.reservations
	              WHERE status = 'active' GROUP BY 1, 2) h USING (drop_id, size)
	UNION ALL
	SELECT 'pairs sold = purchases, by size', coalesce(sum(s.sold), 0),
	       count(*) FILTER (WHERE s.sold <> coalesce(p.n, 0))
	  FROM lastpair.stock s
	  LEFT JOIN (SELECT drop_id, size, count(*) AS n FROM lastpair.purchases GROUP BY 1, 2) p
	       USING (drop_id, size)
	UNION ALL
	SELECT 'at most one active hold a user and drop', coalesce(sum(n), 0), count(*) FILTER (WHERE n > 1)
	  FROM (SELECT count(*) AS n FROM lastpair.reservations WHERE status = 'active'
	         GROUP BY user_id, drop_id) a
	UNION ALL
	SELECT 'at most maxPerUser purchases a user and drop', coalesce(sum(n), 0),
	       count(*) FILTER (WHERE n > max_per_user)
	  FROM (SELECT p.drop_id, count(*) AS n FROM lastpair.purchases p GROUP BY p.drop_id, p.user_id) b
	  JOIN lastpair.drops d ON d.id = b.drop_id
	UNION ALL
	SELECT 'each purchase has its completed reservation', count(*),
	       count(*) FILTER (WHERE r.id IS NULL OR r.status <> 'completed' OR r.user_id <> p.user_id
	                           OR r.drop_id <> p.drop_id OR r.size <> p.size)
	  FROM lastpair.purchases p LEFT JOIN lastpair.reservations r ON r.id = p.reservation_id
	UNION ALL
	SELECT 'each completed reservation has its purchase', count(*),
	       count(*) FILTER (WHERE p.id IS NULL)
	  FROM lastpair.reservations r LEFT JOIN lastpair.purchases p ON p.reservation_id = r.id
	 WHERE r.status = 'completed'
	UNION ALL
	SELECT 'no purchase after its hold was over', count(*),
	       count(*) FILTER (WHERE p.purchased_at >= r.expires_at)
	  FROM lastpair.purchases p JOIN lastpair.reservations r ON r.id = p.reservation_id
	UNION ALL
	SELECT 'reservations belong to a size and a user that exist', count(*),
	       count(*) FILTER (WHERE s.drop_id IS NULL OR u.id IS NULL)
	  FROM lastpair.reservations r
	  LEFT JOIN lastpair.stock s ON s.drop_id = r.drop_id AND s.size = r.size
	  LEFT JOIN lastpair.users u ON u.id = r.user_id
	UNION ALL
	SELECT 'administrators'' actions are numbered without a gap, in the order of their times', count(*),
	       count(*) FILTER (WHERE id <> n OR at < before_it)
	  FROM (SELECT id, at, row_number() OVER w AS n, lag(at) OVER w AS before_it
	          FROM lastpair.admin_actions WINDOW w AS (ORDER BY id)) a
$$;
