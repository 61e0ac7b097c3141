-- What happened to a drop over time (administrators): how many holds were made, bought, given
-- back and lapsed in each piece of time, and in all. Pieces are as short as they can be for
-- 240 of them to reach from the first hold to now, or of a drop that has ended to the last
-- event; those in which nothing happened are left out. A hold lapses when its time is over,
-- whenever that was noticed.
--
-- Reads the drop's own reservations, by their index, and few others: see
-- migrations/0005_admin_actions.sql. Where even that takes too long the statement_timeout of
-- the worker's role ends it.
CREATE OR REPLACE FUNCTION api.drop_figures(p_session uuid, p_drop bigint) RETURNS lastpair.reply
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = lastpair, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	v_refusal text := refuse_unless_admin(p_session);
	v_now timestamptz := now_ms();
	v_open boolean;
	v_body json;
BEGIN
	IF v_refusal IS NOT NULL THEN
		RETURN refusal(v_refusal);
	END IF;
	SELECT (ends_at <= v_now) IS NOT TRUE INTO v_open FROM drops WHERE id = p_drop;
	IF NOT FOUND THEN
		RETURN refusal('not_found');
	END IF;
	WITH holds AS MATERIALIZED (
		SELECT date_part('epoch', created_at) AS made, CASE fate
				WHEN 'lapsed' THEN date_part('epoch', expires_at)
				WHEN 'bought' THEN date_part('epoch', closed_at)
				WHEN 'released' THEN date_part('epoch', closed_at) END AS over,
		       fate
		  FROM reservations
		 CROSS JOIN LATERAL (SELECT CASE status
				WHEN 'completed' THEN 'bought'
				WHEN 'released' THEN 'released'
				WHEN 'expired' THEN 'lapsed'
				ELSE CASE WHEN expires_at <= v_now THEN 'lapsed' ELSE 'active' END END AS fate) f
		 WHERE drop_id = p_drop AND price_cents >= 0	-- as its index says
	), totals AS (
		SELECT json_build_object(
				'made', count(*),
				'active', count(*) FILTER (WHERE fate = 'active'),
				'bought', count(*) FILTER (WHERE fate = 'bought'),
				'released', count(*) FILTER (WHERE fate = 'released'),
				'lapsed', count(*) FILTER (WHERE fate = 'lapsed')) AS holds,
		       percentile_cont(0.5) WITHIN GROUP (ORDER BY over - made) FILTER (WHERE fate = 'bought') AS seconds_to_buy
		  FROM holds
	), seconds AS MATERIALIZED (
		SELECT floor(at)::bigint AS second, what, count(*) AS n
		  FROM (SELECT made AS at, 'held' AS what FROM holds
			UNION ALL
			SELECT over, fate FROM holds WHERE over IS NOT NULL) e
		 GROUP BY 1, 2
	), span AS (
		SELECT min(second) AS first, CASE WHEN v_open
				THEN greatest(max(second), floor(date_part('epoch', v_now))::bigint)
				ELSE max(second) END AS last
		  FROM seconds
	), pieces AS (
		SELECT coalesce(min(s), 1) AS length
		  FROM span, unnest(ARRAY[1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600,
			43200, 86400, 172800, 604800, 2592000, 31536000]) s
		 WHERE last / s - first / s < 240
	), buckets AS (
		SELECT second / length * length AS at,
		       coalesce(sum(n) FILTER (WHERE what = 'held'), 0) AS held,
		       coalesce(sum(n) FILTER (WHERE what = 'bought'), 0) AS bought,
		       coalesce(sum(n) FILTER (WHERE what = 'released'), 0) AS released,
		       coalesce(sum(n) FILTER (WHERE what = 'lapsed'), 0) AS lapsed
		  FROM seconds, pieces
		 GROUP BY 1
	)
	SELECT json_build_object(
		'serverTime', stamp(v_now),
		'bucketSeconds', (SELECT length FROM pieces),
		'buckets', (SELECT coalesce(json_agg(json_build_object(
				'at', stamp(to_timestamp(at)),
				'held', held,
				'bought', bought,
				'released', released,
				'lapsed', lapsed) ORDER BY at), '[]') FROM buckets),
		'holds', holds,
		'medianSecondsToBuy', round(seconds_to_buy::numeric, 3))
	  INTO v_body
	  FROM totals;
	RETURN ROW(200, NULL, v_body, NULL)::reply;
END $$;
REVOKE ALL ON FUNCTION api.drop_figures(uuid, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.drop_figures(uuid, bigint) TO lastpair_api;
