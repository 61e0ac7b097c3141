-- Holds pairs of one drop for several users at once, each of whom is named once: one
-- answer a request, in the order of the arrays, which is the order they are served in.
--   p_ids       ids of the holds to make; a request sent again after a lost connection
--               carries the same id and is answered as the first
--   p_sizes     NULL where the request names none
--   p_keys, p_requests  Idempotency-Key and what it stands for; NULL where there is none
--
-- What is sold out is said without any lock, unless a hold has lapsed at that moment:
-- then it is reclaimed here, so that a pair is free the instant its hold ends, whether
-- or not the expiry runs.
CREATE OR REPLACE FUNCTION api.reserve(p_drop bigint, p_ids uuid[], p_sessions uuid[],
	p_sizes text[], p_keys text[], p_requests text[]) RETURNS SETOF lastpair.reply
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = lastpair, pg_temp
-- A table without statistics must not turn a probe into a scan of all reservations.
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	d drops;
	v_only text;		-- the size, where the drop has one
	v_stocked boolean;	-- something may be free: pass the gate
	v_now timestamptz;
	v_refusal text;		-- of the drop as a whole
	v_verdicts verdict[];
	v_expired text[];
	v_stock text;
	v_drop json;
BEGIN
	SELECT * INTO d FROM drops WHERE id = p_drop;
	SELECT min(size) INTO v_only FROM stock WHERE drop_id = p_drop HAVING count(*) = 1;

	-- One snapshot for both questions: a hold that is closed between two looks would be
	-- seen by neither.
	SELECT EXISTS (SELECT FROM stock
	                WHERE drop_id = p_drop AND available > 0
	                  AND (size = v_only OR size = ANY (p_sizes)))
	    OR EXISTS (SELECT FROM reservations
	                WHERE drop_id = p_drop AND status = 'active' AND expires_at <= clock_timestamp())
	  INTO v_stocked;
	IF v_stocked THEN
		PERFORM gate(p_drop);
		SELECT * INTO d FROM drops WHERE id = p_drop;
	END IF;

	v_now := now_ms();
	v_refusal := CASE
		WHEN d.id IS NULL THEN 'not_found'
		WHEN d.ends_at <= v_now THEN 'ended'
		WHEN NOT d.is_active THEN 'paused'
		WHEN d.starts_at > v_now THEN 'not_started' END;
	IF v_stocked THEN
		v_expired := expire_lapsed(p_drop, v_now, 1000);
	END IF;

	WITH asked AS MATERIALIZED (
		SELECT r.ord, r.id, coalesce(r.size, v_only) AS size, s.user_id, r.key,
		       print_of(r.request) AS print, k.print AS kept_print, k.status AS kept_status,
		       k.body AS kept_body, h.id AS held, b.bought, st.available
		  FROM unnest(p_ids, p_sessions, p_sizes, p_keys, p_requests)
		       WITH ORDINALITY AS r (id, session, size, key, request, ord)
		  LEFT JOIN LATERAL (SELECT user_id FROM sessions
		                      WHERE sessions.id = r.session AND expires_at > v_now) s ON true
		  LEFT JOIN LATERAL (SELECT print, status, body FROM idempotency_keys i
		                      WHERE i.user_id = s.user_id AND i.key = r.key) k ON true
		  LEFT JOIN LATERAL (SELECT v.id FROM reservations v
		                      WHERE v.user_id = s.user_id AND v.drop_id = p_drop
		                        AND v.status = 'active' AND v.expires_at > v_now) h ON true
		  LEFT JOIN LATERAL (SELECT count(*) AS bought FROM purchases p
		                      WHERE p.user_id = s.user_id AND p.drop_id = p_drop) b ON true
		  LEFT JOIN LATERAL (SELECT available FROM stock
		                      WHERE drop_id = p_drop
		                        AND stock.size = coalesce(r.size, v_only)) st ON true
	), judged AS MATERIALIZED (
		SELECT *, CASE
			WHEN user_id IS NULL THEN 'unauthenticated'
			WHEN kept_print <> print THEN 'key_reused'
			WHEN kept_print = print THEN 'kept'
			WHEN held = id THEN 'made'
			WHEN v_refusal = 'not_found' THEN v_refusal
			WHEN available IS NULL THEN 'unknown_size'
			WHEN v_refusal IS NOT NULL THEN v_refusal
			WHEN held IS NOT NULL THEN 'already_reserved'
			WHEN bought >= d.max_per_user THEN 'limit_reached'
			WHEN NOT v_stocked THEN 'sold_out' END AS code
		  FROM asked
	), placed AS MATERIALIZED (
		SELECT *, row_number() OVER (PARTITION BY size ORDER BY ord) AS place
		  FROM judged
		 WHERE code IS NULL
	), made AS (
		INSERT INTO reservations (id, drop_id, size, user_id, price_cents, currency,
				created_at, expires_at)
		SELECT id, p_drop, size, user_id, d.price_cents, d.currency, v_now,
		       v_now + make_interval(secs => d.hold_seconds)
		  FROM placed
		 WHERE place <= available
		 ORDER BY ord
		-- Only a lapsed hold beyond the thousand above can be in the way.
		ON CONFLICT (user_id, drop_id) WHERE status = 'active' DO NOTHING
		RETURNING id, size
	), taken AS (
		UPDATE stock s
		   SET available = s.available - m.pairs, reserved = s.reserved + m.pairs,
		       version = s.version + 1
		  FROM (SELECT size, count(*)::integer AS pairs FROM made GROUP BY size) m
		 WHERE s.drop_id = p_drop AND s.size = m.size
	)
	SELECT array_agg(ROW(j.ord, j.user_id, j.key, j.print,
			CASE WHEN j.code = 'kept' THEN j.kept_status
			     WHEN j.code = 'made' OR m.id IS NOT NULL THEN 201 ELSE 0 END,
			CASE WHEN m.id IS NOT NULL OR j.code IN ('kept', 'made') THEN NULL
			     WHEN j.code IS NOT NULL THEN j.code
			     WHEN p.place > p.available THEN 'sold_out'
			     ELSE 'already_reserved' END,
			CASE WHEN j.code = 'kept' THEN j.kept_body END,
			CASE WHEN j.code = 'made' OR m.id IS NOT NULL THEN j.id END)::verdict
		ORDER BY j.ord)
	  INTO v_verdicts
	  FROM judged j
	  LEFT JOIN placed p ON p.ord = j.ord
	  LEFT JOIN made m ON m.id = j.id;

	IF NOT EXISTS (SELECT FROM unnest(v_verdicts) v WHERE v.status > 0) THEN
		IF v_expired IS NOT NULL THEN
			v_expired := v_expired || stock_event(p_drop, v_now);
		END IF;
		RETURN QUERY SELECT 0::smallint, v.code, NULL::text,
				CASE WHEN v.ord = 1 THEN v_expired END
			  FROM unnest(v_verdicts) v ORDER BY v.ord;
		RETURN;
	END IF;
	PERFORM wrote();

	-- The stock as this transaction leaves it: one text for all who won.
	v_stock := stock_event(p_drop, v_now);
	v_drop := drop_json(d, v_now);
	SELECT array_agg(ROW(v.ord, v.user_id, v.key, v.print, v.status, v.code,
			CASE WHEN v.reservation_id IS NULL THEN v.body
			     ELSE json_build_object('reservation', reservation_json(r, v_now),
				'drop', v_drop, 'serverTime', stamp(v_now))::text END,
			v.reservation_id)::verdict ORDER BY v.ord)
	  INTO v_verdicts
	  FROM unnest(v_verdicts) v
	  LEFT JOIN LATERAL (SELECT * FROM reservations WHERE id = v.reservation_id) r ON true;

	-- Keys last, and in order: see gate().
	WITH kept AS (
		INSERT INTO idempotency_keys (user_id, key, print, status, body, created_at)
		SELECT v.user_id, v.key, v.print, v.status, v.body, v_now
		  FROM unnest(v_verdicts) v
		 WHERE v.reservation_id IS NOT NULL AND v.key IS NOT NULL
		 ORDER BY v.user_id, v.key
		ON CONFLICT (user_id, key) DO NOTHING
		RETURNING 1
	)
	SELECT CASE WHEN (SELECT count(*) FROM kept) < (SELECT count(*) FROM unnest(v_verdicts) v
			WHERE v.reservation_id IS NOT NULL AND v.key IS NOT NULL)
		THEN 'again' END INTO v_refusal;
	IF v_refusal = 'again' THEN
		RAISE EXCEPTION 'the same key twice at once' USING ERRCODE = 'serialization_failure';
	END IF;

	RETURN QUERY
		SELECT v.status, v.code, v.body,
		       CASE WHEN v.ord = 1
		            THEN array_append(v_expired, v_stock) END
		       || CASE WHEN v.reservation_id IS NOT NULL
		            THEN ARRAY[event('reservation:update', p_drop, v.user_id,
				json_build_object('reservation', v.body::json -> 'reservation'))] END
		  FROM unnest(v_verdicts) v
		 ORDER BY v.ord;
END $$;
REVOKE ALL ON FUNCTION api.reserve(bigint, uuid[], uuid[], text[], text[], text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.reserve(bigint, uuid[], uuid[], text[], text[], text[]) TO lastpair_api;
