-- Makes a hold for each of these requests that still may have a pair, as far as pairs go,
-- and returns how many. The caller has passed the gate. What may have changed since the
-- requests were judged, before the gate, is looked at again: a hold or a purchase of the
-- same user.
CREATE OR REPLACE FUNCTION lastpair.hold_pairs(d lastpair.drops, p_verdicts lastpair.verdict[],
	p_now timestamptz) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	v_count integer;
BEGIN
	WITH made AS (
		INSERT INTO lastpair.reservations AS n (id, drop_id, size, user_id, price_cents, currency,
				created_at, expires_at)
		SELECT v.id, d.id, v.size, v.user_id, d.price_cents, d.currency, p_now,
		       p_now + make_interval(secs => d.hold_seconds)
		  FROM unnest(p_verdicts) v
		 CROSS JOIN LATERAL (SELECT available FROM lastpair.stock s
		                      WHERE s.drop_id = d.id AND s.size = v.size) st
		 WHERE v.place <= st.available
		   AND (SELECT count(*) FROM lastpair.purchases p
		         WHERE p.user_id = v.user_id AND p.drop_id = d.id) < d.max_per_user
		ON CONFLICT (user_id, drop_id) WHERE status = 'active' DO NOTHING
		RETURNING n.size
	), taken AS (
		UPDATE lastpair.stock s
		   SET available = s.available - m.pairs, reserved = s.reserved + m.pairs,
		       version = s.version + 1
		  FROM (SELECT size, count(*)::integer AS pairs FROM made GROUP BY size) m
		 WHERE s.drop_id = d.id AND s.size = m.size
	)
	SELECT count(*) INTO v_count FROM made;
	RETURN v_count;
END $$;
