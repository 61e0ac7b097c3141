-- What administrators look at: the trail in pages, a drop's purchases, its figures over time.
BEGIN;
\ir setup.psql
SELECT plan(49);

SELECT pg_temp.person('boss', 'admin'), pg_temp.person('ada') \g /dev/null
SELECT pg_temp.new_drop('{"name": "One"}') AS one, pg_temp.new_drop('{"name": "Two", "sizes": [{"size": "a", "totalStock": 50}], "maxPerUser": 50}') AS two \gset

-- Only they.
SELECT is(pg_temp.verdict(api.admin_actions(pg_temp.s(n), NULL, 50, NULL)) || ' ' || pg_temp.verdict(api.drop_purchases(pg_temp.s(n), :one, NULL, 50, NULL))
	|| ' ' || pg_temp.verdict(api.drop_figures(pg_temp.s(n), :one)), w, n || ' sees none of it')
  FROM (VALUES ('ada', 'forbidden forbidden forbidden'), ('nobody', 'unauthenticated unauthenticated unauthenticated')) v (n, w);
SELECT is(pg_temp.verdict(api.admin_actions(pg_temp.s('boss'), 9223372036854775807, 50, NULL)) || ' ' || pg_temp.verdict(api.drop_purchases(pg_temp.s('boss'), 9223372036854775807, NULL, 50, NULL))
	|| ' ' || pg_temp.verdict(api.drop_figures(pg_temp.s('boss'), 9223372036854775807)), 'not_found not_found not_found', 'of a drop that is not there there is none');

-- The trail.
SELECT api.drop_update(pg_temp.s('boss'), :one, jsonb_build_object('priceCents', n)) FROM generate_series(1, 7) n \g /dev/null
SELECT api.drop_update(pg_temp.s('boss'), :two, jsonb_build_object('priceCents', n)) FROM generate_series(1, 2) n \g /dev/null
SELECT results_eq($$ SELECT json_object_keys((api.admin_actions(pg_temp.s('boss'), NULL, 1, NULL)).body::json) $$, ARRAY['actions', 'nextCursor'], 'a page of the trail has two fields');
SELECT (api.admin_actions(pg_temp.s('boss'), NULL, 1, NULL)).body::json -> 'actions' -> 0 AS action \gset
SELECT results_eq(format('SELECT json_object_keys(%L)', :'action'), ARRAY['id', 'at', 'actor', 'action', 'dropId', 'dropName', 'before', 'after'], 'an action its eight');
SELECT is(:'action'::jsonb - ARRAY['id', 'at'], format('{"actor": {"id": %s, "username": "boss"}, "action": "update", "dropId": %s, "dropName": "Two",
	"before": {"priceCents": 1}, "after": {"priceCents": 2}}', pg_temp.uid('boss'), :two)::jsonb, 'which say who did what to which drop');
SELECT matches(:'action'::json ->> 'at', '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$', 'and when');
SELECT is((SELECT string_agg(coalesce(a ->> 'actor', '-') || (a ->> 'action'), ' ' ORDER BY n) FROM json_array_elements(
	(api.admin_actions(pg_temp.s('boss'), :one, 50, NULL)).body::json -> 'actions') WITH ORDINALITY x (a, n) WHERE n = 8), '-create', 'the oldest of a drop is its making, here by nobody in particular');
CREATE FUNCTION pg_temp.trail(p_drop bigint, p_limit integer) RETURNS bigint[] LANGUAGE sql AS $$
	WITH RECURSIVE pages AS (
		SELECT (api.admin_actions(pg_temp.s('boss'), p_drop, p_limit, NULL)).body::json AS page, 1 AS n
		UNION ALL
		SELECT (api.admin_actions(pg_temp.s('boss'), p_drop, p_limit, (page ->> 'nextCursor')::bigint)).body::json, n + 1
		  FROM pages WHERE page ->> 'nextCursor' IS NOT NULL AND n < 1000
	)
	SELECT array_agg((a.value ->> 'id')::bigint ORDER BY n, a.ordinality) FROM pages, json_array_elements(page -> 'actions') WITH ORDINALITY a
$$;
SELECT is(pg_temp.trail(NULL, l), (SELECT array_agg(id ORDER BY id DESC) FROM lastpair.admin_actions), 'in pages of ' || l || ' every action comes once, newest first')
  FROM unnest(ARRAY[4, 200]) l;
SELECT is(pg_temp.trail(:one, l), (SELECT array_agg(id ORDER BY id DESC) FROM lastpair.admin_actions WHERE drop_id = :one), 'and so it does of one drop in pages of ' || l)
  FROM unnest(ARRAY[1, 8, 9]) l;
SELECT is((api.admin_actions(pg_temp.s('boss'), :one, 8, NULL)).body::json ->> 'nextCursor', NULL, 'a page that just fits is the last');
SELECT is((api.admin_actions(pg_temp.s('boss'), :one, 8, 0)).body::jsonb, '{"actions": [], "nextCursor": null}', 'behind the last there is nothing');

-- Purchases: forty by one, at two moments only, so that the id decides the order.
INSERT INTO lastpair.users (username, email, password_hash)
	SELECT v.n, v.e, '$2b$04$' || repeat('a', 53) FROM (VALUES ('Ödön%', 'odon_x@sql-test.example'), ('o''Brien"', 'brien@SQL-test.example'), ('back\slash', 'b@sql-test.example')) v (n, e);
CREATE FUNCTION pg_temp.sell(p_drop bigint, p_user bigint, p_at timestamptz) RETURNS uuid LANGUAGE sql AS $$
	WITH r AS (
		INSERT INTO lastpair.reservations (id, drop_id, size, user_id, status, price_cents, currency, created_at, expires_at, closed_at)
		VALUES (gen_random_uuid(), p_drop, 'a', p_user, 'completed', 100, 'USD', p_at - interval '10 s', p_at + interval '50 s', p_at) RETURNING *
	), s AS (
		UPDATE lastpair.stock SET available = available - 1, sold = sold + 1 WHERE drop_id = p_drop
	)
	INSERT INTO lastpair.purchases SELECT gen_random_uuid(), r.id, r.drop_id, r.size, r.user_id, 100, 'USD', p_at FROM r RETURNING id
$$;
SELECT pg_temp.sell(:two, pg_temp.uid('ada'), '2026-01-01T00:00:00Z'::timestamptz + (n % 2) * interval '1 s') FROM generate_series(1, 40) n \g /dev/null
SELECT pg_temp.sell(:two, id, '2026-01-01T01:00:00Z') FROM lastpair.users WHERE username IN ('Ödön%', 'o''Brien"', 'back\slash') \g /dev/null
CREATE FUNCTION pg_temp.sales(p_query text, p_limit integer) RETURNS uuid[] LANGUAGE sql AS $$
	WITH RECURSIVE pages AS (
		SELECT (api.drop_purchases(pg_temp.s('boss'), d.id, p_query, p_limit, NULL)).body::json AS page, 1 AS n, d.id FROM lastpair.drops d WHERE name = 'Two'
		UNION ALL
		SELECT (api.drop_purchases(pg_temp.s('boss'), id, p_query, p_limit, (page ->> 'nextCursor')::uuid)).body::json, n + 1, id
		  FROM pages WHERE page ->> 'nextCursor' IS NOT NULL AND n < 1000
	)
	SELECT array_agg((a.value ->> 'id')::uuid ORDER BY n, a.ordinality) FROM pages, json_array_elements(page -> 'purchases') WITH ORDINALITY a
$$;
CREATE FUNCTION pg_temp.found(p_drop bigint, p_query text) RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' ', body::json ->> 'total', (SELECT string_agg(DISTINCT p ->> 'username', ',') FROM json_array_elements(body::json -> 'purchases') p))
	  FROM api.drop_purchases(pg_temp.s('boss'), p_drop, p_query, 200, NULL)
$$;
SELECT results_eq(format($$ SELECT json_object_keys((api.drop_purchases(pg_temp.s('boss'), %s, NULL, 1, NULL)).body::json) $$, :two), ARRAY['purchases', 'nextCursor', 'total'],
	'a page of purchases has three fields');
SELECT is(((api.drop_purchases(pg_temp.s('boss'), :two, 'ada', 1, NULL)).body::jsonb -> 'purchases' -> 0) - 'id', '{"username": "ada", "email": "ada@sql-test.example",
	"size": "a", "priceCents": 100, "currency": "USD", "purchasedAt": "2026-01-01T00:00:01.000Z"}'::jsonb, 'a purchase has who, what and when');
SELECT is(pg_temp.sales(q, l), (SELECT array_agg(p.id ORDER BY purchased_at DESC, p.id DESC) FROM lastpair.purchases p JOIN lastpair.users u ON u.id = user_id
	WHERE drop_id = :two AND (q IS NULL OR username = 'ada')), format('in pages of %s every purchase %s comes once, newest first', l, coalesce('by ' || q, '')))
  FROM unnest(ARRAY[1, 7, 20, 200]) l, unnest(ARRAY[NULL, 'ADA']) q;
SELECT is(pg_temp.found(:two, q), w, format('%s finds %s', q, w))
  FROM (VALUES (NULL, '43 ada,back\slash,o''Brien",Ödön%'), ('%', '1 Ödön%'), ('_', '1 Ödön%'), ('ÖD', '1 Ödön%'), ('"', '1 o''Brien"'), ('''', '1 o''Brien"'), ('\', '1 back\slash'),
	('@sql-TEST', '43 ada,back\slash,o''Brien",Ödön%'), ('brien@', '1 o''Brien"'), ('nobody', '0'), ('dax', '0'), ('''; DROP TABLE lastpair.users; --', '0')) v (q, w);
SELECT id AS sale FROM lastpair.purchases WHERE drop_id = :two LIMIT 1 \gset
SELECT is((api.drop_purchases(pg_temp.s('boss'), :two, upper(left(:'sale', 30)), 1, NULL)).body::json -> 'purchases' -> 0 ->> 'id', :'sale', 'the beginning of an id finds its purchase');
SELECT is((api.drop_purchases(pg_temp.s('boss'), :two, right(:'sale', 12), 1, NULL)).body::json ->> 'total', '0', 'its end does not');
SELECT is(pg_temp.verdict(api.drop_purchases(pg_temp.s('boss'), :one, NULL, 1, :'sale')), 'unknown_cursor', 'a cursor of another drop''s list is refused');
SELECT is(pg_temp.verdict(api.drop_purchases(pg_temp.s('boss'), :two, NULL, 1, gen_random_uuid())), 'unknown_cursor', 'and one of none');

-- Figures.
SELECT pg_temp.new_drop('{"holdSeconds": 600, "totalStock": 5000}') AS drop \gset
SELECT is((api.drop_figures(pg_temp.s('boss'), :drop)).body::jsonb - 'serverTime', '{"bucketSeconds": 1, "buckets": [], "medianSecondsToBuy": null,
	"holds": {"made": 0, "active": 0, "bought": 0, "released": 0, "lapsed": 0}}', 'of a drop that nobody wanted nothing is told');
-- A drop that ended: one hold each of a kind, at known times.
SELECT pg_temp.new_drop('{"dropStartsAt": "2026-01-01T00:00:00Z", "dropEndsAt": "2026-01-01T01:00:00Z", "totalStock": 99}') AS past \gset
CREATE FUNCTION pg_temp.was(p_drop bigint, p_status text, p_made text, p_over text, p_closed text) RETURNS void LANGUAGE sql AS $$
	INSERT INTO lastpair.reservations (id, drop_id, size, user_id, status, price_cents, currency, created_at, expires_at, closed_at)
	VALUES (gen_random_uuid(), p_drop, '', (random() * 1e9)::bigint, p_status, 0, 'USD', ('2026-01-01T' || p_made)::timestamptz, ('2026-01-01T' || p_over)::timestamptz, ('2026-01-01T' || p_closed)::timestamptz)
$$;
SELECT pg_temp.was(:past, 'completed', '00:00:00.2Z', '00:01:00Z', '00:00:08.2Z'), pg_temp.was(:past, 'completed', '00:00:00.9Z', '00:01:00Z', '00:00:10.9Z'),
	pg_temp.was(:past, 'completed', '00:00:02Z', '00:01:02Z', '00:00:50Z'), pg_temp.was(:past, 'released', '00:00:02Z', '00:01:02Z', '00:00:08Z'),
	pg_temp.was(:past, 'expired', '00:00:03Z', '00:01:03Z', '00:03:59Z'), pg_temp.was(:past, 'active', '00:00:04Z', '00:01:04Z', NULL) \g /dev/null
SELECT is((api.drop_figures(pg_temp.s('boss'), :past)).body::jsonb - 'serverTime', '{"bucketSeconds": 1, "medianSecondsToBuy": 10,
	"holds": {"made": 6, "active": 0, "bought": 3, "released": 1, "lapsed": 2}, "buckets": [
	{"at": "2026-01-01T00:00:00.000Z", "held": 2, "bought": 0, "released": 0, "lapsed": 0},
	{"at": "2026-01-01T00:00:02.000Z", "held": 2, "bought": 0, "released": 0, "lapsed": 0},
	{"at": "2026-01-01T00:00:03.000Z", "held": 1, "bought": 0, "released": 0, "lapsed": 0},
	{"at": "2026-01-01T00:00:04.000Z", "held": 1, "bought": 0, "released": 0, "lapsed": 0},
	{"at": "2026-01-01T00:00:08.000Z", "held": 0, "bought": 1, "released": 1, "lapsed": 0},
	{"at": "2026-01-01T00:00:10.000Z", "held": 0, "bought": 1, "released": 0, "lapsed": 0},
	{"at": "2026-01-01T00:00:50.000Z", "held": 0, "bought": 1, "released": 0, "lapsed": 0},
	{"at": "2026-01-01T00:01:03.000Z", "held": 0, "bought": 0, "released": 0, "lapsed": 1},
	{"at": "2026-01-01T00:01:04.000Z", "held": 0, "bought": 0, "released": 0, "lapsed": 1}]}',
	'each hold counts when it was made and when it was over, a lapsed one by its deadline, noticed or not');
SELECT pg_temp.was(:past, 'released', '00:03:59Z', '00:59:00Z', '00:04:00Z') \g /dev/null
SELECT results_eq(format($$ SELECT body::json ->> 'bucketSeconds', sum((b ->> 'held')::int), min(b ->> 'at'), max(b ->> 'at')
	FROM api.drop_figures(pg_temp.s('boss'), %s), json_array_elements(body::json -> 'buckets') b GROUP BY 1 $$, :past),
	$$ VALUES ('2', 7::bigint, '2026-01-01T00:00:00.000Z', '2026-01-01T00:04:00.000Z') $$, 'when 240 pieces do not reach they are longer');
-- Over a day: never more than 240 pieces, nothing lost.
SELECT pg_temp.was(:past, 'expired', to_char('00:00'::time + g * interval '2 min', 'HH24:MI:SS"Z"'), '23:59:59Z', '23:59:59.5Z') FROM generate_series(1, 600) g \g /dev/null
SELECT (api.drop_figures(pg_temp.s('boss'), :past)).body::json AS figures \gset
SELECT is(:'figures'::json ->> 'bucketSeconds', '600', 'over a day pieces are of ten minutes');
SELECT results_eq(format($$ SELECT count(*) <= 240, sum((b ->> 'held')::int), sum((b ->> 'lapsed')::int), bool_and(extract(epoch FROM (b ->> 'at')::timestamptz)::bigint %% 600 = 0),
	array_agg(b ->> 'at' ORDER BY n) = array_agg(b ->> 'at' ORDER BY b ->> 'at') FROM json_array_elements(%L::json -> 'buckets') WITH ORDINALITY x (b, n) $$, :'figures'),
	'VALUES (true, 607::bigint, 602::bigint, true, true)', 'no more of them than 240, each where it begins, in order, and with all that happened');
SELECT pg_temp.held(:drop, 'ada') \g /dev/null
SELECT is((api.drop_figures(pg_temp.s('boss'), :drop)).body::jsonb -> 'holds', '{"made": 1, "active": 1, "bought": 0, "released": 0, "lapsed": 0}', 'a hold that runs is active');
UPDATE lastpair.reservations SET created_at = clock_timestamp() - interval '1 hour' WHERE drop_id = :drop;
SELECT is((api.drop_figures(pg_temp.s('boss'), :drop)).body::json ->> 'bucketSeconds', '30', 'of a drop that is open the pieces reach from the first hold to now');
SELECT is((api.drop_figures(pg_temp.s('boss'), :two)).body::jsonb -> 'holds' ->> 'bought', '43', 'each drop has its own');

SELECT * FROM finish();
ROLLBACK;
