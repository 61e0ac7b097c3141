-- The reserve: every verdict, alone and in a batch.
BEGIN;
\ir setup.psql
SELECT plan(94);

SELECT pg_temp.person(n) FROM unnest(ARRAY['ada', 'bob', 'cyd', 'dan', 'eve', 'fay', 'gus', 'hal']) n \g /dev/null
INSERT INTO lastpair.users (username, email, password_hash) VALUES ('late', 'late@sql-test.example', '$2b$04$' || repeat('a', 53));
INSERT INTO lastpair.sessions SELECT pg_temp.s('late'), id, clock_timestamp() - interval '2 hours', clock_timestamp()
	FROM lastpair.users WHERE username = 'late';

-- A hold.
SELECT pg_temp.new_drop('{"holdSeconds": 90, "currency": "EUR"}') AS drop \gset
SELECT pg_temp.version(:drop) AS version, gen_random_uuid() AS id \gset
SELECT status, code, body, events FROM pg_temp.hold(:drop, 'ada', p_id => :'id') \gset
SELECT is(:status, 201, 'a free pair is held');
SELECT is(:'body'::json -> 'reservation' ->> 'id', :'id', 'under the id that the caller gave');
SELECT results_eq(format('SELECT json_object_keys(%L::json)', :'body'), ARRAY['reservation', 'drop', 'serverTime'],
	'the answer has the reservation, the drop and the time');
SELECT results_eq(format($$ SELECT json_object_keys(%L::json -> 'reservation') $$, :'body'),
	ARRAY['id', 'dropId', 'size', 'status', 'createdAt', 'expiresAt'], 'a reservation has its six fields');
SELECT is((:'body'::json -> 'reservation')::text, (SELECT lastpair.reservation_json(r, clock_timestamp())::text
	FROM lastpair.reservations r WHERE id = :'id'), 'letter for letter as it is shown later');
SELECT is(:'body'::json -> 'reservation' ->> 'status', 'active', 'it is active');
SELECT is((:'body'::json -> 'reservation' ->> 'expiresAt')::timestamptz - (:'body'::json -> 'reservation' ->> 'createdAt')::timestamptz,
	interval '90 seconds', 'it lasts as long as the drop says');
SELECT matches(:'body'::json ->> 'serverTime', '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$', 'times are RFC 3339 in UTC with milliseconds');
SELECT is(:'body'::json -> 'drop' ->> 'reservedStock', '1', 'the drop in the answer already counts it');
SELECT is(pg_temp.stock(:drop), '3/2/1/0', 'the pair is reserved, no longer available');
SELECT is(pg_temp.version(:drop), :version::bigint + 1, 'the version is raised in the same update');
SELECT is(pg_temp.kinds(:'events'), 'stock:update', 'everybody is told the stock');
SELECT is(pg_temp.event_of(:'events', 'stock:update') ->> 'user', NULL, 'the stock is for everybody');
SELECT is(pg_temp.event_of(:'events', 'stock:update') -> 'data' ->> 'version', (:version + 1)::text, 'with the new version');
SELECT results_eq(format($$ SELECT json_object_keys(pg_temp.event_of(%L, 'stock:update') -> 'data') $$, :'events'),
	ARRAY['dropId', 'version', 'totalStock', 'availableStock', 'reservedStock', 'soldStock', 'sizes', 'at'], 'and the whole state');
SELECT results_eq(format('SELECT price_cents, currency FROM lastpair.reservations WHERE id = %L', :'id'),
	$$ VALUES (19900::bigint, 'EUR') $$, 'the price is kept as it is now');
SELECT ok(pg_temp.gated(:drop), 'whoever changes stock has passed the gate');

-- Refusals.
SELECT is(pg_temp.verdict(pg_temp.hold(:drop, 'ada')), 'already_reserved', 'a second hold of the same drop is refused');
SELECT is(pg_temp.stock(:drop), '3/2/1/0', 'and changes nothing');
SELECT is(pg_temp.verdict(pg_temp.hold(:drop, 'nobody')), 'unauthenticated', 'a session that never was is refused');
SELECT is(pg_temp.verdict(pg_temp.hold(:drop, 'late')), 'unauthenticated', 'a session that ran out is refused');
SELECT is(pg_temp.verdict(pg_temp.hold(9223372036854775807, 'bob')), 'not_found', 'a drop that is not there is refused');
SELECT is(pg_temp.verdict(pg_temp.hold(9223372036854775807, 'nobody')), 'unauthenticated', 'but first comes who asks');
SELECT is(pg_temp.verdict(pg_temp.hold(:drop, 'bob', '42')), 'unknown_size', 'a size that is not there is refused');
SELECT is(pg_temp.verdict(pg_temp.hold(:drop, 'bob', '')), '201', 'the one size may be named by its empty name');
SELECT is(pg_temp.verdict(pg_temp.hold(pg_temp.new_drop('{"isActive": false}'), 'bob')), 'paused', 'a paused drop is refused');
SELECT is(pg_temp.verdict(pg_temp.hold(pg_temp.new_drop('{"dropStartsAt": "2199-01-01T00:00:00Z"}'), 'bob')), 'not_started',
	'a drop that has not opened is refused');
SELECT is(pg_temp.verdict(pg_temp.hold(pg_temp.new_drop('{"dropEndsAt": "2020-01-01T00:00:00Z"}'), 'bob')), 'ended',
	'a drop that is over is refused');
SELECT is(pg_temp.verdict(pg_temp.hold(pg_temp.new_drop('{"dropEndsAt": "2020-01-01T00:00:00Z", "isActive": false}'), 'bob')), 'ended',
	'over comes before paused');
SELECT is(pg_temp.verdict(pg_temp.hold(pg_temp.new_drop('{"isActive": false}'), 'bob', '42')), 'unknown_size',
	'and what was asked wrongly before both');
SELECT is(pg_temp.verdict(pg_temp.hold(pg_temp.new_drop('{"isActive": false, "totalStock": 0}'), 'bob')), 'paused',
	'a drop without stock says first that it is paused');

-- The limit.
SELECT pg_temp.new_drop('{"maxPerUser": 2, "totalStock": 5}') AS two \gset
SELECT pg_temp.buy('ada', pg_temp.held(:two, 'ada')) \g /dev/null
SELECT is(pg_temp.verdict(pg_temp.hold(:two, 'ada')), '201', 'whoever has bought fewer than the limit may hold again');
SELECT pg_temp.buy('ada', (SELECT id FROM lastpair.reservations WHERE drop_id = :two AND status = 'active')) \g /dev/null
SELECT is(pg_temp.verdict(pg_temp.hold(:two, 'ada')), 'limit_reached', 'whoever has bought as many may not');
SELECT is(pg_temp.verdict(pg_temp.hold(:two, 'bob')), '201', 'others may');
SELECT is(pg_temp.stock(:two), '5/2/1/2', 'and the stock says so');

-- Sold out.
SELECT pg_temp.new_drop('{"totalStock": 0}') AS none \gset
SELECT is(pg_temp.verdict(pg_temp.hold(:none, 'ada')), 'sold_out', 'nothing free is sold out');
SELECT ok(NOT pg_temp.gated(:none), 'and is said without passing the gate');
SELECT is((SELECT count(*) FROM lastpair.stock WHERE drop_id = :none AND version = 1), 1::bigint, 'nor is the stock touched');
SELECT is((pg_temp.hold(:none, 'ada')).events, NULL, 'nor is there anything to tell');
SELECT pg_temp.new_drop('{"totalStock": 1}') AS last \gset
SELECT pg_temp.held(:last, 'ada') AS hold \gset
SELECT is(pg_temp.verdict(pg_temp.hold(:last, 'bob')), 'sold_out', 'what another holds is not free');
SELECT is(pg_temp.verdict(pg_temp.hold(:last, 'ada')), 'already_reserved', 'its holder is told the better reason');

-- Lapsed holds are reclaimed at once.
SELECT pg_temp.lapse(:'hold') \g /dev/null
SELECT status, code, body, events FROM pg_temp.hold(:last, 'bob') \gset
SELECT is(:status, 201, 'a pair is free the instant its hold ends, whether or not the expiry ran');
SELECT is(pg_temp.kinds(:'events'), 'reservation:expired stock:update', 'the one it lapsed for is told, too');
SELECT is(pg_temp.event_of(:'events', 'reservation:expired') ->> 'user', pg_temp.uid('ada')::text, 'alone');
SELECT is(pg_temp.event_of(:'events', 'reservation:expired') -> 'data' ->> 'reservationId', :'hold', 'which hold it was');
SELECT results_eq(format('SELECT status, closed_at IS NOT NULL FROM lastpair.reservations WHERE id = %L', :'hold'),
	$$ VALUES ('expired', true) $$, 'the old hold is closed');
SELECT is(pg_temp.stock(:last), '1/0/1/0', 'and the pair is held once');
SELECT pg_temp.lapse((:'body'::json -> 'reservation' ->> 'id')::uuid) \g /dev/null
SELECT is(pg_temp.verdict(pg_temp.hold(:last, 'bob')), '201', 'one''s own lapsed hold is replaced');
SELECT is((SELECT count(*) FROM lastpair.reservations WHERE drop_id = :last AND status = 'active'), 1::bigint, 'by one');

SELECT pg_temp.new_drop('{"sizes": [{"size": "41", "totalStock": 1}, {"size": "42", "totalStock": 0}]}') AS sized \gset
SELECT pg_temp.lapse(pg_temp.held(:sized, 'ada', '41')) \g /dev/null
SELECT code, events FROM pg_temp.hold(:sized, 'bob', '42') \gset
SELECT is(:'code'::text, 'sold_out', 'a lapsed hold of another size helps nobody');
SELECT is(pg_temp.kinds(:'events'), 'reservation:expired stock:update', 'but it is reclaimed, and told');
SELECT is(pg_temp.stock(:sized), '1/1/0/0', 'the refusal gives the pair back');
SELECT pg_temp.lapse(pg_temp.held(:sized, 'ada', '41')) \g /dev/null
UPDATE lastpair.drops SET is_active = false WHERE id = :sized;
SELECT is(pg_temp.verdict(pg_temp.hold(:sized, 'bob', '41')), 'paused', 'a paused drop sells nothing that lapsed');
SELECT is(pg_temp.stock(:sized), '1/0/1/0', 'and leaves it to the expiry: a refusal changes nothing');
UPDATE lastpair.drops SET is_active = true WHERE id = :sized;
SELECT is(pg_temp.verdict(pg_temp.hold(:sized, 'bob', '41')), '201', 'until it is opened again');
SELECT pg_temp.new_drop('{"isActive": false}') AS paused \gset
SELECT is(pg_temp.verdict(pg_temp.hold(:paused, 'bob')), 'paused', 'a drop that is not open');
SELECT ok(NOT pg_temp.gated(:paused), 'says so without its gate');

-- The clock is that of the moment, not that of the transaction's begin.
SELECT pg_temp.new_drop('{"totalStock": 1, "holdSeconds": 1}') AS brief \gset
SELECT pg_temp.held(:brief, 'ada') AS hold \gset
SELECT pg_sleep(1.05) \g /dev/null
SELECT is(pg_temp.verdict(pg_temp.hold(:brief, 'bob')), '201', 'a hold that lapses within a transaction has lapsed in it');
SELECT is(pg_temp.verdict(pg_temp.buy('ada', :'hold')), 'reservation_expired', 'and can not be bought');
SELECT pg_temp.new_drop() AS ending \gset
UPDATE lastpair.drops SET ends_at = clock_timestamp() + interval '50 ms', starts_at = clock_timestamp() - interval '1 day'
	WHERE id = :ending;
SELECT pg_sleep(0.1) \g /dev/null
SELECT is(pg_temp.verdict(pg_temp.hold(:ending, 'ada')), 'ended', 'a drop that ends within a transaction has ended in it');

-- More lapsed holds than are closed at a time.
SELECT pg_temp.new_drop('{"totalStock": 2500}') AS drop \gset
INSERT INTO lastpair.reservations (id, drop_id, size, user_id, price_cents, currency, created_at, expires_at)
	SELECT gen_random_uuid(), :drop, '', CASE n WHEN 2500 THEN pg_temp.uid('ada') ELSE -n END, 1, 'EUR',
		clock_timestamp() - interval '2 min', clock_timestamp() - interval '1 min' + n * interval '1 ms'
	  FROM generate_series(1, 2500) n;
UPDATE lastpair.stock SET available = 0, reserved = 2500 WHERE drop_id = :drop;
SELECT is(pg_temp.verdict(pg_temp.hold(:drop, 'ada')), '201', 'whose own hold lapsed last of thousands gets a new one');
SELECT is(pg_temp.stock(:drop), '2500/2499/1/0', 'and all of them are back');
DELETE FROM lastpair.reservations WHERE user_id < 0;	-- nobody's: the audit at the end would say so

-- Sent again after a lost connection.
SELECT pg_temp.new_drop() AS drop, gen_random_uuid() AS id \gset
SELECT pg_temp.hold(:drop, 'cyd', p_id => :'id') \g /dev/null
SELECT status, body FROM pg_temp.hold(:drop, 'cyd', p_id => :'id', p_again => true) \gset
SELECT is(:status, 201, 'a call that is sent again with its id is answered as the first');
SELECT is(:'body'::json -> 'reservation' ->> 'id', :'id', 'with the same hold');
SELECT is(pg_temp.stock(:drop), '3/2/1/0', 'of which there is one');
SELECT is(pg_temp.verdict(pg_temp.hold(:drop, 'cyd')), 'already_reserved', 'another id is another call');
SELECT pg_temp.lapse(:'id') \g /dev/null
SELECT is(pg_temp.verdict(pg_temp.hold(:drop, 'cyd', p_id => :'id', p_again => true)), '201',
	'also when its hold has lapsed meanwhile');

-- Keys.
SELECT pg_temp.new_drop('{"totalStock": 2}') AS drop, gen_random_uuid() AS id \gset
SELECT status, body FROM pg_temp.hold(:drop, 'ada', p_id => :'id', p_key => 'key-0001', p_request => 'POST /a {}') \gset
SELECT is(:status, 201, 'a request with a key is answered as without');
SELECT results_eq(format('SELECT status, code, body FROM pg_temp.hold(%s, ''ada'', p_key => ''key-0001'', p_request => ''POST /a {}'')', :drop),
	format('VALUES (201::smallint, NULL, %L)', :'body'), 'the same key and request give the first answer, byte for byte');
SELECT is(pg_temp.stock(:drop), '2/1/1/0', 'and no second hold');
SELECT is(pg_temp.verdict(pg_temp.hold(:drop, 'ada', p_key => 'key-0001', p_request => 'POST /a {"size":""}')), 'key_reused',
	'the same key for another request is refused');
SELECT is(pg_temp.verdict(pg_temp.hold(:drop, 'bob', p_key => 'key-0001', p_request => 'POST /a {}')), '201',
	'another user''s same key is another key');
SELECT is(pg_temp.verdict(pg_temp.hold(:drop, 'cyd', p_key => 'key-0002', p_request => 'POST /a {}')), 'sold_out',
	'a request with a key is refused as without');
SELECT pg_temp.give_back('ada', :'id') \g /dev/null
SELECT is(pg_temp.verdict(pg_temp.hold(:drop, 'cyd', p_key => 'key-0002', p_request => 'POST /a {}')), '201',
	'a refusal is not kept: the same key may try again');
SELECT is((pg_temp.hold(:drop, 'ada', p_key => 'key-0001', p_request => 'POST /a {}')).body, :'body',
	'the first answer stands though the hold is over');
UPDATE lastpair.drops SET is_active = false WHERE id = :drop;
SELECT is((pg_temp.hold(:drop, 'ada', p_key => 'key-0001', p_request => 'POST /a {}')).body, :'body',
	'and though the drop is closed by now');
SELECT is(pg_temp.verdict(pg_temp.hold(:drop, 'late', p_key => 'key-0001', p_request => 'POST /a {}')), 'unauthenticated',
	'a key opens nothing to whoever is not signed in');

-- A batch: one answer a request, in order.
CREATE TEMPORARY TABLE answer (n bigint, status smallint, code text, body text, events text[]);
CREATE FUNCTION pg_temp.batch(p_drop bigint, p_names text[], p_sizes text[], p_ids uuid[] DEFAULT NULL,
	p_keys text[] DEFAULT NULL, p_requests text[] DEFAULT NULL, p_again boolean DEFAULT false) RETURNS text[] LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM answer;
	INSERT INTO answer SELECT r.ordinality, r.status, r.code, r.body, r.events
	  FROM pg_temp.reserve(p_drop,
		coalesce(p_ids, ARRAY(SELECT gen_random_uuid() FROM unnest(p_names))),
		ARRAY(SELECT md5(n)::uuid FROM unnest(p_names) WITH ORDINALITY x (n, i) ORDER BY i), p_sizes,
		coalesce(p_keys, array_fill(NULL::text, ARRAY[cardinality(p_names)])),
		coalesce(p_requests, array_fill(NULL::text, ARRAY[cardinality(p_names)])), p_again) WITH ORDINALITY r;
	RETURN ARRAY(SELECT coalesce(code, status::text) FROM answer ORDER BY n);
END $$;

SELECT pg_temp.new_drop('{"sizes": [{"size": "41", "totalStock": 1}, {"size": "42", "totalStock": 2}]}') AS drop \gset
SELECT pg_temp.version(:drop) AS version \gset
SELECT is(pg_temp.batch(:drop, ARRAY['ada', 'bob', 'cyd', 'dan', 'eve', 'fay'], ARRAY['41', '42', '41', '42', '42', NULL]),
	ARRAY['201', '201', 'sold_out', '201', 'sold_out', 'unknown_size'], 'in a batch of several sizes the first come are served');
SELECT is(pg_temp.stock(:drop, '41') || ' ' || pg_temp.stock(:drop, '42'), '1/0/1/0 2/0/2/0', 'each size gives what it has');
SELECT is(pg_temp.version(:drop), :version::bigint + 2, 'each size''s version is raised once');
SELECT is((SELECT pg_temp.kinds(events) FROM answer WHERE n = 1), 'stock:update', 'the stock is told once for all');
SELECT results_eq($$ SELECT body::json -> 'reservation' ->> 'size' FROM answer WHERE status = 201 ORDER BY n $$,
	ARRAY['41', '42', '42'], 'and each got the size asked for');
SELECT results_eq($$ SELECT DISTINCT body::json -> 'drop' ->> 'availableStock' FROM answer WHERE status = 201 $$, ARRAY['0'],
	'every answer shows the drop as the batch leaves it');

SELECT pg_temp.new_drop('{"totalStock": 5}') AS drop \gset
SELECT is(pg_temp.batch(:drop, ARRAY['nobody', 'ada', 'late', 'bob'], ARRAY[NULL, NULL, NULL, NULL]),
	ARRAY['unauthenticated', '201', 'unauthenticated', '201'], 'one who is not signed in spoils nothing for the others');
SELECT is((SELECT pg_temp.kinds(events) FROM answer WHERE n = 1), 'stock:update', 'the stock is told even if the first got nothing');
SELECT is(pg_temp.batch(:drop, ARRAY['ada', 'cyd', 'bob', 'dan'], ARRAY[NULL, '', NULL, 'x']),
	ARRAY['already_reserved', '201', 'already_reserved', 'unknown_size'], 'nor does one who already holds');
SELECT pg_temp.new_drop('{"totalStock": 0}') AS none \gset
SELECT is(pg_temp.batch(:none, ARRAY['ada', 'nobody', 'bob'], ARRAY[NULL, NULL, NULL]),
	ARRAY['sold_out', 'unauthenticated', 'sold_out'], 'a batch of refusals has one for each');

SELECT pg_temp.new_drop('{"totalStock": 3}') AS drop,
	ARRAY[gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid()] AS ids \gset
SELECT pg_temp.hold(:drop, 'ada', p_id => (:'ids'::uuid[])[1]) \g /dev/null
SELECT body FROM pg_temp.hold(:drop, 'bob', p_key => 'key-0009', p_request => 'R') \gset
SELECT is(pg_temp.batch(:drop, ARRAY['ada', 'bob', 'cyd', 'bob', 'dan'], ARRAY[NULL, NULL, NULL, NULL, NULL]::text[], :'ids',
	ARRAY[NULL, 'key-0009', 'key-0009', 'key-0010', 'key-0010'], ARRAY[NULL, 'R', 'R', 'R', 'R'], true),
	ARRAY['201', '201', '201', 'already_reserved', 'sold_out'],
	'calls sent again, kept keys and new requests have each their own answer in one batch');
SELECT is((SELECT body FROM answer WHERE n = 2), :'body', 'the kept one word for word');
SELECT is(pg_temp.stock(:drop), '3/0/3/0', 'and only the new request took a pair');
SELECT is((SELECT count(*) FROM lastpair.idempotency_keys WHERE key IN ('key-0009', 'key-0010')
	AND user_id IN (SELECT pg_temp.uid(n) FROM unnest(ARRAY['ada', 'bob', 'cyd', 'dan']) n)), 2::bigint,
	'only successes keep their keys');

SELECT pg_temp.new_drop('{"totalStock": 2}') AS drop \gset
SELECT pg_temp.held(:drop, 'ada') AS first, pg_temp.held(:drop, 'bob') AS second \gset
SELECT pg_temp.lapse(:'first'), pg_temp.lapse(:'second') \g /dev/null
SELECT is(pg_temp.batch(:drop, ARRAY['cyd', 'bob', 'ada'], ARRAY[NULL, NULL, NULL]), ARRAY['201', '201', 'sold_out'],
	'lapsed holds are reclaimed for a whole batch');
SELECT is((SELECT pg_temp.kinds(events) FROM answer WHERE n = 1),
	'reservation:expired reservation:expired stock:update', 'and told before the stock');

SELECT is((SELECT sum(breaches) FROM lastpair.audit()), 0::numeric, 'after all this every invariant holds');

SELECT * FROM finish();
ROLLBACK;
