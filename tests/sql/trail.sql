-- The trail of what administrators do: what is written, that nothing else is, and that it stays.
BEGIN;
\ir setup.psql
SELECT plan(67);

SELECT pg_temp.person('boss', 'admin') AS boss, pg_temp.person('chief', 'admin') AS chief, pg_temp.person('ada'), pg_temp.person('bob') \gset
SELECT coalesce(max(id), 0) AS base FROM lastpair.admin_actions \gset

-- The newest action, as text: who, what, of which drop.
CREATE FUNCTION pg_temp.newest() RETURNS lastpair.admin_actions LANGUAGE sql AS $$
	SELECT a FROM lastpair.admin_actions a ORDER BY id DESC LIMIT 1
$$;
CREATE FUNCTION pg_temp.told() RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' ', coalesce(actor_name, '(machine)'), action, drop_name, before, '->', after) FROM pg_temp.newest()
$$;
-- How many rows a statement leaves in the trail, and what it answers.
CREATE FUNCTION pg_temp.rows_after(p_sql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	v_before bigint := (SELECT count(*) FROM lastpair.admin_actions);
	v_verdict text;
BEGIN
	EXECUTE format('SELECT pg_temp.verdict(%s)', p_sql) INTO v_verdict;
	RETURN v_verdict || ' ' || (SELECT count(*) - v_before FROM lastpair.admin_actions);
END $$;

-- Making.
SELECT body::json -> 'drop' ->> 'id' AS drop FROM api.drop_create(pg_temp.s('boss'), '{"name": "Aurora", "priceCents": 19900,
	"dropStartsAt": "2030-01-01T00:00:00+01:00", "maxPerUser": 2, "sizes": [{"size": "43", "totalStock": 3}, {"size": "41", "totalStock": 1}]}',
	'key-make', 'R') \gset
SELECT results_eq('SELECT actor_id, actor_name, action, drop_id, drop_name, before FROM pg_temp.newest()',
	format($$ VALUES (%s::bigint, 'boss', 'create', %s::bigint, 'Aurora', NULL::jsonb) $$, :boss, :drop), 'a drop that is made is in the trail, with who made it');
SELECT is((pg_temp.newest()).after, '{"name": "Aurora", "description": "", "priceCents": 19900, "currency": "USD", "imageUrl": "",
	"dropStartsAt": "2029-12-31T23:00:00.000Z", "dropEndsAt": null, "holdSeconds": 60, "coolDownSeconds": 60, "maxPerUser": 2, "isActive": true,
	"sizes": [{"size": "43", "totalStock": 3}, {"size": "41", "totalStock": 1}]}'::jsonb, 'and everything it was made with');
SELECT ok(abs(extract(epoch FROM clock_timestamp() - (pg_temp.newest()).at)) < 5, 'and when');
SELECT is(pg_temp.rows_after($$ api.drop_create(pg_temp.s('boss'), '{"name": "Aurora"}', 'key-make', 'R') $$), '201 0', 'the same call again is not there again');
SELECT is(pg_temp.rows_after($$ api.drop_create(pg_temp.s('boss'), '{"name": "x", "priceCents": 1, "totalStock": 1,
	"dropStartsAt": "2030-01-01T00:00:00Z", "dropEndsAt": "2030-01-01T00:00:00Z"}', NULL, NULL) $$), 'ends_before_start 0', 'nor is what was refused');
SELECT is(pg_temp.rows_after($$ api.drop_create(pg_temp.s('ada'), '{"name": "x", "priceCents": 1, "totalStock": 1}', NULL, NULL) $$), 'forbidden 0',
	'nor what somebody may not');
SELECT lastpair.drop_make('{"name": "By hand", "priceCents": 1, "totalStock": 4}') AS hand \gset
SELECT results_eq('SELECT actor_id, actor_name, action, drop_id FROM pg_temp.newest()',
	format($$ VALUES (NULL::bigint, NULL::text, 'create', %s::bigint) $$, :hand), 'one made from the command line is, by nobody in particular');
SELECT is((pg_temp.newest()).after -> 'sizes', '[{"size": "", "totalStock": 4}]'::jsonb, 'and one without sizes has one of no name');

-- Changing.
UPDATE lastpair.drops SET starts_at = clock_timestamp() - interval '1 s' WHERE id = :drop;
SELECT is(pg_temp.rows_after(format($$ api.drop_update(pg_temp.s('chief'), %s, '{"priceCents": 100, "name": "Aurora II", "holdSeconds": 60}') $$, :drop)), '200 1',
	'a change leaves one row');
SELECT is(pg_temp.told(), 'chief update Aurora II {"name": "Aurora", "priceCents": 19900} -> {"name": "Aurora II", "priceCents": 100}',
	'with what changed and nothing else');
SELECT pg_temp.version(:drop) AS version, revision FROM lastpair.drops WHERE id = :drop \gset
SELECT set_config('lastpair.wrote', '', false) \g /dev/null
SELECT status, body, events IS NULL AS silent FROM api.drop_update(pg_temp.s('boss'), :drop, '{"priceCents": 100, "name": "Aurora II"}') \gset
SELECT is(:status || ' ' || (:'body'::json -> 'drop' ->> 'name'), '200 Aurora II', 'the same change again is answered as before');
SELECT is((pg_temp.newest()).actor_name, 'chief', 'leaves no row');
SELECT results_eq(format('SELECT pg_temp.version(id), revision FROM lastpair.drops WHERE id = %s', :drop),
	format('VALUES (%s::bigint, %s::bigint)', :version, :revision), 'raises nothing');
SELECT ok(:'silent', 'tells nobody');
SELECT is(current_setting('lastpair.wrote'), 'yes', 'and waits for the disk: what it repeats may not be there yet');
SELECT is(pg_temp.rows_after(format($$ api.drop_update(pg_temp.s('boss'), %s, '{"isActive": false}') $$, :drop)), '200 1', 'a pause leaves a row');
SELECT is(pg_temp.told(), 'boss update Aurora II {"isActive": true} -> {"isActive": false}', 'that says so');
SELECT is(pg_temp.rows_after(format($$ api.drop_update(pg_temp.s('boss'), %s, '{"isActive": true, "dropEndsAt": "2150-01-01T00:00:00.123456Z"}') $$, :drop)), '200 1',
	'and so does an end');
SELECT is((pg_temp.newest()).before || (pg_temp.newest()).after, '{"isActive": true, "dropEndsAt": "2150-01-01T00:00:00.123Z"}'::jsonb, 'in the API''s times');
SELECT is(pg_temp.rows_after(format($$ api.drop_update(pg_temp.s('boss'), %s, '{"dropEndsAt": "2150-01-01T00:00:00.123999Z"}') $$, :drop)), '200 0',
	'a time that is the same to the millisecond is no change');
SELECT is(pg_temp.rows_after(format($$ api.drop_update(pg_temp.s('boss'), %s, '{"dropEndsAt": null}') $$, :drop)), '200 1', 'none is');
SELECT is((pg_temp.newest()).after, '{"dropEndsAt": null}'::jsonb, 'and is written as null');
SELECT is(pg_temp.rows_after(format($$ api.drop_update(pg_temp.s('boss'), %s, '{"dropEndsAt": "1999-01-01T00:00:00Z"}') $$, :drop)), 'ends_before_start 0',
	'a change that is refused leaves none');
SELECT is(pg_temp.rows_after(format($$ api.drop_update(pg_temp.s('ada'), %s, '{"priceCents": 1}') $$, :drop)), 'forbidden 0', 'nor does one that somebody may not make');
SELECT is(pg_temp.rows_after($$ api.drop_update(pg_temp.s('boss'), 9223372036854775807, '{"priceCents": 1}') $$), 'not_found 0', 'nor one of no drop');

-- Ending now: by a time that is past, or is this moment.
SELECT is((api.drop_update(pg_temp.s('boss'), :drop, jsonb_build_object('dropEndsAt', lastpair.stamp(clock_timestamp())))).body::json -> 'drop' ->> 'status', 'ended',
	'a drop is ended by a time that has come');
SELECT is((api.drop_update(pg_temp.s('boss'), :drop, '{"dropEndsAt": null}')).body::json -> 'drop' ->> 'status', 'live', 'and goes on when that is taken away');

-- New sizes.
SELECT pg_temp.version(:drop) AS version \gset
SELECT status, body, events FROM api.drop_update(pg_temp.s('boss'), :drop,
	'{"sizes": [{"size": "45", "totalStock": 2}, {"size": "41", "totalStock": 1}, {"size": "44", "totalStock": 0}]}') \gset
SELECT is((SELECT string_agg(concat_ws('/', s ->> 'size', s ->> 'totalStock', s ->> 'availableStock'), ' ')
	FROM json_array_elements(:'body'::json -> 'drop' -> 'sizes') s), '43/3/3 41/1/1 45/2/2 44/0/0', 'sizes are added behind those that are there');
SELECT ok((:'body'::json -> 'drop' ->> 'version')::bigint > :version AND pg_temp.version(:drop) = (:'body'::json -> 'drop' ->> 'version')::bigint, 'the version grows');
SELECT is(pg_temp.kinds(:'events'), 'drop:updated', 'everybody is told');
SELECT is(pg_temp.told(), 'boss update Aurora II {"sizes": []} -> {"sizes": [{"size": "45", "totalStock": 2}, {"size": "44", "totalStock": 0}]}',
	'and the trail has what is new of them');
SELECT is(pg_temp.rows_after(format($$ api.drop_update(pg_temp.s('boss'), %s, '{"sizes": [{"size": "45", "totalStock": 2}]}') $$, :drop)), '200 0',
	'a size that is there with this stock is no change');
SELECT is(pg_temp.rows_after(format($$ api.drop_update(pg_temp.s('boss'), %s, '{"name": "x", "sizes": [{"size": "46", "totalStock": 1}, {"size": "45", "totalStock": 3}]}') $$, :drop)),
	'size_is_there 0', 'with another it is refused, and all that came with it');
SELECT is((SELECT count(*) FROM lastpair.stock WHERE drop_id = :drop), 4::bigint, 'nothing of that is there');
SELECT is(pg_temp.rows_after(format($$ api.drop_update(pg_temp.s('boss'), %s, '{"sizes": [{"size": "46", "totalStock": 1}]}') $$, :hand)),
	'drop_without_sizes 0', 'a drop without sizes gets none');
SELECT is(pg_temp.rows_after(format($$ api.drop_update(pg_temp.s('boss'), %s, %L) $$, :drop, json_build_object('sizes',
	(SELECT json_agg(json_build_object('size', 'n' || n, 'totalStock', 1)) FROM generate_series(1, 97) n)))), 'too_many_sizes 0', 'and no drop more than a hundred');
SELECT is(pg_temp.rows_after(format($$ api.drop_update(pg_temp.s('boss'), %s, %L) $$, :drop, json_build_object('sizes',
	(SELECT json_agg(json_build_object('size', 'n' || n, 'totalStock', 1)) FROM generate_series(1, 96) n)))), '200 1', 'a hundred it may have');
SELECT isnt(pg_temp.held(:drop, 'ada', '45'), NULL, 'a new size can be held');

-- The price of a drop with sales, and its currency.
SELECT is(pg_temp.rows_after(format($$ api.drop_update(pg_temp.s('boss'), %s, '{"currency": "EUR"}') $$, :drop)), 'currency_in_use 0',
	'while a pair is held the currency stays');
SELECT is((pg_temp.buy('ada', (SELECT id FROM lastpair.reservations WHERE drop_id = :drop AND status = 'active'))).status, 201::smallint, 'it is bought');
SELECT is(pg_temp.rows_after(format($$ api.drop_update(pg_temp.s('boss'), %s, '{"currency": "EUR"}') $$, :drop)), 'currency_in_use 0', 'and stays for good');
SELECT is(pg_temp.rows_after(format($$ api.drop_update(pg_temp.s('boss'), %s, '{"currency": "USD", "priceCents": 7}') $$, :drop)), '200 1', 'the price may change');
SELECT is((SELECT price_cents FROM lastpair.purchases WHERE drop_id = :drop), 100::bigint, 'what was sold keeps the one it was held at');
SELECT is(pg_temp.rows_after(format($$ api.drop_update(pg_temp.s('boss'), %s, '{"currency": "EUR"}') $$, :hand)), '200 1', 'a drop that sold nothing may change both');

-- Restocking.
SELECT is(pg_temp.rows_after(format($$ api.drop_restock(pg_temp.s('chief'), %s, '43', 5, 'key-more', 'R') $$, :drop)), '200 1', 'a restock leaves one row');
SELECT is(pg_temp.told(), 'chief restock Aurora II {"sizes": [{"size": "43", "totalStock": 3}]} -> {"sizes": [{"size": "43", "totalStock": 8}]}',
	'with the stock of the size, as it was and as it is');
SELECT is(pg_temp.rows_after(format($$ api.drop_restock(pg_temp.s('chief'), %s, '43', 5, 'key-more', 'R') $$, :drop)), '200 0', 'the same call again leaves none');
SELECT is(pg_temp.rows_after(format($$ api.drop_restock(pg_temp.s('chief'), %s, '43', -9, NULL, NULL) $$, :drop)), 'below_committed 0', 'nor does one that is refused');
SELECT is(pg_temp.rows_after(format($$ api.drop_restock(pg_temp.s('chief'), %s, NULL, -1, NULL, NULL) $$, :hand)), '200 1', 'nor needs it a size that has no name');
SELECT is((pg_temp.newest()).after, '{"sizes": [{"size": "", "totalStock": 3}]}'::jsonb, 'which it then is');
SELECT is(pg_temp.rows_after(format($$ (SELECT r FROM pg_temp.reserve(%s, ARRAY[gen_random_uuid()], ARRAY[pg_temp.s('bob')], ARRAY['43'], ARRAY[NULL::text], ARRAY[NULL::text], false) r) $$, :drop)),
	'201 0', 'what buyers do is not in the trail');

-- The order.
SELECT is((SELECT array_agg(id ORDER BY id) FROM lastpair.admin_actions WHERE id > :base),
	(SELECT array_agg(:base + n ORDER BY n) FROM generate_series(1, (SELECT count(*) FROM lastpair.admin_actions WHERE id > :base)) n), 'actions are numbered without a gap');
SELECT ok((SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND classid = 3) = 1, 'one at a time: whoever writes keeps the others waiting');

-- It stays.
SELECT throws_ok('UPDATE lastpair.admin_actions SET actor_name = ''nobody''', '42501', NULL, 'no row is changed');
SELECT throws_ok('DELETE FROM lastpair.admin_actions', '42501', NULL, 'none is deleted');
SELECT throws_ok('TRUNCATE lastpair.admin_actions', '42501', NULL, 'nor are all of them');
SELECT throws_ok('INSERT INTO lastpair.admin_actions SELECT * FROM pg_temp.newest() ON CONFLICT (id) DO UPDATE SET at = now()', '42501', NULL, 'nor by another''s coming');
SET LOCAL session_replication_role = replica;
SELECT throws_ok('DELETE FROM lastpair.admin_actions', '42501', NULL, 'nor where triggers are off');
SET LOCAL session_replication_role = origin;
SELECT is(pg_temp.state_as('lastpair_owner', 'DELETE FROM lastpair.admin_actions'), '42501', 'nor by the owner, as whom every stored function runs');
SELECT is(pg_temp.state_as(r, 'SELECT FROM lastpair.admin_actions') || ' ' || pg_temp.state_as(r, 'INSERT INTO lastpair.admin_actions DEFAULT VALUES')
	|| ' ' || pg_temp.state_as(r, 'SELECT lastpair.note_action(NULL, ''create'', 1, NULL, ''{}'')'), '42501 42501 42501', r || ' neither reads nor writes it')
  FROM unnest(ARRAY['lastpair_api', 'lastpair_sse']) r;
SELECT throws_ok($$ SELECT lastpair.note_action(NULL, 'update', 1, '{"a": 1}', '{"a": 1}') $$, '23502', NULL, 'an action is of a drop that is there');
SELECT throws_ok(format($$ SELECT lastpair.note_action(NULL, 'update', %s, '{"a": 1}', '{"a": 1}') $$, :drop), '23514', NULL, 'and changes something');
SELECT throws_ok(format($$ SELECT lastpair.note_action(NULL, 'create', %s, '{"a": 1}', '{"a": 2}') $$, :drop), '23514', NULL, 'what is new had nothing before');
SELECT throws_ok(format($$ SELECT lastpair.note_action(-1, 'update', %s, '{"a": 1}', '{"a": 2}') $$, :drop), '23514', NULL, 'and who acts is there');

-- It outlives who did it.
SELECT count(*) AS of_chief FROM lastpair.admin_actions WHERE actor_id = :chief \gset
UPDATE lastpair.users SET username = 'renamed' WHERE id = :chief;
DELETE FROM lastpair.sessions WHERE user_id = :chief;
DELETE FROM lastpair.users WHERE id = :chief;
SELECT is((SELECT count(*) FROM lastpair.admin_actions WHERE actor_id = :chief AND actor_name = 'chief'), :of_chief::bigint, 'the row of a user who is gone stays, with the name of then');

SELECT is((SELECT sum(breaches) FROM lastpair.audit()), 0::numeric, 'after all this every invariant holds');
SELECT * FROM finish();
ROLLBACK;
