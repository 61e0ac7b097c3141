-- What can be said of each request in a batch of reserves without any lock: see
-- api.reserve(), whose settings it relies on. LATERAL makes each look an index probe.
CREATE OR REPLACE FUNCTION lastpair.judge(p_drop bigint, p_only text, p_limit integer, p_ids uuid[],
	p_sessions uuid[], p_sizes text[], p_keys text[], p_requests text[]) RETURNS lastpair.verdict[]
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	v_now timestamptz := lastpair.now_ms();
BEGIN
	RETURN (
		SELECT array_agg(ROW(j.ord, j.id, j.user_id, j.size, j.key, j.print, j.code,
				CASE WHEN j.code IS NULL THEN j.place END,
				CASE WHEN j.code = 'kept' THEN j.status END, CASE WHEN j.code = 'kept' THEN j.body END)::lastpair.verdict)
		  FROM (SELECT *, row_number() OVER (PARTITION BY i.size, i.code ORDER BY i.ord) AS place FROM (
			SELECT r.ord, r.id, s.user_id, coalesce(r.size, p_only) AS size, r.key, q.print,
			       k.status, k.body, CASE
				WHEN s.user_id IS NULL THEN 'unauthenticated'
				WHEN k.print <> q.print THEN 'key_reused'
				WHEN k.print IS NOT NULL THEN 'kept'
				WHEN h.id = r.id THEN 'made'
				WHEN p_limit IS NULL THEN 'not_found'
				WHEN st.drop_id IS NULL THEN 'unknown_size'
				WHEN h.id IS NOT NULL THEN 'already_reserved'
				WHEN b.bought >= p_limit THEN 'limit_reached' END AS code
			  FROM unnest(p_ids, p_sessions, p_sizes, p_keys, p_requests)
			       WITH ORDINALITY AS r (id, session, size, key, request, ord)
			 CROSS JOIN LATERAL (SELECT lastpair.print_of(r.request) AS print) q
			  LEFT JOIN LATERAL (SELECT user_id FROM lastpair.sessions
			                      WHERE sessions.id = r.session AND expires_at > v_now) s ON true
			  LEFT JOIN LATERAL (SELECT i.print, i.status, i.body FROM lastpair.idempotency_keys i
			                      WHERE i.user_id = s.user_id AND i.key = r.key) k ON true
			  LEFT JOIN LATERAL (SELECT v.id FROM lastpair.reservations v
			                      WHERE v.user_id = s.user_id AND v.drop_id = p_drop
			                        AND v.status = 'active' AND v.expires_at > v_now) h ON true
			  LEFT JOIN LATERAL (SELECT count(*) AS bought FROM lastpair.purchases p
			                      WHERE p.user_id = s.user_id AND p.drop_id = p_drop) b ON true
			  LEFT JOIN LATERAL (SELECT drop_id FROM lastpair.stock
			                      WHERE drop_id = p_drop AND size = coalesce(r.size, p_only)) st ON true
		  ) i) j);
END $$;
