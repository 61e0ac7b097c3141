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
--
-- What a statement costs before it reads its first row is most of what a call costs, so there
-- are as few as can be.
CREATE OR REPLACE FUNCTION api.reserve(p_drop bigint, p_ids uuid[], p_sessions uuid[],
	p_sizes text[], p_keys text[], p_requests text[], p_again boolean DEFAULT false)
RETURNS SETOF lastpair.reply
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = lastpair, pg_temp
-- A table without statistics must not turn a probe into a scan of all reservations, nor the
-- newest three buyers into a sort of all; and planning anew would take longer than the work.
-- Each user comes once, so there is nothing to memoize.
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_sort = off
SET enable_memoize = off AS $$
DECLARE
	v_now timestamptz := now_ms();
	v_verdicts verdict[];
	v_held integer;
	v_repeated boolean;	-- some were answered before
	v_lapsed boolean;
	v_events text[];	-- for all
	v_told text;		-- the stock, as it is then
	v_seconds integer;	-- that a hold lasts
	v_rest text;		-- of the answers
	v_middle text;		-- of the holds, between id and size, and behind it
	v_end text;
	v_wrote text;
BEGIN
	IF NOT EXISTS (
		SELECT FROM drops o
		 WHERE o.id = p_drop AND o.is_active AND o.starts_at <= v_now
		   AND (o.ends_at > v_now) IS NOT FALSE
		   AND (EXISTS (SELECT FROM stock
				WHERE drop_id = p_drop AND available > 0
				  AND (size = ANY (p_sizes) OR array_position(p_sizes, NULL) IS NOT NULL))
			OR EXISTS (SELECT FROM reservations
				WHERE drop_id = p_drop AND status = 'active' AND expires_at <= v_now))) THEN
		SELECT array_agg(ROW(ord, id, user_id, size, key, print, coalesce(code, 'sold_out'), status, body)::verdict ORDER BY ord),
		       0, bool_or(code IN ('kept', 'made'))
		  INTO v_verdicts, v_held, v_repeated
		  FROM judge(p_drop, p_ids, p_sessions, p_sizes, p_keys, p_requests, p_again, v_now);
	ELSE
		PERFORM gate(p_drop);
		v_now := now_ms();
		LOOP
			WITH due AS MATERIALIZED (
				SELECT EXISTS (SELECT FROM reservations
					WHERE drop_id = p_drop AND status = 'active' AND expires_at <= v_now) AS lapsed
			), o AS MATERIALIZED (
				SELECT * FROM drops WHERE id = p_drop
			), judged AS MATERIALIZED (	-- as far as pairs go, in the order they came
				SELECT ord, id, user_id, size, key, print, status, body, CASE
					WHEN code IS NOT NULL THEN code
					WHEN row_number() OVER (PARTITION BY size, code ORDER BY ord) > available THEN 'sold_out'
					ELSE 'held' END AS code
				  FROM judge(p_drop, p_ids, p_sessions, p_sizes, p_keys, p_requests, p_again, v_now)
			), made AS (
				INSERT INTO reservations (id, drop_id, size, user_id, price_cents, currency,
						created_at, expires_at)
				SELECT v.id, o.id, v.size, v.user_id, o.price_cents, o.currency, v_now,
				       v_now + make_interval(secs => o.hold_seconds)
				  FROM judged v, o, due
				 WHERE v.code = 'held' AND NOT due.lapsed
				RETURNING size
			), taken AS (
				UPDATE stock s
				   SET available = s.available - m.pairs, reserved = s.reserved + m.pairs,
				       version = s.version + 1
				  FROM (SELECT size, count(*)::integer AS pairs FROM made GROUP BY size) m
				 WHERE s.drop_id = p_drop AND s.size = m.size
			)
			SELECT array_agg(ROW(ord, id, user_id, size, key, print, code, status, body)::verdict ORDER BY ord),
			       count(*) FILTER (WHERE code = 'held'), bool_or(code IN ('kept', 'made')),
			       (SELECT lapsed FROM due)
			  INTO v_verdicts, v_held, v_repeated, v_lapsed
			  FROM judged;
			EXIT WHEN NOT v_lapsed;
			v_events := v_events || expire_lapsed(p_drop, v_now, 1000);
		END LOOP;
	END IF;

	IF v_held > 0 OR v_repeated OR v_events IS NOT NULL THEN
		v_wrote := wrote();
		SELECT o.hold_seconds, stock_event(p_drop, t, v_now),
		       ', "drop" : ' || drop_json(o, t, b, v_now) || ', "serverTime" : "' || stamp(v_now) || '"}'
		  INTO v_seconds, v_told, v_rest
		  FROM drops o CROSS JOIN LATERAL stock_sums(o.id) t CROSS JOIN LATERAL newest_buyers(o.id) b
		 WHERE o.id = p_drop;
		v_events := array_append(v_events, v_told);
		-- A hold as reservation_json() writes it; what they share is formatted once.
		v_middle := '", "dropId" : ' || p_drop || ', "size" : ';
		v_end := ', "status" : "active", "createdAt" : "' || stamp(v_now) || '", "expiresAt" : "'
			|| stamp(v_now + make_interval(secs => v_seconds)) || '"}';
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
			WHEN 'kept' THEN v.body
			WHEN 'cooling_down' THEN v.body END,
		       NULL::text[]
		  FROM unnest(v_verdicts) v;
	RETURN NEXT ROW(NULL, NULL, v_rest, v_events)::reply;
END $$;
REVOKE ALL ON FUNCTION api.reserve(bigint, uuid[], uuid[], text[], text[], text[], boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.reserve(bigint, uuid[], uuid[], text[], text[], text[], boolean) TO lastpair_api;
