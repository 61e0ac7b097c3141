-- Changes what a document names of a drop, and adds sizes that it does not have
-- (administrators). The stock's versions are raised too, so that whoever compares versions
-- sees the change. A document that changes nothing, or the same one again, does nothing.
CREATE OR REPLACE FUNCTION api.drop_update(p_session uuid, p_drop bigint, p_doc jsonb)
RETURNS lastpair.reply
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = lastpair, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	v_user bigint := (caller(p_session)).id;
	v_refusal text := refuse_unless_admin(p_session);
	v_before jsonb;
	v_after jsonb;
	v_sizes jsonb;		-- that are new
	v_most bigint;
	v_reply reply;
	was drops;
	d drops;
BEGIN
	IF v_refusal IS NOT NULL THEN
		RETURN refusal(v_refusal);
	END IF;
	PERFORM gate(p_drop);
	SELECT * INTO was FROM drops WHERE id = p_drop;
	IF NOT FOUND THEN
		RETURN refusal('not_found');
	END IF;

	d := was;
	d.name := coalesce(p_doc ->> 'name', d.name);
	IF p_doc ? 'description' THEN	-- null empties it
		d.description := coalesce(p_doc ->> 'description', '');
	END IF;
	d.price_cents := coalesce((p_doc ->> 'priceCents')::bigint, d.price_cents);
	d.currency := coalesce(p_doc ->> 'currency', d.currency);
	IF p_doc ? 'imageUrl' THEN
		d.image_url := coalesce(p_doc ->> 'imageUrl', '');
	END IF;
	d.starts_at := coalesce(date_trunc('milliseconds', (p_doc ->> 'dropStartsAt')::timestamptz), d.starts_at);
	IF p_doc ? 'dropEndsAt' THEN	-- null takes the end away
		d.ends_at := date_trunc('milliseconds', (p_doc ->> 'dropEndsAt')::timestamptz);
	END IF;
	d.hold_seconds := coalesce((p_doc ->> 'holdSeconds')::integer, d.hold_seconds);
	d.cool_down_seconds := coalesce((p_doc ->> 'coolDownSeconds')::integer, d.cool_down_seconds);
	d.max_per_user := coalesce((p_doc ->> 'maxPerUser')::integer, d.max_per_user);
	d.is_active := coalesce((p_doc ->> 'isActive')::boolean, d.is_active);
	IF d.ends_at <= d.starts_at THEN
		RETURN refusal('ends_before_start');
	END IF;

	-- Holds and purchases keep the price they were made at, so it may change at any time;
	-- but the sales of one drop are of one currency.
	IF d.currency <> was.currency
	   AND EXISTS (SELECT FROM stock WHERE drop_id = p_drop AND reserved + sold > 0) THEN
		RETURN refusal('currency_in_use');
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

	-- A size that is there already is no change when it is named with the stock it has.
	IF p_doc ? 'sizes' THEN
		IF EXISTS (SELECT FROM stock WHERE drop_id = p_drop AND size = '') THEN
			RETURN refusal('drop_without_sizes');
		END IF;
		IF EXISTS (SELECT FROM jsonb_array_elements(p_doc -> 'sizes') n
		             JOIN stock s ON s.drop_id = p_drop AND s.size = n ->> 'size'
		            WHERE s.total <> (n ->> 'totalStock')::integer) THEN
			RETURN refusal('size_is_there');
		END IF;
		SELECT jsonb_agg(n.value ORDER BY n.ordinality) INTO v_sizes
		  FROM jsonb_array_elements(p_doc -> 'sizes') WITH ORDINALITY n
		 WHERE NOT EXISTS (SELECT FROM stock WHERE drop_id = p_drop AND size = n.value ->> 'size');
		IF jsonb_array_length(v_sizes) + (SELECT count(*) FROM stock WHERE drop_id = p_drop) > 100 THEN
			RETURN refusal('too_many_sizes');
		END IF;
	END IF;

	v_before := drop_settings(was);
	SELECT jsonb_object_agg(n.key, n.value), jsonb_object_agg(n.key, v_before -> n.key)
	  INTO v_after, v_before
	  FROM jsonb_each(drop_settings(d)) n
	 WHERE n.value <> v_before -> n.key;
	IF v_sizes IS NOT NULL THEN
		v_before := coalesce(v_before, '{}') || '{"sizes": []}';
		v_after := coalesce(v_after, '{}') || jsonb_build_object('sizes', v_sizes);
	END IF;
	PERFORM wrote();	-- also where nothing is: what this call finds may not be on disk yet
	IF v_after IS NULL THEN
		v_reply := drop_reply(p_drop, 200, 'drop:updated');
		v_reply.events := NULL;
		RETURN v_reply;
	END IF;

	UPDATE drops
	   SET name = d.name, description = d.description, price_cents = d.price_cents,
	       currency = d.currency, image_url = d.image_url, starts_at = d.starts_at,
	       ends_at = d.ends_at, hold_seconds = d.hold_seconds, cool_down_seconds = d.cool_down_seconds,
	       max_per_user = d.max_per_user,
	       is_active = d.is_active, revision = revision + 1
	 WHERE id = p_drop;
	UPDATE stock SET version = version + 1 WHERE drop_id = p_drop;
	INSERT INTO stock (drop_id, size, position, total, available)
	SELECT p_drop, n.value ->> 'size', n.ordinality + (SELECT max(position) FROM stock WHERE drop_id = p_drop),
	       (n.value ->> 'totalStock')::integer, (n.value ->> 'totalStock')::integer
	  FROM jsonb_array_elements(v_sizes) WITH ORDINALITY n;
	PERFORM note_action(v_user, 'update', p_drop, v_before, v_after);
	RETURN drop_reply(p_drop, 200, 'drop:updated');
END $$;
REVOKE ALL ON FUNCTION api.drop_update(uuid, bigint, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.drop_update(uuid, bigint, jsonb) TO lastpair_api;
