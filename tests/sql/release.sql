-- Giving a hold back, and the list of one's holds.
BEGIN;
\ir setup.psql
SELECT plan(35);

SELECT pg_temp.person(n) FROM unnest(ARRAY['ada', 'bob']) n \g /dev/null
SELECT pg_temp.new_drop('{"sizes": [{"size": "41", "totalStock": 1}, {"size": "42", "totalStock": 1}]}') AS drop \gset

SELECT pg_temp.held(:drop, 'ada', '42') AS hold \gset
SELECT pg_temp.version(:drop) AS version \gset
SELECT is(pg_temp.verdict(pg_temp.give_back('bob', :'hold')), 'not_found', 'nobody gives back another''s hold');
SELECT is(pg_temp.verdict(pg_temp.give_back('nobody', :'hold')), 'unauthenticated', 'nor without signing in');
SELECT is(pg_temp.verdict(pg_temp.give_back('ada', gen_random_uuid())), 'not_found', 'nor what was never held');
SELECT is(pg_temp.stock(:drop), '2/1/1/0', 'refusals change nothing');
SELECT status, body, events FROM pg_temp.give_back('ada', :'hold') \gset
SELECT is(:status, 200, 'a hold is given back');
SELECT is(:'body'::json -> 'reservation' ->> 'status', 'released', 'it is released');
SELECT is(pg_temp.stock(:drop, '41') || ' ' || pg_temp.stock(:drop, '42'), '1/1/0/0 1/1/0/0', 'its pair is back, in its size');
SELECT is(pg_temp.version(:drop), :version::bigint + 1, 'the version is raised');
SELECT is(pg_temp.kinds(:'events'), 'stock:update reservation:update', 'everybody is told the stock, the holder the hold');
SELECT is(pg_temp.verdict(pg_temp.hold(:drop, 'bob', '42')), '201', 'the next one can have it at once');
SELECT is(pg_temp.verdict(pg_temp.give_back('ada', :'hold')), 'not_active', 'it can not be given back twice');
SELECT is(pg_temp.stock(:drop, '42'), '1/0/1/0', 'nor does that take the pair from who has it now');
SELECT is(pg_temp.verdict(pg_temp.give_back('ada', :'hold', true)), '200', 'but a call that is sent again is answered as the first');
SELECT is((pg_temp.give_back('ada', :'hold', true)).events, NULL, 'and is no news');
SELECT is(pg_temp.stock(:drop, '42'), '1/0/1/0', 'and changes nothing');

SELECT pg_temp.held(:drop, 'ada', '41') AS hold \gset
SELECT pg_temp.buy('ada', :'hold') \g /dev/null
SELECT is(pg_temp.verdict(pg_temp.give_back('ada', :'hold')), 'not_active', 'what is bought can not be given back');
SELECT is(pg_temp.verdict(pg_temp.give_back('ada', :'hold', true)), 'not_active', 'sent again or not');

SELECT pg_temp.new_drop() AS drop \gset
SELECT pg_temp.held(:drop, 'ada') AS hold, pg_temp.held(:drop, 'bob') AS other \gset
SELECT pg_temp.lapse(:'hold'), pg_temp.lapse(:'other') \g /dev/null
SELECT code, events FROM pg_temp.give_back('ada', :'hold') \gset
SELECT is(:'code'::text, 'not_active', 'what has lapsed can not be given back');
SELECT is(pg_temp.kinds(:'events'), 'reservation:expired reservation:expired stock:update', 'what has lapsed is reclaimed there and then, and told');
SELECT is(pg_temp.stock(:drop), '3/3/0/0', 'the pairs are back once');
SELECT is(pg_temp.verdict(pg_temp.give_back('ada', :'hold')), 'not_active', 'asked again it is still over');
SELECT is(pg_temp.stock(:drop), '3/3/0/0', 'and its pair is not given back again');

-- The list.
SELECT pg_temp.held(:drop, 'ada') AS newest \gset
SELECT status, body FROM api.reservation_list(pg_temp.s('ada')) \gset
SELECT is(:status, 200, 'one''s reservations are listed');
SELECT results_eq(format($$ SELECT r ->> 'status' FROM json_array_elements(%L::json -> 'reservations') WITH ORDINALITY x (r, n) ORDER BY n $$, :'body'),
	ARRAY['active', 'completed', 'released', 'expired'], 'newest first, by when they were made, and whatever became of them');
SELECT is(:'body'::json -> 'reservations' -> 0 ->> 'id', :'newest', 'the newest is the newest');
SELECT ok(:'body'::json ->> 'serverTime' IS NOT NULL, 'with the time, for the countdown');
UPDATE lastpair.reservations SET expires_at = created_at + interval '1 ms' WHERE id = :'newest';
SELECT pg_sleep(0.005) \g /dev/null
SELECT is((api.reservation_list(pg_temp.s('ada'))).body::json #>> '{reservations,0,status}', 'expired',
	'a hold that is over reads so though nobody has closed it yet');
SELECT is((api.reservation_get(pg_temp.s('ada'), :'newest')).body::json #>> '{reservation,status}', 'expired', 'read alone, too');
SELECT is((api.reservation_get(pg_temp.s('ada'), :'newest')).body::json -> 'reservation' ->> 'id', :'newest', 'it is the one that was asked for');
SELECT is(pg_temp.verdict(api.reservation_get(pg_temp.s('bob'), :'newest')), 'not_found', 'which others are told there is not');
SELECT is((SELECT status FROM lastpair.reservations WHERE id = :'newest'), 'active', 'and reading closes nothing');
SELECT is((SELECT count(*) FROM json_array_elements((api.reservation_list(pg_temp.s('bob'))).body::json -> 'reservations')),
	2::bigint, 'others see their own');
SELECT is(pg_temp.verdict(api.reservation_list(pg_temp.s('nobody'))), 'unauthenticated', 'and whoever is not signed in sees none');
INSERT INTO lastpair.reservations (id, drop_id, size, user_id, status, price_cents, currency, created_at, expires_at, closed_at)
	SELECT gen_random_uuid(), :drop, '', pg_temp.uid('bob'), 'released', 1, 'USD', clock_timestamp() - n * interval '1 day',
	       clock_timestamp() - n * interval '1 day' + interval '1 s', clock_timestamp() FROM generate_series(1, 150) n;
SELECT is((SELECT count(*) FROM json_array_elements((api.reservation_list(pg_temp.s('bob'))).body::json -> 'reservations')),
	100::bigint, 'a list ends at the newest hundred');

SELECT is((SELECT sum(breaches) FROM lastpair.audit()), 0::numeric, 'after all this every invariant holds');
SELECT * FROM finish();
ROLLBACK;
