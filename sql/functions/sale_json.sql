-- A purchase as administrators see it, with who bought.
CREATE OR REPLACE FUNCTION lastpair.sale_json(p lastpair.purchases, u lastpair.users) RETURNS json
LANGUAGE sql STABLE AS $$
	SELECT json_build_object(
		'id', p.id,
		'username', u.username,
		'email', u.email,
		'size', p.size,
		'priceCents', p.price_cents,
		'currency', p.currency,
		'purchasedAt', lastpair.stamp(p.purchased_at))
$$;
