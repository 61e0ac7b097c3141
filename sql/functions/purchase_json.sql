-- A purchase as the API shows it.
CREATE OR REPLACE FUNCTION lastpair.purchase_json(p lastpair.purchases) RETURNS json
LANGUAGE sql STABLE AS $$
	SELECT json_build_object(
		'id', p.id,
		'dropId', p.drop_id,
		'reservationId', p.reservation_id,
		'size', p.size,
		'priceCents', p.price_cents,
		'currency', p.currency,
		'purchasedAt', lastpair.stamp(p.purchased_at))
$$;
