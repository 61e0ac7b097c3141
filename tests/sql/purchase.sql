-- Buying what is held.
BEGIN;
\ir setup.psql
SELECT plan(46);

SELECT pg_temp.person(n) FROM unnest(ARRAY['ada', 'bob', 'cyd']) n \g /dev/null
SELECT pg_temp.new_drop('{"currency": "EUR", "maxPerUser": 3, "totalStock": 9}') AS drop \gset

-- A purchase.
SELECT pg_temp.held(:drop, 'ada') AS hold, gen_random_uuid() AS id \gset
SELECT pg_temp.version(:drop) AS version \gset
UPDATE lastpair.drops SET price_cents = 99900, currency = 'USD' WHERE id = :drop;
SELECT status, body, events FROM pg_temp.buy('ada', :'hold', :'id') \gset
SELECT is(:status, 201, 'a hold is bought');
SELECT results_eq(format($$ SELECT json_object_keys(%L::json -> 'purchase') $$, :'body'),
	ARRAY['id', 'dropId', 'reservationId', 'size', 'priceCents', 'currency', 'purchasedAt'], 'a purchase has its seven fields');
SELECT is(:'body'::json -> 'purchase' ->> 'id', :'id', 'it has the id that the caller gave');
SELECT is(:'body'::json -> 'purchase' ->> 'reservationId', :'hold', 'and names its hold');
SELECT is(concat_ws(' ', :'body'::json -> 'purchase' ->> 'priceCents', :'body'::json -> 'purchase' ->> 'currency'), '19900 EUR',
	'it costs what the drop cost when the pair was held, not what it costs now');
SELECT is(pg_temp.stock(:drop), '9/8/0/1', 'the pair is sold, no longer reserved');
SELECT is(pg_temp.version(:drop), :version::bigint + 1, 'the version is raised in the same update');
SELECT is(pg_temp.kinds(:'events'), 'stock:update reservation:update purchase:completed', 'everybody is told, and the holder');
SELECT results_eq(format($$ SELECT json_object_keys(pg_temp.event_of(%L, 'purchase:completed') -> 'data') $$, :'events'),
	ARRAY['dropId', 'username', 'purchasedAt'], 'of the buyer no more than the name');
SELECT is(pg_temp.event_of(:'events', 'purchase:completed') ->> 'user', NULL, 'that goes to everybody');
SELECT is(pg_temp.event_of(:'events', 'reservation:update') -> 'data' -> 'reservation' ->> 'status', 'completed', 'the hold is completed');
SELECT results_eq(format('SELECT status, closed_at IS NOT NULL FROM lastpair.reservations WHERE id = %L', :'hold'),
	$$ VALUES ('completed', true) $$, 'in the database too');
SELECT is((SELECT purchased_at < expires_at FROM lastpair.purchases p JOIN lastpair.reservations r ON r.id = reservation_id
	WHERE p.id = :'id'), true, 'it was bought before it was over');

-- Again.
SELECT status AS again, body AS body_again FROM pg_temp.buy('ada', :'hold') \gset
SELECT is(:again, 200, 'the same call again is answered 200');
SELECT is(:'body_again'::text, :'body', 'with the same purchase');
SELECT is(pg_temp.verdict(pg_temp.buy('ada', :'hold', :'id')), '201', 'sent again after a lost connection, with its id, it is answered 201');
SELECT is(pg_temp.stock(:drop), '9/8/0/1', 'none of these sells another pair');
SELECT is((SELECT count(*) FROM lastpair.purchases WHERE drop_id = :drop), 1::bigint, 'nor makes another purchase');
SELECT is((pg_temp.buy('ada', :'hold')).events, NULL, 'nor tells anybody again');

-- Refusals.
SELECT is(pg_temp.verdict(pg_temp.buy('bob', :'hold')), 'not_found', 'what another holds, or bought, is not found');
SELECT is(pg_temp.verdict(pg_temp.buy('ada', gen_random_uuid())), 'not_found', 'nor what nobody ever held');
SELECT is(pg_temp.verdict(pg_temp.buy('nobody', :'hold')), 'unauthenticated', 'whoever is not signed in buys nothing');
SELECT pg_temp.held(:drop, 'bob') AS hold \gset
SELECT is(pg_temp.verdict(pg_temp.buy('ada', :'hold')), 'not_found', 'nobody buys another''s hold');
SELECT pg_temp.give_back('bob', :'hold') \g /dev/null
SELECT is(pg_temp.verdict(pg_temp.buy('bob', :'hold')), 'not_active', 'what was given back can not be bought');
SELECT is(pg_temp.stock(:drop), '9/8/0/1', 'refusals change no stock');

-- Too late.
SELECT pg_temp.held(:drop, 'bob') AS hold \gset
SELECT pg_temp.lapse(:'hold', '1 ms') \g /dev/null
SELECT code, events FROM pg_temp.buy('bob', :'hold') \gset
SELECT is(:'code'::text, 'reservation_expired', 'a hold that is over can not be bought, be it by a millisecond');
SELECT is(pg_temp.kinds(:'events'), 'reservation:expired stock:update', 'its pair is given back there and then, and told');
SELECT is(pg_temp.stock(:drop), '9/8/0/1', 'the stock has it again');
SELECT is(pg_temp.verdict(pg_temp.buy('bob', :'hold')), 'reservation_expired', 'asked again it is still over');
SELECT is((pg_temp.buy('bob', :'hold')).events, NULL, 'which is no news');
SELECT pg_temp.new_drop('{"holdSeconds": 1}') AS brief \gset
SELECT pg_temp.held(:brief, 'ada') AS hold \gset
SELECT pg_sleep(1.05) \g /dev/null
SELECT is(pg_temp.verdict(pg_temp.buy('ada', :'hold')), 'reservation_expired',
	'a hold that lapses within a transaction has lapsed in it');

-- What happens to the drop meanwhile does not touch who holds already.
SELECT pg_temp.held(:drop, 'cyd') AS hold \gset
UPDATE lastpair.drops SET is_active = false, ends_at = greatest(starts_at + interval '1 ms', clock_timestamp() - interval '1 s')
	WHERE id = :drop;
SELECT is(pg_temp.verdict(pg_temp.buy('cyd', :'hold')), '201', 'whoever holds a pair of a drop that was paused and ended still buys it');

-- Keys.
SELECT pg_temp.new_drop('{"maxPerUser": 3}') AS drop \gset
SELECT pg_temp.held(:drop, 'ada') AS hold \gset
SELECT pg_temp.lapse(pg_temp.held(:drop, 'bob')) \g /dev/null
SELECT status, body FROM pg_temp.buy('ada', :'hold', p_key => 'key-0001', p_request => 'R') \gset
SELECT is(:status, 201, 'a purchase with a key is answered as without');
SELECT results_eq(format('SELECT status, code, body FROM pg_temp.buy(''ada'', %L, p_key => ''key-0001'', p_request => ''R'')', :'hold'),
	format('VALUES (201::smallint, NULL, %L)', :'body'), 'the same key gives the first answer again, status and all');
SELECT is(pg_temp.verdict(pg_temp.buy('ada', :'hold')), '200', 'without the key it is the same call again');
SELECT is(pg_temp.verdict(pg_temp.buy('ada', :'hold', p_key => 'key-0001', p_request => 'S')), 'key_reused',
	'the same key for another request is refused');
SELECT is(pg_temp.verdict(pg_temp.buy('ada', :'hold', p_key => 'key-0002', p_request => 'R')), '200', 'a new key on what is bought: 200');
SELECT is(pg_temp.verdict(pg_temp.buy('ada', :'hold', p_key => 'key-0002', p_request => 'R')), '200', 'and 200 it stays');
SELECT is(pg_temp.verdict(pg_temp.buy('ada', gen_random_uuid(), p_key => 'key-0003', p_request => 'R')), 'not_found',
	'a refusal has its code');
SELECT is((SELECT count(*) FROM lastpair.idempotency_keys WHERE user_id = pg_temp.uid('ada') AND key = 'key-0003'), 0::bigint,
	'and its key is not kept');

-- Lists.
SELECT status, body FROM api.purchase_list(pg_temp.s('ada')) \gset
SELECT is(:status, 200, 'one''s purchases are listed');
SELECT is((SELECT count(*) FROM json_array_elements(:'body'::json -> 'purchases')), 2::bigint, 'all of them');
SELECT is(:'body'::json -> 'purchases' -> 0 ->> 'dropId', :'drop', 'newest first');
SELECT is((api.purchase_list(pg_temp.s('bob'))).body, '{"purchases" : []}', 'one''s own alone');
SELECT is(pg_temp.verdict(api.purchase_list(pg_temp.s('nobody'))), 'unauthenticated', 'and only to who is signed in');

SELECT is((SELECT sum(breaches) FROM lastpair.audit()), 0::numeric, 'after all this every invariant holds');
SELECT * FROM finish();
ROLLBACK;
