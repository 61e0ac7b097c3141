-- Holds pairs of one drop for several users at once, each of whom is named once: one
-- answer a request, in the order of the arrays, which is the order they are served in.
--   p_ids       ids of the holds to make; a request sent again after a lost connection
--               carries the same id and is answered as the first
--   p_sizes     NULL where the request names none
--   p_keys, p_requests  Idempotency-Key and what it stands for; NULL where there is none
--
-- What can be known without a lock is looked up before the gate, so that it is held for
-- little more than the INSERT and the UPDATE. What is sold out is said without any lock,
-- unless a hold has lapsed at that moment: then it is reclaimed here, so that a pair is
-- free the instant its hold ends, whether or not the expiry runs.
CREATE OR REPLACE FUNCTION api.reserve(p_drop bigint, p_ids uuid[], p_sessions uuid[],
	p_sizes text[], p_keys text[], p_requests text[]) RETURNS SETOF lastpair.reply
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = lastpair, pg_temp
-- A table without statistics must not turn a probe into a scan of all reservations, and
-- planning anew would take longer than the work.
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	v_now timestamptz := now_ms();
	v_verdicts verdict[];
	v_pending integer;	-- how many may have a pair yet
	v_repeated boolean;	-- some were answered before
	v_won integer;
	v_made integer := 0;
	v_events text[];	-- for all
	d drops;
	v_stock stock_sum;
	v_buyers json;
	v_drop json;
	v_wrote text;
BEGIN
	FOR v_round IN 1 .. 2 LOOP
		-- What speaks against each, from one snapshot: a hold that is closed between two
		-- looks would be seen by neither. LATERAL makes each look an index probe.
		SELECT array_agg(ROW(j.ord, j.id, j.user_id, j.size, j.key, j.print, j.code, j.status, j.body)::verdict
				ORDER BY j.ord),
		       count(*) FILTER (WHERE j.code IS NULL), bool_or(j.code IN ('kept', 'made'))
		  INTO v_verdicts, v_pending, v_repeated
		  FROM (
			SELECT r.ord, r.id, s.user_id, z.size, r.key, q.print, k.status, k.body, CASE
				WHEN s.user_id IS NULL THEN 'unauthenticated'
				WHEN k.print <> q.print THEN 'key_reused'
				WHEN k.print IS NOT NULL THEN 'kept'
				WHEN h.id = r.id OR v_round = 2 AND EXISTS (SELECT FROM reservations x
					WHERE x.id = r.id AND x.user_id = s.user_id) THEN 'made'
				WHEN o.id IS NULL THEN 'not_found'
				WHEN z.size IS NULL THEN 'unknown_size'
				WHEN o.ends_at <= v_now THEN 'ended'
				WHEN NOT o.is_active THEN 'paused'
				WHEN o.starts_at > v_now THEN 'not_started'
				WHEN h.id IS NOT NULL THEN 'already_reserved'
				WHEN b.bought >= o.max_per_user THEN 'limit_reached'
				WHEN z.available = 0 AND NOT EXISTS (SELECT FROM reservations
					WHERE drop_id = p_drop AND status = 'active' AND expires_at <= v_now)
					THEN 'sold_out' END AS code
			  FROM unnest(p_ids, p_sessions, p_sizes, p_keys, p_requests)
			       WITH ORDINALITY AS r (id, session, size, key, request, ord)
			 CROSS JOIN LATERAL (SELECT print_of(r.request) AS print) q
			  LEFT JOIN drops o ON o.id = p_drop
			  LEFT JOIN LATERAL (SELECT user_id FROM sessions
				WHERE sessions.id = r.session AND expires_at > v_now) s ON true
			  LEFT JOIN LATERAL (SELECT i.print, i.status, i.body FROM idempotency_keys i
				WHERE i.user_id = s.user_id AND i.key = r.key) k ON true
			  LEFT JOIN LATERAL (SELECT v.id FROM reservations v
				-- + 0 and IS TRUE: to be found by the user alone, in no other index
				WHERE v.user_id = s.user_id AND v.drop_id + 0 = p_drop
				  AND v.status = 'active' AND (v.expires_at > v_now) IS TRUE) h ON true
			  LEFT JOIN LATERAL (SELECT count(*) AS bought FROM purchases p
				WHERE p.user_id = s.user_id AND p.drop_id = p_drop) b ON true
			  LEFT JOIN LATERAL (SELECT size, available FROM stock
				WHERE drop_id = p_drop AND size = coalesce(r.size, (
					SELECT min(size) FROM stock WHERE drop_id = p_drop HAVING count(*) = 1))) z ON true
			OFFSET 0
		  ) j;
		EXIT WHEN v_pending = 0;

		IF v_round = 1 THEN
			v_buyers := buyers_of(p_drop);
			PERFORM gate(p_drop);
			v_now := now_ms();
			IF EXISTS (SELECT FROM reservations
					WHERE drop_id = p_drop AND status = 'active' AND expires_at <= v_now) THEN
				v_events := expire_lapsed(p_drop, v_now, 1000);
			END IF;
		END IF;

		-- As far as pairs go, in the order they came. What may have changed before the gate
		-- is looked at again: the drop, a purchase and, by the unique indexes, a hold of the same user or with the same id.
		WITH made AS (
			INSERT INTO reservations (id, drop_id, size, user_id, price_cents, currency,
					created_at, expires_at)
			SELECT v.id, o.id, v.size, v.user_id, o.price_cents, o.currency, v_now,
			       v_now + make_interval(secs => o.hold_seconds)
			  FROM (SELECT id, size, user_id, row_number() OVER (PARTITION BY size ORDER BY ord) AS place
			          FROM unnest(v_verdicts) WHERE code IS NULL) v
			  JOIN drops o ON o.id = p_drop AND o.is_active AND o.starts_at <= v_now
			   AND (o.ends_at > v_now) IS NOT FALSE
			 CROSS JOIN LATERAL (SELECT available FROM stock s
				WHERE s.drop_id = o.id AND s.size = v.size) st
			 WHERE v.place <= st.available
			   AND (SELECT count(*) FROM purchases p
				WHERE p.user_id = v.user_id AND p.drop_id = o.id) < o.max_per_user
			ON CONFLICT DO NOTHING
			RETURNING size
		), taken AS (
			UPDATE stock s
			   SET available = s.available - m.pairs, reserved = s.reserved + m.pairs,
			       version = s.version + 1
			  FROM (SELECT size, count(*)::integer AS pairs FROM made GROUP BY size) m
			 WHERE s.drop_id = p_drop AND s.size = m.size
		)
		SELECT count(*) INTO v_won FROM made;
		v_made := v_made + v_won;
		EXIT WHEN v_won = v_pending;	-- else judge the others again, now that nobody can move
	END LOOP;

	IF v_made > 0 OR v_repeated THEN
		v_wrote := wrote();
		SELECT * INTO d FROM drops WHERE id = p_drop;
		v_stock := stock_of(p_drop);
		v_drop := drop_json(d, v_stock, coalesce(v_buyers, buyers_of(p_drop)), v_now);
		v_events := array_append(v_events, stock_event(p_drop, v_stock, v_now));
	ELSIF v_events IS NOT NULL THEN
		v_events := array_append(v_events, stock_event(p_drop, v_now));
	END IF;

	IF array_remove(p_keys, NULL) <> '{}' THEN	-- keys last, and in order: see gate()
		PERFORM remember(v.user_id, v.key, v.print, 201::smallint, reserve_body(r, v_drop, v_now))
		   FROM (SELECT * FROM unnest(v_verdicts)
		          WHERE key IS NOT NULL AND (code IS NULL OR code = 'made')
		          ORDER BY user_id, key OFFSET 0) v
		   JOIN reservations r ON r.id = v.id;
	END IF;

	RETURN QUERY
		SELECT CASE WHEN r.id IS NOT NULL THEN 201 WHEN v.code = 'kept' THEN v.status ELSE 0 END::smallint,
		       CASE WHEN r.id IS NULL AND v.code IS DISTINCT FROM 'kept'
		            THEN coalesce(v.code, 'sold_out') END,
		       CASE WHEN r.id IS NOT NULL THEN reserve_body(r, v_drop, v_now)
		            WHEN v.code = 'kept' THEN v.body END,
		       CASE WHEN v.ord = 1 THEN v_events END
		       || CASE WHEN r.id IS NOT NULL THEN ARRAY[hold_event(r, v_now)] END
		  FROM unnest(v_verdicts) v
		  LEFT JOIN LATERAL (SELECT * FROM reservations
		                      WHERE reservations.id = v.id
		                        AND (v.code IS NULL OR v.code = 'made')) r ON true;
END $$;
REVOKE ALL ON FUNCTION api.reserve(bigint, uuid[], uuid[], text[], text[], text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.reserve(bigint, uuid[], uuid[], text[], text[], text[]) TO lastpair_api;
