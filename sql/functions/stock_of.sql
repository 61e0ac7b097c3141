-- The stock of a drop, summed over its sizes: one query, for the planner to put in the
-- place of the call.
CREATE OR REPLACE FUNCTION lastpair.stock_sums(p_drop bigint) RETURNS SETOF lastpair.stock_sum
LANGUAGE sql STABLE ROWS 1 AS $$
	SELECT sum(s.total)::bigint, sum(s.available)::bigint, sum(s.reserved)::bigint, sum(s.sold)::bigint,
	       sum(s.version)::bigint,
	       json_agg(json_build_object(
			'size', s.size,
			'totalStock', s.total,
			'availableStock', s.available,
			'reservedStock', s.reserved,
			'soldStock', s.sold,
			'version', s.version) ORDER BY s.position)
	  FROM lastpair.stock s
	 WHERE s.drop_id = p_drop
$$;

CREATE OR REPLACE FUNCTION lastpair.stock_of(p_drop bigint) RETURNS lastpair.stock_sum
LANGUAGE plpgsql STABLE AS $$
DECLARE
	t lastpair.stock_sum;
BEGIN
	SELECT * INTO t FROM lastpair.stock_sums(p_drop);
	RETURN t;
END $$;
