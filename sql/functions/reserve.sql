-- Holds pairs of one drop for several users at once, each of whom is named once: one
-- row a request, in the order of the arrays, which is the order they are served in, and
-- one row more. A request that got its hold has the code `held` and the hold as its body.
-- The last row has as its body what follows each of those holds in the answer (the
-- answer is `{"reservation" : `, hold, that), and as its events what everybody is to be told.
-- An answer kept for a key is whole.
--   p_ids       ids of the holds to make
--   p_sizes     NULL where the request names none
--   p_keys, p_requests  Idempotency-Key and what it stands for; NULL where there is none
--   p_again     the same call was sent before and its answer was lost: a request whose
--               hold is there is answered as the first time
--
-- Whether there is anything to be had is asked first and without a lock, of one snapshot
-- that shows stock and lapsed holds together: what is sold out is said without passing the
-- gate, and nothing is written for it. Behind the gate nothing of this drop moves any more, so
-- one statement judges all and takes the pairs. A hold that has lapsed is reclaimed there: a
-- pair is free the instant its hold ends, whether or not the expiry runs.
CREATE OR REPLACE FUNCTION api.reserve(p_drop bigint, p_ids uuid[], p_sessions uuid[],
	p_sizes text[], p_keys text[], p_requests text[], p_again boolean DEFAULT false)
RETURNS SETOF lastpair.reply
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = lastpair, pg_temp
-- A table without statistics must not turn a probe into a scan of all reservations, and
-- planning anew would take longer than the work.
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	v_now timestamptz := now_ms();
	v_open boolean;		-- there may be something to be had
	v_verdicts verdict[];
	v_held integer;
	v_repeated boolean;	-- some were answered before
	v_events text[];	-- for all
	d drops;
	v_stock stock_sum;
	v_buyers json;
	v_rest text;		-- of the answers
	v_middle text;		-- of the holds, between id and size, and behind it
	v_end text;
	v_wrote text;
BEGIN
	v_open := EXISTS (
		SELECT FROM drops o
		 WHERE o.id = p_drop AND o.is_active AND o.starts_at <= v_now
		   AND (o.ends_at > v_now) IS NOT FALSE
		   AND (EXISTS (SELECT FROM stock
				WHERE drop_id = p_drop AND available > 0
				  AND (size = ANY (p_sizes) OR array_position(p_sizes, NULL) IS NOT NULL))
			OR EXISTS (SELECT FROM reservations
				WHERE drop_id = p_drop AND status = 'active' AND expires_at <= v_now)));
	IF v_open THEN
		v_buyers := buyers_of(p_drop);
		PERFORM gate(p_drop);
		v_now := now_ms();
		WHILE EXISTS (SELECT FROM reservations
				WHERE drop_id = p_drop AND status = 'active' AND expires_at <= v_now) LOOP
			v_events := v_events || expire_lapsed(p_drop, v_now, 1000);
		END LOOP;
	END IF;

	-- What speaks against each comes from one snapshot: a hold that is closed between two
	-- looks would be seen by neither. LATERAL with a LIMIT makes each look a probe of an index.
	WITH o AS MATERIALIZED (
		SELECT * FROM drops WHERE id = p_drop
	), shelf AS MATERIALIZED (
		SELECT size, available FROM stock WHERE drop_id = p_drop
	), asked AS MATERIALIZED (
		SELECT r.ord, r.id, s.user_id, z.size, r.key, q.print, k.status, k.body, z.available, CASE
			WHEN s.user_id IS NULL THEN 'unauthenticated'
			WHEN k.print <> q.print THEN 'key_reused'
			WHEN k.print IS NOT NULL THEN 'kept'
			WHEN p_again AND EXISTS (SELECT FROM reservations x
				WHERE x.id = r.id AND x.user_id = s.user_id) THEN 'made'
			WHEN o.id IS NULL THEN 'not_found'
			WHEN z.size IS NULL THEN 'unknown_size'
			WHEN o.ends_at <= v_now THEN 'ended'
			WHEN NOT o.is_active THEN 'paused'
			WHEN o.starts_at > v_now THEN 'not_started'
			WHEN h.expires_at > v_now THEN 'already_reserved'
			WHEN b.bought >= o.max_per_user THEN 'limit_reached'
			WHEN NOT v_open THEN 'sold_out' END AS code
		  FROM unnest(p_ids, p_sessions, p_sizes, p_keys, p_requests)
		       WITH ORDINALITY AS r (id, session, size, key, request, ord)
		  LEFT JOIN o ON true
		  LEFT JOIN shelf z ON z.size = coalesce(r.size,
			(SELECT min(size) FROM shelf HAVING count(*) = 1))
		 CROSS JOIN LATERAL (SELECT print_of(r.request) AS print OFFSET 0) q
		  LEFT JOIN LATERAL (SELECT user_id FROM sessions
			WHERE sessions.id = r.session AND expires_at > v_now LIMIT 1) s ON true
		  LEFT JOIN LATERAL (SELECT i.print, i.status, i.body FROM idempotency_keys i
			WHERE i.user_id = s.user_id AND i.key = r.key LIMIT 1) k ON true
		  LEFT JOIN LATERAL (SELECT v.expires_at FROM reservations v
			WHERE v.user_id = s.user_id AND v.drop_id = p_drop AND v.status = 'active' LIMIT 1) h ON true
		  LEFT JOIN LATERAL (SELECT count(*) AS bought FROM purchases p
			WHERE p.user_id = s.user_id AND p.drop_id = p_drop) b ON true
	), judged AS MATERIALIZED (	-- as far as pairs go, in the order they came
		SELECT ord, id, user_id, size, key, print, status, body, CASE
			WHEN code IS NOT NULL THEN code
			WHEN row_number() OVER (PARTITION BY size, code ORDER BY ord) > available THEN 'sold_out'
			ELSE 'held' END AS code
		  FROM asked
	), made AS (
		INSERT INTO reservations (id, drop_id, size, user_id, price_cents, currency,
				created_at, expires_at)
		SELECT v.id, o.id, v.size, v.user_id, o.price_cents, o.currency, v_now,
		       v_now + make_interval(secs => o.hold_seconds)
		  FROM judged v, o
		 WHERE v.code = 'held'
		RETURNING size
	), taken AS (
		UPDATE stock s
		   SET available = s.available - m.pairs, reserved = s.reserved + m.pairs,
		       version = s.version + 1
		  FROM (SELECT size, count(*)::integer AS pairs FROM made GROUP BY size) m
		 WHERE s.drop_id = p_drop AND s.size = m.size
	)
	SELECT array_agg(ROW(ord, id, user_id, size, key, print, code, status, body)::verdict ORDER BY ord),
	       count(*) FILTER (WHERE code = 'held'), bool_or(code IN ('kept', 'made'))
	  INTO v_verdicts, v_held, v_repeated
	  FROM judged;

	IF v_held > 0 OR v_repeated THEN
		v_wrote := wrote();
		SELECT * INTO d FROM drops WHERE id = p_drop;
		v_stock := stock_of(p_drop);
		v_rest := ', "drop" : ' || drop_json(d, v_stock, coalesce(v_buyers, buyers_of(p_drop)), v_now)
			|| ', "serverTime" : "' || stamp(v_now) || '"}';
		-- A hold as reservation_json() writes it; what they share is formatted once.
		v_middle := '", "dropId" : ' || p_drop || ', "size" : ';
		v_end := ', "status" : "active", "createdAt" : "' || stamp(v_now) || '", "expiresAt" : "'
			|| stamp(v_now + make_interval(secs => d.hold_seconds)) || '"}';
		v_events := array_append(v_events, stock_event(p_drop, v_stock, v_now));
	ELSIF v_events IS NOT NULL THEN
		v_events := array_append(v_events, stock_event(p_drop, v_now));
	END IF;

	IF array_remove(p_keys, NULL) <> '{}' THEN	-- keys last, and in order: see gate()
		PERFORM remember(v.user_id, v.key, v.print, 201::smallint,
				'{"reservation" : ' || reservation_json(r, v_now) || v_rest)
		   FROM (SELECT * FROM unnest(v_verdicts)
		          WHERE key IS NOT NULL AND code IN ('held', 'made')
		          ORDER BY user_id, key OFFSET 0) v
		   JOIN reservations r ON r.id = v.id;
	END IF;

	RETURN QUERY
		SELECT CASE WHEN v.code IN ('held', 'made') THEN 201 WHEN v.code = 'kept' THEN v.status ELSE 0 END::smallint,
		       CASE v.code WHEN 'made' THEN 'held' WHEN 'kept' THEN NULL ELSE v.code END,
		       CASE v.code
			WHEN 'held' THEN '{"id" : "' || v.id || v_middle || to_json(v.size) || v_end
			WHEN 'made' THEN (SELECT reservation_json(r, v_now)::text FROM reservations r WHERE r.id = v.id)
			WHEN 'kept' THEN v.body END,
		       NULL::text[]
		  FROM unnest(v_verdicts) v;
	RETURN NEXT ROW(NULL, NULL, v_rest, v_events)::reply;
END $$;
REVOKE ALL ON FUNCTION api.reserve(bigint, uuid[], uuid[], text[], text[], text[], boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.reserve(bigint, uuid[], uuid[], text[], text[], text[], boolean) TO lastpair_api;
