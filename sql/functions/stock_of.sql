-- The stock of a drop, summed over its sizes.
CREATE OR REPLACE FUNCTION lastpair.stock_of(p_drop bigint) RETURNS lastpair.stock_sum
LANGUAGE plpgsql STABLE AS $$
DECLARE
	t lastpair.stock_sum;
BEGIN
	SELECT sum(s.total), sum(s.available), sum(s.reserved), sum(s.sold), sum(s.version),
	       json_agg(json_build_object(
			'size', s.size,
			'totalStock', s.total,
			'availableStock', s.available,
			'reservedStock', s.reserved,
			'soldStock', s.sold,
			'version', s.version) ORDER BY s.position)
	  INTO t
	  FROM lastpair.stock s
	 WHERE s.drop_id = p_drop;
	RETURN t;
END $$;
