-- The newest three buyers of a drop.
CREATE OR REPLACE FUNCTION lastpair.buyers_of(p_drop bigint) RETURNS json
LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (
		SELECT coalesce(json_agg(json_build_object(
				'username', n.username,
				'purchasedAt', lastpair.stamp(n.purchased_at))
				ORDER BY n.purchased_at DESC, n.id DESC), '[]')
		  FROM (
			SELECT p.id, p.purchased_at, u.username
			  FROM lastpair.purchases p
			  JOIN lastpair.users u ON u.id = p.user_id
			 WHERE p.drop_id = p_drop
			 ORDER BY p.purchased_at DESC, p.id DESC
			 LIMIT 3
		  ) n);
END $$;
