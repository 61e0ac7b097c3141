-- Makes a drop from a document whose members were checked (POST /api/drops), notes who did
-- (p_actor: NULL for the command line), and returns its id; NULL, and nothing made, when it
-- would end before it starts.
CREATE OR REPLACE FUNCTION lastpair.drop_make(p_doc jsonb, p_actor bigint DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	v_now timestamptz := lastpair.now_ms();
	v_ends timestamptz := date_trunc('milliseconds', (p_doc ->> 'dropEndsAt')::timestamptz);
	v_starts timestamptz := coalesce(date_trunc('milliseconds', (p_doc ->> 'dropStartsAt')::timestamptz),
		least(v_now, v_ends - interval '1 second'));
	v_sizes jsonb := coalesce(p_doc -> 'sizes',
		jsonb_build_array(jsonb_build_object('size', '', 'totalStock', p_doc -> 'totalStock')));
	d lastpair.drops;
BEGIN
	IF v_ends <= v_starts THEN
		RETURN NULL;
	END IF;
	INSERT INTO lastpair.drops (name, description, price_cents, currency, image_url, starts_at,
		ends_at, hold_seconds, cool_down_seconds, max_per_user, is_active, created_at)
	VALUES (p_doc ->> 'name', coalesce(p_doc ->> 'description', ''),
		(p_doc ->> 'priceCents')::bigint, coalesce(p_doc ->> 'currency', 'USD'),
		coalesce(p_doc ->> 'imageUrl', ''),
		v_starts, v_ends,
		coalesce((p_doc ->> 'holdSeconds')::integer, 60),
		coalesce((p_doc ->> 'coolDownSeconds')::integer, 60),
		coalesce((p_doc ->> 'maxPerUser')::integer, 1),
		coalesce((p_doc ->> 'isActive')::boolean, true), v_now)
	RETURNING * INTO d;

	INSERT INTO lastpair.stock (drop_id, size, position, total, available)
	SELECT d.id, s.value ->> 'size', s.ordinality, (s.value ->> 'totalStock')::integer,
	       (s.value ->> 'totalStock')::integer
	  FROM jsonb_array_elements(v_sizes) WITH ORDINALITY s;
	PERFORM lastpair.note_action(p_actor, 'create', d.id, NULL,
		lastpair.drop_settings(d) || jsonb_build_object('sizes', v_sizes));
	PERFORM lastpair.wrote();
	RETURN d.id;
END $$;
