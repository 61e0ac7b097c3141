-- The message that tells a drop's stock, whole, to everybody.
CREATE OR REPLACE FUNCTION lastpair.stock_event(p_drop bigint, t lastpair.stock_sum, p_now timestamptz)
RETURNS text
LANGUAGE sql STABLE AS $$
	SELECT lastpair.event('stock:update', p_drop, NULL, json_build_object(
		'dropId', p_drop,
		'version', t.version,
		'totalStock', t.total,
		'availableStock', t.available,
		'reservedStock', t.reserved,
		'soldStock', t.sold,
		'sizes', t.sizes,
		'at', lastpair.stamp(p_now)))
$$;

CREATE OR REPLACE FUNCTION lastpair.stock_event(p_drop bigint, p_now timestamptz) RETURNS text
LANGUAGE sql STABLE AS $$
	SELECT lastpair.stock_event(p_drop, lastpair.stock_of(p_drop), p_now)
$$;
