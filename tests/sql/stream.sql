-- What the event daemon reads.
BEGIN;
\ir setup.psql
SELECT plan(15);

DELETE FROM lastpair.stock;
DELETE FROM lastpair.drops;
SELECT pg_temp.person('ada') AS ada, pg_temp.person('bob') AS bob \gset

SELECT is_empty('SELECT * FROM api.stream_poll(NULL, NULL)', 'an empty store streams nothing');
SELECT pg_temp.new_drop() AS one, pg_temp.new_drop('{"sizes": [{"size": "a", "totalStock": 1}, {"size": "b", "totalStock": 1}]}') AS two,
	pg_temp.new_drop('{"dropStartsAt": "2199-01-01T00:00:00Z"}') AS three, pg_temp.new_drop('{"isActive": false}') AS four \gset
SELECT set_eq('SELECT drop_id, version FROM api.stream_poll(NULL, NULL) WHERE body IS NOT NULL',
	format('VALUES (%s::bigint, 1::bigint), (%s, 2), (%s, 1), (%s, 1)', :one, :two, :three, :four),
	'whoever knows nothing gets every open drop, with the sum of its sizes'' versions');
SELECT is((SELECT body::jsonb FROM api.stream_poll(NULL, NULL) WHERE drop_id = :two), (api.drop_get(:two)).body::jsonb -> 'drop',
	'a drop is streamed as the API shows it');
SELECT is_empty(format('SELECT * FROM api.stream_poll(ARRAY[%s, %s, %s, %s], ARRAY[1, 2, 1, 1]) WHERE body IS NOT NULL', :one, :two, :three, :four),
	'a version that is known comes without its body');
SELECT is((SELECT count(*) FROM api.stream_poll(ARRAY[:one, :two, :three, :four]::bigint[], ARRAY[1, 2, 1, 1]::bigint[])), 4::bigint,
	'but it does come, so that a drop that is gone is noticed');
SELECT pg_temp.held(:two, 'ada', 'b') AS hold \gset
SELECT results_eq(format('SELECT drop_id, version FROM api.stream_poll(ARRAY[%s, %s, %s, %s], ARRAY[1, 2, 1, 1]) WHERE body IS NOT NULL', :one, :two, :three, :four),
	format('VALUES (%s::bigint, 3::bigint)', :two), 'one that has moved comes with it');
SELECT set_eq(format('SELECT drop_id FROM api.stream_poll(ARRAY[%s, %s], ARRAY[99, 3]) WHERE body IS NOT NULL', :one, :two),
	ARRAY[:one, :three, :four]::bigint[], 'so does one whose version is not the known one, be that higher: a crash may have lost it');
SELECT set_eq('SELECT drop_id FROM api.stream_poll(ARRAY[-1]::bigint[], ARRAY[1]::bigint[])', ARRAY[:one, :two, :three, :four]::bigint[],
	'a drop that was never there is not made up');

-- Open is: not over for an hour, or with holds that run.
UPDATE lastpair.drops SET starts_at = clock_timestamp() - interval '1 day', ends_at = clock_timestamp() - interval '59 minutes' WHERE id = :one;
UPDATE lastpair.drops SET starts_at = clock_timestamp() - interval '1 day', ends_at = clock_timestamp() - interval '61 minutes' WHERE id IN (:two, :three);
SELECT set_eq('SELECT drop_id FROM api.stream_poll(NULL, NULL)', ARRAY[:one, :two, :four]::bigint[],
	'a drop is streamed for an hour after its end, and while pairs of it are held');
SELECT pg_temp.give_back('ada', :'hold') \g /dev/null
SELECT set_eq('SELECT drop_id FROM api.stream_poll(NULL, NULL)', ARRAY[:one, :four]::bigint[], 'and no longer');

-- Sessions.
SELECT set_eq(format('SELECT session, user_id FROM api.stream_sessions(%L)', ARRAY[pg_temp.s('ada'), pg_temp.s('bob'), pg_temp.s('nobody')]),
	format('VALUES (pg_temp.s(''ada''), %s::bigint), (pg_temp.s(''bob''), %s)', :ada, :bob), 'of many sessions those that stand are told, and whose');
UPDATE lastpair.sessions SET expires_at = clock_timestamp() WHERE id = pg_temp.s('bob');
SELECT set_eq(format('SELECT session FROM api.stream_sessions(%L)', ARRAY[pg_temp.s('ada'), pg_temp.s('bob')]), ARRAY[pg_temp.s('ada')],
	'one that has run out does not stand');
SELECT is_empty($$ SELECT * FROM api.stream_sessions('{}') $$, 'of none there is none');

SELECT is(api.stream_origin(), extract(epoch FROM pg_postmaster_start_time()) || '/00000001',
	'the origin is when the server started, and its timeline');
SELECT is(api.stream_origin(), api.stream_origin(), 'and so it stays until the server starts anew');

SELECT * FROM finish();
ROLLBACK;
