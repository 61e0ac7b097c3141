-- What a drop is called at a moment: the first of these that holds.
CREATE OR REPLACE FUNCTION lastpair.drop_status(d lastpair.drops, p_total bigint, p_sold bigint,
	p_now timestamptz) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE
		WHEN d.ends_at <= p_now THEN 'ended'
		WHEN NOT d.is_active THEN 'paused'
		WHEN d.starts_at > p_now THEN 'upcoming'
		WHEN p_sold = p_total THEN 'sold_out'
		ELSE 'live'
	END
$$;
