-- What administrators do: make, change and restock drops, and take the list of buyers away.
BEGIN;
\ir setup.psql
SELECT plan(75);

SELECT pg_temp.person('boss', 'admin'), pg_temp.person('ada'), pg_temp.person('bob'), pg_temp.person('cyd') \g /dev/null

-- Only they.
SELECT pg_temp.new_drop() AS drop \gset
SELECT is(pg_temp.verdict(api.drop_create(pg_temp.s('ada'), '{"name": "x", "priceCents": 1, "totalStock": 1}', NULL, NULL)), 'forbidden',
	'a user makes no drop');
SELECT is(pg_temp.verdict(api.drop_update(pg_temp.s('ada'), :drop, '{"priceCents": 1}')), 'forbidden', 'nor changes one');
SELECT is(pg_temp.verdict(api.drop_restock(pg_temp.s('ada'), :drop, NULL, 1, NULL, NULL)), 'forbidden', 'nor restocks one');
SELECT is(pg_temp.verdict(api.purchases_csv(pg_temp.s('ada'), :drop)), 'forbidden', 'nor sees who bought it');
SELECT is(pg_temp.verdict(api.drop_create(pg_temp.s('nobody'), '{}', NULL, NULL)), 'unauthenticated', 'nor does anybody who is not signed in');
SELECT is(pg_temp.verdict(api.drop_update(pg_temp.s('nobody'), :drop, '{}')), 'unauthenticated', 'make');
SELECT is(pg_temp.verdict(api.drop_restock(pg_temp.s('nobody'), :drop, NULL, 1, NULL, NULL)), 'unauthenticated', 'or restock');
SELECT is(pg_temp.verdict(api.purchases_csv(pg_temp.s('nobody'), :drop)), 'unauthenticated', 'or see anything');
UPDATE lastpair.users SET role = 'user' WHERE id = pg_temp.uid('boss');
SELECT is(pg_temp.verdict(api.drop_update(pg_temp.s('boss'), :drop, '{"priceCents": 1}')), 'forbidden',
	'who is no administrator any more may not, from that moment');
UPDATE lastpair.users SET role = 'admin' WHERE id = pg_temp.uid('boss');

-- Making one.
SELECT status, body, events FROM api.drop_create(pg_temp.s('boss'),
	'{"name": "Aurora", "priceCents": 19900, "totalStock": 17}', NULL, NULL) \gset
SELECT is(:status, 201, 'a drop is made');
SELECT results_eq(format($$ SELECT json_object_keys(%L::json -> 'drop') $$, :'body'),
	ARRAY['id', 'name', 'description', 'priceCents', 'currency', 'imageUrl', 'totalStock', 'availableStock', 'reservedStock', 'soldStock',
	      'sizes', 'dropStartsAt', 'dropEndsAt', 'isActive', 'status', 'holdSeconds', 'coolDownSeconds', 'maxPerUser', 'version', 'revision',
	      'recentPurchasers'], 'with every field of the contract');
SELECT is((:'body'::jsonb -> 'drop') - ARRAY['id', 'dropStartsAt', 'sizes'], '{"name": "Aurora", "description": "", "priceCents": 19900,
	"currency": "USD", "imageUrl": "", "totalStock": 17, "availableStock": 17, "reservedStock": 0, "soldStock": 0, "dropEndsAt": null,
	"isActive": true, "status": "live", "holdSeconds": 60, "coolDownSeconds": 60, "maxPerUser": 1, "version": 1, "revision": 1, "recentPurchasers": []}'::jsonb,
	'and the defaults of the contract');
SELECT is(:'body'::jsonb -> 'drop' -> 'sizes', '[{"size": "", "totalStock": 17, "availableStock": 17, "reservedStock": 0, "soldStock": 0,
	"version": 1}]'::jsonb, 'a drop of one size has that of no name');
SELECT ok(abs(extract(epoch FROM clock_timestamp() - (:'body'::jsonb -> 'drop' ->> 'dropStartsAt')::timestamptz)) < 5, 'it starts now');
SELECT is(pg_temp.kinds(:'events'), 'drop:created', 'and everybody is told');
SELECT is(pg_temp.event_of(:'events', 'drop:created') -> 'data' ->> 'drop', :'body'::json ->> 'drop', 'just what the answer says');
SELECT body FROM api.drop_create(pg_temp.s('boss'), '{"name": "Sized", "description": "d", "priceCents": 0, "currency": "EUR", "imageUrl": "/x.svg",
	"dropStartsAt": "2199-01-01T00:00:00+01:00", "dropEndsAt": "2199-02-01T00:00:00.123456Z", "holdSeconds": 5, "coolDownSeconds": 7, "maxPerUser": 4, "isActive": false,
	"sizes": [{"size": "43", "totalStock": 3}, {"size": "41", "totalStock": 1}, {"size": "42", "totalStock": 0}]}', NULL, NULL) \gset
SELECT results_eq(format($$ SELECT s ->> 'size' FROM json_array_elements(%L::json -> 'drop' -> 'sizes') s $$, :'body'),
	ARRAY['43', '41', '42'], 'sizes keep the order they were given in');
SELECT is((:'body'::jsonb -> 'drop') - ARRAY['id', 'sizes', 'revision', 'recentPurchasers'], '{"name": "Sized", "description": "d", "priceCents": 0,
	"currency": "EUR", "imageUrl": "/x.svg", "totalStock": 4, "availableStock": 4, "reservedStock": 0, "soldStock": 0,
	"dropStartsAt": "2198-12-31T23:00:00.000Z", "dropEndsAt": "2199-02-01T00:00:00.123Z", "isActive": false, "status": "paused",
	"holdSeconds": 5, "coolDownSeconds": 7, "maxPerUser": 4, "version": 3}'::jsonb, 'everything given is taken, times in UTC, the version the sum of its sizes''');
SELECT is(pg_temp.verdict(api.drop_create(pg_temp.s('boss'), '{"name": "x", "priceCents": 1, "totalStock": 1,
	"dropStartsAt": "2030-01-01T00:00:00Z", "dropEndsAt": "2030-01-01T00:00:00Z"}', NULL, NULL)), 'ends_before_start',
	'a drop that would end as it starts is refused');
SELECT is(pg_temp.verdict(api.drop_create(pg_temp.s('boss'), '{"name": "x", "priceCents": 1, "totalStock": 1,
	"dropEndsAt": "2020-01-01T00:00:00Z"}', NULL, NULL)), '201', 'one that ended long ago began before that');
SELECT status, body FROM api.drop_create(pg_temp.s('boss'), '{"name": "Kept", "priceCents": 1, "totalStock": 1}', 'key-0001', 'R') \gset
SELECT results_eq($$ SELECT status, code, body FROM api.drop_create(pg_temp.s('boss'), '{"name": "Kept", "priceCents": 1, "totalStock": 1}',
	'key-0001', 'R') $$, format('VALUES (201::smallint, NULL, %L)', :'body'), 'the same key makes it once, and answers the same');
SELECT is((SELECT count(*) FROM lastpair.drops WHERE name = 'Kept'), 1::bigint, 'there is one');
SELECT is(pg_temp.verdict(api.drop_create(pg_temp.s('boss'), '{"name": "Kept", "priceCents": 2, "totalStock": 1}', 'key-0001', 'S')), 'key_reused',
	'the same key for another drop is refused');
-- What lib/input.c takes for a time, PostgreSQL takes too.
SELECT lives_ok(format('SELECT lastpair.drop_make(%L)', jsonb_build_object('name', 'T', 'priceCents', 1, 'totalStock', 1, 'dropStartsAt', t)),
	'a time may be ' || t)
  FROM unnest(ARRAY['2026-12-24t10:00:00z', '2026-12-31T23:59:60Z', '2026-12-24T10:00:00.123456789+14:59',
	'2199-12-31T23:59:59-14:59', '2000-01-01T00:00:00-00:00', '2028-02-29T00:00:00.5Z']) t;

SELECT throws_ok($$ SELECT lastpair.drop_make('{"name": "T", "priceCents": 1, "totalStock": 1, "dropStartsAt": "2026-12-31T23:59:60.5Z"}') $$,
	'22008', NULL, 'but for half a leap second, which is a value out of range');

-- Changing one.
SELECT pg_temp.new_drop('{"sizes": [{"size": "a", "totalStock": 2}, {"size": "b", "totalStock": 2}], "maxPerUser": 2}') AS drop \gset
SELECT pg_temp.version(:drop) AS version \gset
SELECT status, body, events FROM api.drop_update(pg_temp.s('boss'), :drop, '{"name": "New", "priceCents": 500, "isActive": false}') \gset
SELECT is(:status, 200, 'a drop is changed');
SELECT results_eq(format('SELECT name, description, price_cents, is_active, revision FROM lastpair.drops WHERE id = %s', :drop),
	$$ VALUES ('New', '', 500::bigint, false, 2::bigint) $$, 'in what was named, and its revision is raised');
SELECT ok(pg_temp.version(:drop) > :version, 'and so is its version');
SELECT is((:'body'::json -> 'drop' ->> 'version')::bigint, pg_temp.version(:drop), 'which the answer has');
SELECT is(pg_temp.kinds(:'events'), 'drop:updated', 'and everybody is told');
SELECT is(pg_temp.stock(:drop), '4/4/0/0', 'the stock stays');
SELECT is(pg_temp.verdict(api.drop_update(pg_temp.s('boss'), 9223372036854775807, '{"name": "x"}')), 'not_found', 'what is not there is not found');
SELECT is(pg_temp.verdict(api.drop_update(pg_temp.s('boss'), :drop, '{"dropEndsAt": "1999-12-31T00:00:00Z"}')), 'ends_before_start',
	'a drop can not be made to end before it starts');
SELECT is(pg_temp.verdict(api.drop_update(pg_temp.s('boss'), :drop, '{"dropEndsAt": "2150-01-01T00:00:00Z", "isActive": true}')), '200', 'it gets an end');
SELECT is(pg_temp.verdict(api.drop_update(pg_temp.s('boss'), :drop, '{"dropStartsAt": "2150-01-01T00:00:00Z"}')), 'ends_before_start',
	'nor to start when it ends');
SELECT is((SELECT ends_at IS NOT NULL FROM lastpair.drops WHERE id = :drop), true, 'what is not named stays');
SELECT api.drop_update(pg_temp.s('boss'), :drop, '{"dropEndsAt": null}') \g /dev/null
SELECT is((SELECT ends_at FROM lastpair.drops WHERE id = :drop), NULL, 'null takes the end away');
SELECT pg_temp.held(:drop, 'ada', 'a') AS hold \gset
SELECT pg_temp.buy('ada', :'hold') \g /dev/null
SELECT is(pg_temp.verdict(api.drop_update(pg_temp.s('boss'), :drop, '{"maxPerUser": 1}')), '200', 'a limit may fall to what somebody bought');
SELECT api.drop_update(pg_temp.s('boss'), :drop, '{"maxPerUser": 2}') \g /dev/null
SELECT pg_temp.held(:drop, 'ada', 'a') AS hold \gset
SELECT is(pg_temp.verdict(api.drop_update(pg_temp.s('boss'), :drop, '{"maxPerUser": 1}')), 'below_committed',
	'but not below what somebody bought and holds');
SELECT is((SELECT max_per_user FROM lastpair.drops WHERE id = :drop), 2, 'which stays as it was');
SELECT pg_temp.buy('ada', :'hold') \g /dev/null
SELECT is(pg_temp.verdict(api.drop_update(pg_temp.s('boss'), :drop, '{"maxPerUser": 1}')), 'below_committed', 'nor below what somebody bought');
SELECT is(pg_temp.verdict(api.drop_update(pg_temp.s('boss'), :drop, '{"holdSeconds": 30}')), '200', 'other fields can still be changed');

-- Restocking.
SELECT pg_temp.new_drop('{"sizes": [{"size": "a", "totalStock": 2}, {"size": "b", "totalStock": 0}], "holdSeconds": 600}') AS drop,
	pg_temp.new_drop('{"totalStock": 1}') AS plain \gset
SELECT pg_temp.version(:drop) AS version \gset
SELECT status, body, events FROM api.drop_restock(pg_temp.s('boss'), :drop, 'b', 5, NULL, NULL) \gset
SELECT is(:status, 200, 'a size is restocked');
SELECT is(pg_temp.stock(:drop, 'a') || ' ' || pg_temp.stock(:drop, 'b'), '2/2/0/0 5/5/0/0', 'it and no other');
SELECT is(pg_temp.version(:drop), :version::bigint + 1, 'its version is raised');
SELECT is(pg_temp.kinds(:'events'), 'stock:update', 'everybody is told the stock');
SELECT is((:'body'::json -> 'drop' ->> 'availableStock')::int, 7, 'and the answer shows it');
SELECT is(pg_temp.verdict(api.drop_restock(pg_temp.s('boss'), :plain, NULL, 4, NULL, NULL)), '200', 'a drop of one size needs no name for it');
SELECT is(pg_temp.verdict(api.drop_restock(pg_temp.s('boss'), :plain, '', -3, NULL, NULL)), '200', 'pairs may be taken away again');
SELECT is(pg_temp.stock(:plain), '2/2/0/0', 'as many as were said');
SELECT is(pg_temp.verdict(api.drop_restock(pg_temp.s('boss'), :drop, NULL, 1, NULL, NULL)), 'unknown_size', 'a drop of several sizes does need one');
SELECT is(pg_temp.verdict(api.drop_restock(pg_temp.s('boss'), :drop, 'c', 1, NULL, NULL)), 'unknown_size', 'and one that it has');
SELECT is(pg_temp.verdict(api.drop_restock(pg_temp.s('boss'), 9223372036854775807, '', 1, NULL, NULL)), 'not_found', 'and a drop that is there');
SELECT is(pg_temp.verdict(api.drop_restock(pg_temp.s('boss'), :drop, 'a', 999999, NULL, NULL)), 'too_much_stock', 'a size has at most a million');
SELECT pg_temp.buy('ada', pg_temp.held(:drop, 'ada', 'a')) \g /dev/null
SELECT pg_temp.held(:drop, 'bob', 'a') AS hold \gset
SELECT is(pg_temp.verdict(api.drop_restock(pg_temp.s('boss'), :drop, 'a', -1, NULL, NULL)), 'below_committed', 'what is held or sold stays');
SELECT is(pg_temp.stock(:drop, 'a'), '2/0/1/1', 'and a refusal changes nothing');
SELECT pg_temp.lapse(:'hold') \g /dev/null
SELECT code, events FROM api.drop_restock(pg_temp.s('boss'), :drop, 'a', -2, NULL, NULL) \gset
SELECT is(:'code'::text, 'below_committed', 'what is sold stays');
SELECT is(pg_temp.kinds(:'events'), 'reservation:expired stock:update', 'but a hold that has lapsed is reclaimed, and told');
SELECT is(pg_temp.verdict(api.drop_restock(pg_temp.s('boss'), :drop, 'a', -1, NULL, NULL)), '200', 'and its pair can be taken away');
SELECT status, body FROM api.drop_restock(pg_temp.s('boss'), :plain, NULL, 10, 'key-0002', 'R') \gset
SELECT is((api.drop_restock(pg_temp.s('boss'), :plain, NULL, 10, 'key-0002', 'R')).body, :'body', 'the same key restocks once');
SELECT is(pg_temp.stock(:plain), '12/12/0/0', 'by ten');
SELECT is(pg_temp.verdict(api.drop_restock(pg_temp.s('boss'), :plain, NULL, 20, 'key-0002', 'S')), 'key_reused', 'and not by another number');
SELECT is(pg_temp.verdict(api.drop_restock(pg_temp.s('boss'), :plain, NULL, -100, 'key-0003', 'R')), 'below_committed', 'a refusal');
SELECT is(pg_temp.verdict(api.drop_restock(pg_temp.s('boss'), :plain, NULL, -1, 'key-0003', 'R')), '200', 'does not keep its key');

-- The list of buyers.
SELECT pg_temp.new_drop('{"sizes": [{"size": "4\"2", "totalStock": 3}]}') AS drop \gset
SELECT is((api.purchases_csv(pg_temp.s('boss'), :drop)).body, E'purchaseId,reservationId,size,username,email,priceCents,currency,purchasedAt\r\n',
	'a list of no buyers is its heading');
UPDATE lastpair.users SET username = '=HYPERLINK("http://evil.example")', email = '+1@evil.example' WHERE id = pg_temp.uid('bob');
SELECT pg_temp.buy('ada', pg_temp.held(:drop, 'ada')), pg_sleep(0.002) \g /dev/null
SELECT pg_temp.buy('bob', pg_temp.held(:drop, 'bob')) \g /dev/null
SELECT regexp_split_to_array(body, E'\r\n') AS lines FROM api.purchases_csv(pg_temp.s('boss'), :drop) \gset
SELECT is(cardinality((:'lines')::text[]), 4, 'a line a buyer, each ended by CRLF');
SELECT matches((:'lines'::text[])[2], '^[0-9a-f-]{36},[0-9a-f-]{36},"4""2","ada","ada@sql-test\.example",19900,USD,\d{4}-\d\d-\d\dT.*Z$',
	'oldest first, texts quoted');
SELECT matches((:'lines'::text[])[3], ',"''=HYPERLINK\(""http://evil\.example""\)","''\+1@evil\.example",', 'what a spreadsheet would take for a formula is defused');
SELECT is(pg_temp.verdict(api.purchases_csv(pg_temp.s('boss'), 9223372036854775807)), 'not_found', 'of a drop that is there');

SELECT is((SELECT sum(breaches) FROM lastpair.audit()), 0::numeric, 'after all this every invariant holds');
SELECT * FROM finish();
ROLLBACK;
