-- The message that tells a drop's stock to everybody.
CREATE OR REPLACE FUNCTION lastpair.stock_event(p_drop bigint, p_now timestamptz) RETURNS text
LANGUAGE sql STABLE AS $$
	SELECT lastpair.event('stock:update', p_drop, NULL, lastpair.stock_json(p_drop, p_now))
$$;
