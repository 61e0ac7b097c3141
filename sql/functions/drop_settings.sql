-- What administrators can set of a drop, by the API's names.
CREATE OR REPLACE FUNCTION lastpair.drop_settings(d lastpair.drops) RETURNS jsonb
LANGUAGE sql STABLE AS $$
	SELECT jsonb_build_object(
		'name', d.name,
		'description', d.description,
		'priceCents', d.price_cents,
		'currency', d.currency,
		'imageUrl', d.image_url,
		'dropStartsAt', lastpair.stamp(d.starts_at),
		'dropEndsAt', lastpair.stamp(d.ends_at),
		'holdSeconds', d.hold_seconds,
		'coolDownSeconds', d.cool_down_seconds,
		'maxPerUser', d.max_per_user,
		'isActive', d.is_active)
$$;
