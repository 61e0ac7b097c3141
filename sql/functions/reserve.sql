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
	d drops;
	v_only text;		-- the size, where the drop has one
	v_stocked boolean;	-- something may be free: pass the gate
	v_now timestamptz := now_ms();
	v_refusal text;		-- of the drop as a whole
	v_verdicts verdict[];
	v_pending integer;	-- who may have a pair yet
	v_made integer := 0;
	v_events text[];	-- for all
	v_stock stock_sum;
	v_buyers json;
	v_drop json;
	v_wrote text;
BEGIN
	-- One snapshot for both questions: a hold that is closed between two looks would be
	-- seen by neither.
	SELECT CASE WHEN count(*) = 1 THEN min(size) END,
	       bool_or(available > 0 AND (size = ANY (p_sizes) OR array_position(p_sizes, NULL) > 0))
	       OR EXISTS (SELECT FROM reservations
	                   WHERE drop_id = p_drop AND status = 'active' AND expires_at <= v_now)
	  INTO v_only, v_stocked
	  FROM stock
	 WHERE drop_id = p_drop;
	SELECT * INTO d FROM drops WHERE id = p_drop;
	v_verdicts := judge(p_drop, v_only, d.max_per_user, p_ids, p_sessions, p_sizes, p_keys, p_requests);
	v_pending := (SELECT count(*) FROM unnest(v_verdicts) WHERE code IS NULL);

	IF v_stocked AND v_pending > 0 THEN
		v_buyers := buyers_of(p_drop);
		PERFORM gate(p_drop);
		v_now := now_ms();
		SELECT * INTO d FROM drops WHERE id = p_drop;
		IF EXISTS (SELECT FROM reservations
				WHERE drop_id = p_drop AND status = 'active' AND expires_at <= v_now) THEN
			v_events := expire_lapsed(p_drop, v_now, 1000);
		END IF;
	END IF;
	v_refusal := CASE
		WHEN d.ends_at <= v_now THEN 'ended'
		WHEN NOT d.is_active THEN 'paused'
		WHEN d.starts_at > v_now THEN 'not_started'
		WHEN NOT v_stocked THEN 'sold_out' END;
	IF v_refusal IS NULL AND v_pending > 0 THEN
		v_made := hold_pairs(d, v_verdicts, v_now);
		IF v_made < v_pending THEN	-- judge the others again, now that nobody can move
			v_verdicts := judge(p_drop, v_only, d.max_per_user, p_ids, p_sessions, p_sizes,
				p_keys, p_requests);
			v_made := v_made + hold_pairs(d, v_verdicts, v_now);
		END IF;
	END IF;

	IF v_made > 0 OR EXISTS (SELECT FROM unnest(v_verdicts) WHERE code IN ('kept', 'made')) THEN
		v_wrote := wrote();
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
		SELECT CASE WHEN r.id IS NOT NULL THEN 201 ELSE v.status END::smallint,
		       CASE WHEN r.id IS NULL AND v.code IS DISTINCT FROM 'kept'
		            THEN coalesce(v.code, v_refusal, 'sold_out') END,
		       CASE WHEN r.id IS NOT NULL THEN reserve_body(r, v_drop, v_now) ELSE v.body END,
		       CASE WHEN v.ord = 1 THEN v_events END
		       || CASE WHEN r.id IS NOT NULL THEN ARRAY[hold_event(r, v_now)] END
		  FROM unnest(v_verdicts) v
		  LEFT JOIN LATERAL (SELECT * FROM reservations
		                      WHERE reservations.id = v.id
		                        AND (v.code IS NULL OR v.code = 'made')) r ON true
		 ORDER BY v.ord;
END $$;
REVOKE ALL ON FUNCTION api.reserve(bigint, uuid[], uuid[], text[], text[], text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.reserve(bigint, uuid[], uuid[], text[], text[], text[]) TO lastpair_api;
