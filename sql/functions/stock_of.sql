-- The stock of a drop: sums, and each size as the API shows it.
-- RETURNS TABLE lets the planner merge it into the query that calls it.
CREATE OR REPLACE FUNCTION lastpair.stock_of(p_drop bigint)
RETURNS TABLE (total bigint, available bigint, reserved bigint, sold bigint, version bigint, sizes json)
LANGUAGE sql STABLE AS $$
	SELECT sum(s.total), sum(s.available), sum(s.reserved), sum(s.sold), sum(s.version)::bigint,
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
