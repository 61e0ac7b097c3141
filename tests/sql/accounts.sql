-- Sign-up, sign-in, and the end of sessions.
BEGIN;
\ir setup.psql
SELECT plan(70);

CREATE FUNCTION pg_temp.hash(p_letter text DEFAULT 'a') RETURNS text LANGUAGE sql AS $$ SELECT '$2b$04$' || repeat(p_letter, 53) $$;
CREATE FUNCTION pg_temp.sign_up(p_name text, p_session text, p_key text DEFAULT NULL, p_email text DEFAULT NULL, p_letter text DEFAULT 'a')
RETURNS json LANGUAGE sql AS $$
	SELECT to_json(api.register(p_name, coalesce(p_email, p_name || '@sql-test.example'), pg_temp.hash(p_letter), pg_temp.s(p_session), 3600, p_key))
$$;
CREATE FUNCTION pg_temp.code_of(r json) RETURNS text LANGUAGE sql AS $$ SELECT coalesce(r ->> 'code', 'done') $$;
CREATE FUNCTION pg_temp.field(r json, p_field text) RETURNS text LANGUAGE sql AS $$ SELECT r ->> p_field $$;

-- Sign-up.
CREATE TEMPORARY TABLE first AS SELECT * FROM api.register('Zoe', 'Zoe@sql-test.example', pg_temp.hash(), pg_temp.s('zoe'), 3600, 'key-0001');
SELECT results_eq('SELECT code, session, password_hash FROM first', $$ VALUES (NULL::text, pg_temp.s('zoe'), NULL::text) $$,
	'a sign-up begins the session it names');
SELECT is((SELECT expires_at - issued_at FROM first), 3600::bigint, 'which lasts as long as was said');
SELECT is((SELECT body::jsonb - 'id' FROM first), '{"username": "Zoe", "email": "Zoe@sql-test.example", "role": "user"}'::jsonb,
	'the user is shown as the API does, without a hash');
SELECT is((SELECT extract(epoch FROM expires_at)::bigint FROM lastpair.sessions WHERE id = pg_temp.s('zoe')), (SELECT expires_at FROM first),
	'the token''s end is the session''s, to the second');
SELECT is(pg_temp.code_of(pg_temp.sign_up('zed', 'x1', NULL, 'ZOE@SQL-TEST.example')), 'email_taken', 'an address is taken in either case');
SELECT is(pg_temp.code_of(pg_temp.sign_up('ZOE', 'x2', NULL, 'zed@sql-test.example')), 'username_taken', 'so is a name');
SELECT is((SELECT count(*) FROM lastpair.users WHERE email ILIKE 'z%@sql-test.example'), 1::bigint, 'a refusal makes no user');
SELECT is((SELECT count(*) FROM lastpair.sessions WHERE id IN (pg_temp.s('x1'), pg_temp.s('x2'))), 0::bigint, 'nor a session');
SELECT results_eq($$ SELECT * FROM api.register('Zoe', 'Zoe@sql-test.example', pg_temp.hash('b'), pg_temp.s('zoe'), 3600, 'key-0001') $$,
	'SELECT * FROM first', 'sent again after a lost connection, with its session''s id, it is answered as the first');
SELECT is(pg_temp.code_of(pg_temp.sign_up('Zoe', 'other', 'key-0001')), 'kept', 'the same key finds the answer that was given');
SELECT is(pg_temp.field(pg_temp.sign_up('Zoe', 'other', 'key-0001'), 'session'), pg_temp.s('zoe')::text, 'with the session of then');
SELECT is(pg_temp.field(pg_temp.sign_up('Zoe', 'other', 'key-0001'), 'password_hash'), pg_temp.hash(), 'and the hash, for the password to be compared first');
SELECT is(pg_temp.code_of(pg_temp.sign_up('Zoe', 'other', 'key-0002')), 'email_taken', 'another key does not');
SELECT is(pg_temp.code_of(pg_temp.sign_up('Zoe', 'other')), 'email_taken', 'nor none');
SELECT is(pg_temp.code_of(pg_temp.sign_up('Zed', 'other', 'key-0001', 'zoe@sql-test.example')), 'key_reused', 'the same key for another name is refused');
SELECT is(pg_temp.code_of(pg_temp.sign_up('nokey', 'nokey')), 'done', 'a sign-up needs no key');
SELECT is(pg_temp.code_of(pg_temp.sign_up('nokey', 'other')), 'email_taken', 'and without one it is not repeated');
SELECT api.logout(pg_temp.s('zoe'), false) \g /dev/null
SELECT is(pg_temp.code_of(pg_temp.sign_up('Zoe', 'other', 'key-0001')), 'email_taken', 'once signed out there is no answer to repeat');

-- Sign-in.
SELECT pg_temp.person('ada') AS ada, pg_temp.person('bob') AS bob \gset
SELECT results_eq($$ SELECT wait_seconds, user_id, password_hash FROM api.login_start('ADA@sql-test.example', '192.0.2.1', 3, 300) $$,
	format('VALUES (0, %s::bigint, pg_temp.hash())', :ada), 'an address is found in either case, with its hash');
SELECT results_eq($$ SELECT wait_seconds, user_id, password_hash FROM api.login_start('who@sql-test.example', '192.0.2.1', 3, 300) $$,
	'VALUES (0, NULL::bigint, NULL::text)', 'an unknown one is answered as well, with nothing');
CREATE TEMPORARY TABLE login AS SELECT * FROM api.login(:ada, pg_temp.s('ada2'), 60, '192.0.2.1', 'key-0003', 'R');
SELECT results_eq('SELECT code, session, expires_at - issued_at FROM login', $$ VALUES (NULL::text, pg_temp.s('ada2'), 60::bigint) $$,
	'a sign-in begins the session it names');
SELECT is((SELECT body::jsonb - 'id' FROM login), '{"username": "ada", "email": "ada@sql-test.example", "role": "user"}'::jsonb, 'and shows the user');
SELECT is(pg_temp.verdict(api.me(pg_temp.s('ada2'))), '200', 'it stands');
SELECT is(pg_temp.verdict(api.me(pg_temp.s('ada'))), '200', 'beside the one before');
SELECT results_eq(format($$ SELECT * FROM api.login(%s, pg_temp.s('ada2'), 60, '192.0.2.1', NULL, NULL) $$, :ada), 'SELECT * FROM login',
	'sent again with its session''s id it is answered as the first');
SELECT results_eq(format($$ SELECT * FROM api.login(%s, pg_temp.s('ada3'), 60, '192.0.2.1', 'key-0003', 'R') $$, :ada), 'SELECT * FROM login',
	'so is the same key');
SELECT is((SELECT count(*) FROM lastpair.sessions WHERE id = pg_temp.s('ada3')), 0::bigint, 'which begins no other session');
SELECT is(pg_temp.code_of(to_json(api.login(:ada, pg_temp.s('ada3'), 60, '192.0.2.1', 'key-0003', 'S'))), 'key_reused', 'the same key for another request is refused');
SELECT is((SELECT body FROM lastpair.idempotency_keys WHERE user_id = :ada AND key = 'key-0003'), pg_temp.s('ada2')::text,
	'what is kept is the session''s id, no token');
SELECT api.logout(pg_temp.s('ada2'), false) \g /dev/null
SELECT is(pg_temp.field(to_json(api.login(:ada, pg_temp.s('ada4'), 60, '192.0.2.1', 'key-0003', 'R')), 'session'), pg_temp.s('ada4')::text,
	'a key whose session has ended begins a new one');
SELECT throws_ok($$ SELECT api.login(-1, pg_temp.s('ghost'), 60, '192.0.2.1', NULL, NULL) $$, 'P0002', NULL, 'nobody signs in who does not exist');

-- Wrong passwords: a try counts as one from its start, that of pg_temp.wait() too.
CREATE FUNCTION pg_temp.fail(p_email text, p_address text, p_times integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1..p_times LOOP PERFORM api.login_start(p_email, p_address, 3, 300); END LOOP;
END $$;
CREATE FUNCTION pg_temp.wait(p_email text, p_address text) RETURNS integer LANGUAGE sql AS $$
	SELECT wait_seconds FROM api.login_start(p_email, p_address, 3, 300)
$$;
SELECT pg_temp.fail('bob@sql-test.example', '192.0.2.1', 2) \g /dev/null
SELECT is(pg_temp.wait('bob@sql-test.example', '192.0.2.1'), 0, 'fewer wrong passwords than the limit cost no wait');
SELECT pg_temp.fail('BOB@sql-test.example', '192.0.2.1', 1) \g /dev/null
SELECT ok(pg_temp.wait('bob@sql-test.example', '192.0.2.1') BETWEEN 290 AND 300, 'the limit does, in either case, for what is left of the window');
SELECT is(pg_temp.wait('bob@sql-test.example', '192.0.2.2'), 0, 'but only from where they came: a stranger does not lock the owner out');
SELECT is(pg_temp.wait('ada@sql-test.example', '192.0.2.1'), 0, 'and no other account');
SELECT pg_temp.fail('ghost@sql-test.example', '192.0.2.1', 3) \g /dev/null
SELECT ok(pg_temp.wait('ghost@sql-test.example', '192.0.2.1') > 0, 'an account that is not there behaves like one that is');
UPDATE lastpair.sign_in_failures SET since = clock_timestamp() - interval '299.5 s' WHERE email = 'bob@sql-test.example';
SELECT is(pg_temp.wait('bob@sql-test.example', '192.0.2.1'), 1, 'a wait is rounded up to whole seconds');
UPDATE lastpair.sign_in_failures SET since = clock_timestamp() - interval '301 s' WHERE email = 'bob@sql-test.example';
SELECT is(pg_temp.wait('bob@sql-test.example', '192.0.2.1'), 0, 'and is over with the window');
SELECT is((SELECT failures FROM lastpair.sign_in_failures WHERE email = 'bob@sql-test.example' AND address = '192.0.2.1'), 1, 'the next window counts anew');
SELECT pg_temp.fail('bob@sql-test.example', '192.0.2.1', 2), pg_temp.fail('bob@sql-test.example', '192.0.2.2', 3) \g /dev/null
SELECT api.login(:bob, pg_temp.s('bob2'), 60, '192.0.2.1', NULL, NULL) \g /dev/null
SELECT is(pg_temp.wait('bob@sql-test.example', '192.0.2.1'), 0, 'a right password forgets the wrong ones');
SELECT ok(pg_temp.wait('bob@sql-test.example', '192.0.2.2') > 0, 'from there alone');

-- The same from many places: ten times as many, but not where the owner has signed in before.
SELECT pg_temp.person('eve') AS eve \gset
SELECT api.login(:eve, pg_temp.s('eve2'), 60, '198.51.100.1', NULL, NULL) \g /dev/null
SELECT pg_temp.fail('eve@sql-test.example', '203.0.113.' || n, 1) FROM generate_series(1, 30) n \g /dev/null
SELECT ok(pg_temp.wait('eve@sql-test.example', '203.0.113.99') BETWEEN 290 AND 300, 'wrong passwords for an account from ever new places are too many together');
SELECT is(pg_temp.wait('EVE@sql-test.example', '198.51.100.1'), 0, 'but not where its owner signed in before');
SELECT is(pg_temp.wait('ada@sql-test.example', '203.0.113.99'), 0, 'nor for another account');
SELECT api.login(:eve, pg_temp.s('eve3'), 60, '198.51.100.1', NULL, NULL) \g /dev/null
SELECT is((SELECT failures FROM lastpair.sign_in_failures WHERE email = 'eve@sql-test.example' AND address = ''), 30, 'to sign in there gives nothing back of it');
SELECT pg_temp.fail('nobody@sql-test.example', '203.0.113.' || n, 1) FROM generate_series(1, 30) n \g /dev/null
SELECT ok(pg_temp.wait('nobody@sql-test.example', '203.0.113.99') > 0, 'an account that is not there behaves alike');

-- And from one place, for whatever accounts.
SELECT pg_temp.fail('spray' || n || '@sql-test.example', '198.51.100.7', 1) FROM generate_series(1, 30) n \g /dev/null
SELECT ok(pg_temp.wait('spray99@sql-test.example', '198.51.100.7') BETWEEN 290 AND 300, 'one password for each of many accounts is too many as well');
SELECT is(pg_temp.wait('spray99@sql-test.example', '198.51.100.8'), 0, 'from there alone');
SELECT pg_temp.fail('local' || n || '@sql-test.example', '127.0.0.1', 1), pg_temp.fail('six' || n || '@sql-test.example', '::1', 1) FROM generate_series(1, 40) n \g /dev/null
SELECT is(pg_temp.wait('local99@sql-test.example', '127.0.0.1'), 0, 'this machine''s own addresses are never limited so');
SELECT pg_temp.fail('net' || n || '@sql-test.example', '2001:db8:1:2::' || n, 1) FROM generate_series(1, 30) n \g /dev/null
SELECT ok(pg_temp.wait('net99@sql-test.example', '2001:db8:1:2:ffff::1') > 0, 'the addresses of one IPv6 network are one place');
SELECT is(pg_temp.wait('net99@sql-test.example', '2001:db8:1:3::1'), 0, 'and those of the next another');
SELECT is((SELECT array_agg(lastpair.place_of(a)) FROM unnest(ARRAY['192.0.2.1', '::ffff:192.0.2.1', '2001:DB8::1', '::1', '127.8.9.1', 'unix:', '', 'x:y']) a),
	ARRAY['192.0.2.1', '192.0.2.1', '2001:db8::/64', NULL, NULL, NULL, NULL, 'x:y'], 'an address that is none is taken as it is');
SELECT pg_temp.person('far') AS far \gset
SELECT pg_temp.wait('far@sql-test.example', '198.51.100.50') \g /dev/null
SELECT api.login(:far, pg_temp.s('far2'), 60, '198.51.100.50', NULL, NULL) \g /dev/null
SELECT is((SELECT count(*) FROM lastpair.sign_in_failures WHERE email = 'far@sql-test.example' OR address = '198.51.100.50'), 0::bigint,
	'a right password takes all three counts back');
SELECT is((SELECT place FROM lastpair.sign_in_places WHERE user_id = :far), '198.51.100.50', 'and the place is remembered');
SELECT is(pg_temp.wait('far@sql-test.example', '198.51.100.50'), 0, 'where the next try does not count against the account');

-- The end of a session.
SELECT pg_temp.new_drop() AS drop \gset
SELECT pg_temp.held(:drop, 'bob') AS hold \gset
SELECT status, events FROM api.logout(pg_temp.s('bob'), false) \gset
SELECT is(:status, 204, 'whoever signs out is out');
SELECT is(:'events'::text[], ARRAY[format('{"event" : "session:ended", "user" : %s, "session" : "%s"}', :bob, pg_temp.s('bob'))],
	'and the daemons are told which session it was');
SELECT is(pg_temp.verdict(api.me(pg_temp.s('bob'))), 'unauthenticated', 'it no longer reads');
SELECT is(pg_temp.verdict(pg_temp.hold(:drop, 'bob')), 'unauthenticated', 'nor reserves');
SELECT is(pg_temp.verdict(pg_temp.buy('bob', :'hold')), 'unauthenticated', 'nor buys');
SELECT is(pg_temp.verdict(pg_temp.give_back('bob', :'hold')), 'unauthenticated', 'nor gives back');
SELECT is(pg_temp.verdict(api.reservation_list(pg_temp.s('bob'))), 'unauthenticated', 'nor lists anything');
SELECT is(pg_temp.verdict(api.reservation_get(pg_temp.s('bob'), :'hold')), 'unauthenticated', 'nor reads one');
SELECT is(pg_temp.verdict(api.logout(pg_temp.s('bob'), false)), 'unauthenticated', 'nor signs out once more');
SELECT is(pg_temp.verdict(api.logout(pg_temp.s('bob'), true)), '204', 'unless that call was sent again after a lost connection');
SELECT is(pg_temp.verdict(api.me(pg_temp.s('bob2'))), '200', 'another session of the same user stands');
UPDATE lastpair.sessions SET expires_at = clock_timestamp() WHERE id = pg_temp.s('bob2');
SELECT is(pg_temp.verdict(api.me(pg_temp.s('bob2'))), 'unauthenticated', 'until it runs out');
SELECT is(pg_temp.verdict(api.logout(pg_temp.s('bob2'), false)), 'unauthenticated', 'when it can not be ended any more');
SELECT is(pg_temp.verdict(api.me(NULL)), 'unauthenticated', 'no session is nobody''s');
SELECT is((api.me(pg_temp.s('ada'))).body::jsonb, jsonb_build_object('user', jsonb_build_object('id', :ada, 'username', 'ada', 'email',
	'ada@sql-test.example', 'role', 'user')), 'who one is is shown with four fields');

SELECT * FROM finish();
ROLLBACK;
