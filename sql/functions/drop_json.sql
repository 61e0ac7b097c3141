-- A drop as the API shows it, with stock_of() and buyers_of() it. One expression without
-- a query, so that the planner puts it in the place of the call.
CREATE OR REPLACE FUNCTION lastpair.drop_json(d lastpair.drops, t lastpair.stock_sum, p_buyers json,
	p_now timestamptz) RETURNS json
LANGUAGE sql STABLE AS $$
	SELECT json_build_object(
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
		'coolDownSeconds', d.cool_down_seconds,
		'maxPerUser', d.max_per_user,
		'version', t.version,
		'revision', d.revision,
		'recentPurchasers', p_buyers)
$$;

CREATE OR REPLACE FUNCTION lastpair.drop_json(d lastpair.drops, p_now timestamptz) RETURNS json
LANGUAGE plpgsql STABLE AS $$
DECLARE
	t lastpair.stock_sum := lastpair.stock_of(d.id);
	v_buyers json := lastpair.buyers_of(d.id);
BEGIN
	RETURN lastpair.drop_json(d, t, v_buyers, p_now);
END $$;
