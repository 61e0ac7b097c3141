-- All purchases of a drop as CSV, oldest first (administrators).
CREATE OR REPLACE FUNCTION api.purchases_csv(p_session uuid, p_drop bigint) RETURNS lastpair.reply
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = lastpair, pg_temp AS $$
DECLARE
	v_refusal text := refuse_unless_admin(p_session);
	v_lines text;
BEGIN
	IF v_refusal IS NULL AND NOT EXISTS (SELECT FROM drops WHERE id = p_drop) THEN
		v_refusal := 'not_found';
	END IF;
	IF v_refusal IS NOT NULL THEN
		RETURN refusal(v_refusal);
	END IF;
	SELECT string_agg(concat_ws(',', p.id, p.reservation_id, csv_field(p.size), csv_field(u.username),
			csv_field(u.email), p.price_cents, p.currency, stamp(p.purchased_at)) || E'\r\n', ''
			ORDER BY p.purchased_at, p.id)
	  INTO v_lines
	  FROM purchases p JOIN users u ON u.id = p.user_id
	 WHERE p.drop_id = p_drop;
	RETURN ROW(200, NULL, E'purchaseId,reservationId,size,username,email,priceCents,currency,purchasedAt\r\n'
		|| coalesce(v_lines, ''), NULL)::reply;
END $$;
REVOKE ALL ON FUNCTION api.purchases_csv(uuid, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.purchases_csv(uuid, bigint) TO lastpair_api;
