-- Where an address belongs when tries are counted: itself, or of IPv6 the /64, of which one
-- customer has all. NULL: on this machine, or none, which is not counted.
CREATE OR REPLACE FUNCTION lastpair.place_of(p_address text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE
		WHEN a ~ '^127\.' OR a IN ('', '::1', 'unix:') THEN NULL
		WHEN a ~ '^[0-9a-f:]*:[0-9a-f:]*$' THEN network(set_masklen(a::inet, 64))::text
		ELSE a END
	  FROM regexp_replace(lower(p_address), '^::ffff:(\d+\.\d+\.\d+\.\d+)$', '\1') a
$$;
