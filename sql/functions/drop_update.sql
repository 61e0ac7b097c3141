-- Changes what a document names of a drop (administrators). The stock's versions are
-- raised too, so that whoever compares versions sees the change.
CREATE OR REPLACE FUNCTION api.drop_update(p_session uuid, p_drop bigint, p_doc jsonb)
RETURNS lastpair.reply
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = lastpair, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	v_refusal text := refuse_unless_admin(p_session);
	v_most bigint;
	d drops;
BEGIN
	IF v_refusal IS NOT NULL THEN
		RETURN refusal(v_refusal);
	END IF;
	PERFORM gate(p_drop);
	SELECT * INTO d FROM drops WHERE id = p_drop;
	IF NOT FOUND THEN
		RETURN refusal('not_found');
	END IF;

	d.name := coalesce(p_doc ->> 'name', d.name);
	d.description := coalesce(p_doc ->> 'description', d.description);
	d.price_cents := coalesce((p_doc ->> 'priceCents')::bigint, d.price_cents);
	d.currency := coalesce(p_doc ->> 'currency', d.currency);
	d.image_url := coalesce(p_doc ->> 'imageUrl', d.image_url);
	d.starts_at := coalesce(date_trunc('milliseconds', (p_doc ->> 'dropStartsAt')::timestamptz), d.starts_at);
	IF p_doc ? 'dropEndsAt' THEN	-- null takes the end away
		d.ends_at := date_trunc('milliseconds', (p_doc ->> 'dropEndsAt')::timestamptz);
	END IF;
	d.hold_seconds := coalesce((p_doc ->> 'holdSeconds')::integer, d.hold_seconds);
	d.max_per_user := coalesce((p_doc ->> 'maxPerUser')::integer, d.max_per_user);
	d.is_active := coalesce((p_doc ->> 'isActive')::boolean, d.is_active);
	IF d.ends_at <= d.starts_at THEN
		RETURN refusal('ends_before_start');
	END IF;

	-- A limit below what somebody has bought or holds would be broken from the start.
	IF p_doc ? 'maxPerUser' THEN
		SELECT max(n) INTO v_most FROM (
			SELECT count(*) AS n FROM (
				SELECT user_id FROM purchases WHERE drop_id = p_drop
				UNION ALL
				SELECT user_id FROM reservations WHERE drop_id = p_drop AND status = 'active'
			) c GROUP BY user_id
		) m;
		IF v_most > d.max_per_user THEN
			RETURN refusal('below_committed');
		END IF;
	END IF;

	UPDATE drops
	   SET name = d.name, description = d.description, price_cents = d.price_cents,
	       currency = d.currency, image_url = d.image_url, starts_at = d.starts_at,
	       ends_at = d.ends_at, hold_seconds = d.hold_seconds, max_per_user = d.max_per_user,
	       is_active = d.is_active, revision = revision + 1
	 WHERE id = p_drop;
	UPDATE stock SET version = version + 1 WHERE drop_id = p_drop;
	PERFORM wrote();
	RETURN drop_reply(p_drop, 200, 'drop:updated');
END $$;
REVOKE ALL ON FUNCTION api.drop_update(uuid, bigint, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.drop_update(uuid, bigint, jsonb) TO lastpair_api;
