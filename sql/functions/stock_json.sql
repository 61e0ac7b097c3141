-- The stock of a drop, whole: what stock:update and the snapshot carry.
-- PL/pgSQL, as all that reads tables here: its plans are kept for the session.
CREATE OR REPLACE FUNCTION lastpair.stock_json(p_drop bigint, p_now timestamptz) RETURNS json
LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (SELECT json_build_object(
		'dropId', p_drop,
		'version', t.version,
		'totalStock', t.total,
		'availableStock', t.available,
		'reservedStock', t.reserved,
		'soldStock', t.sold,
		'sizes', t.sizes,
		'at', lastpair.stamp(p_now))
	  FROM lastpair.stock_of(p_drop) t);
END $$;
