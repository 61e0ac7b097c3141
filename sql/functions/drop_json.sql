-- A drop as the API shows it.
CREATE OR REPLACE FUNCTION lastpair.drop_json(d lastpair.drops, p_now timestamptz) RETURNS json
LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (SELECT json_build_object(
		'id', d.id,
		'name', d.name,
		'description', d.description,
		'priceCents', d.price_cents,
		'currency', d.currency,
		'imageUrl', d.image_url,
		'totalStock', t.total,
		'availableStock', t.available,
		'reservedStock', t.reserved,
		'soldStock', t.sold,
		'sizes', t.sizes,
		'dropStartsAt', lastpair.stamp(d.starts_at),
		'dropEndsAt', lastpair.stamp(d.ends_at),
		'isActive', d.is_active,
		'status', lastpair.drop_status(d, t.total, t.sold, p_now),
		'holdSeconds', d.hold_seconds,
		'maxPerUser', d.max_per_user,
		'version', t.version,
		'revision', d.revision,
		'recentPurchasers', coalesce(b.buyers, '[]'::json))
	  FROM lastpair.stock_of(d.id) t CROSS JOIN (
		SELECT json_agg(json_build_object(
				'username', n.username,
				'purchasedAt', lastpair.stamp(n.purchased_at))
				ORDER BY n.purchased_at DESC, n.id DESC) AS buyers
		  FROM (
			SELECT p.id, p.purchased_at, u.username
			  FROM lastpair.purchases p
			  JOIN lastpair.users u ON u.id = p.user_id
			 WHERE p.drop_id = d.id
			 ORDER BY p.purchased_at DESC, p.id DESC
			 LIMIT 3
		  ) n
	  ) b);
END $$;
