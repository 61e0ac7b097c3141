-- The newest three buyers of a drop, a JSON array. Three purchases first, from the end of
-- their index, then their users: never a sort of all that were sold (callers have
-- enable_sort off). One query, for the planner to put in the place of the call.
CREATE OR REPLACE FUNCTION lastpair.newest_buyers(p_drop bigint) RETURNS SETOF json
LANGUAGE sql STABLE ROWS 1 AS $$
	SELECT coalesce(json_agg(json_build_object(
			'username', u.username,
			'purchasedAt', lastpair.stamp(p.purchased_at))
			ORDER BY p.purchased_at DESC, p.id DESC), '[]')
	  FROM (SELECT * FROM lastpair.purchases WHERE drop_id = p_drop
	         ORDER BY drop_id DESC, purchased_at DESC, id DESC LIMIT 3) p
	  JOIN lastpair.users u ON u.id = p.user_id
$$;

CREATE OR REPLACE FUNCTION lastpair.buyers_of(p_drop bigint) RETURNS json
LANGUAGE plpgsql STABLE
SET enable_sort = off AS $$
BEGIN
	RETURN (SELECT b FROM lastpair.newest_buyers(p_drop) b);
END $$;
