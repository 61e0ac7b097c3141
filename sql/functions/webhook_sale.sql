-- Tells of a purchase that was just made: that the drop is open where nobody was told yet, the sale,
-- and that the drop is sold out where that was the last pair. Called by the purchase itself, in its
-- transaction and behind the drop's gate, when there is any endpoint.
CREATE OR REPLACE FUNCTION lastpair.webhook_sale(p lastpair.purchases, u lastpair.users, p_now timestamptz)
RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	t lastpair.stock_sum := lastpair.stock_of(p.drop_id);
	d lastpair.drops;
BEGIN
	PERFORM lastpair.webhook_open(p.drop_id, p_now);
	PERFORM lastpair.webhook_emit('sale', p.drop_id, json_build_object('purchase', lastpair.purchase_json(p),
		'buyer', json_build_object('id', u.id, 'username', u.username, 'email', u.email)), p_now);
	IF t.sold = t.total THEN
		SELECT * INTO STRICT d FROM lastpair.drops WHERE id = p.drop_id;
		PERFORM lastpair.webhook_emit('sold_out', p.drop_id,
			json_build_object('drop', lastpair.drop_json(d, p_now)), p_now);
	END IF;
END $$;
