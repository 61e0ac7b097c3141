-- Which calls have something to wait for: only what wrote, or told of what another wrote.
BEGIN;
\ir setup.psql
SELECT plan(30);

SELECT pg_temp.person('boss', 'admin'), pg_temp.person('ada'), pg_temp.person('bob') \g /dev/null
SELECT pg_temp.new_drop() AS drop, pg_temp.new_drop('{"totalStock": 0}') AS none \gset

-- Whether the call before this left something to wait for; forgets it.
CREATE FUNCTION pg_temp.wrote() RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	r boolean := coalesce(current_setting('lastpair.wrote', true), '') = 'yes';
BEGIN
	PERFORM set_config('lastpair.wrote', '', false);
	RETURN r;
END $$;
SELECT pg_temp.wrote() \g /dev/null

SELECT pg_temp.hold(:none, 'ada') \g /dev/null
SELECT ok(NOT pg_temp.wrote(), 'sold out costs no disk');
SELECT pg_temp.hold(:drop, 'nobody') \g /dev/null
SELECT ok(NOT pg_temp.wrote(), 'nor does a refusal for want of a session');
SELECT pg_temp.held(:drop, 'ada') AS hold, gen_random_uuid() AS id \gset
SELECT ok(pg_temp.wrote(), 'a hold does');
SELECT pg_temp.hold(:drop, 'ada') \g /dev/null
SELECT ok(NOT pg_temp.wrote(), 'a second one is refused and does not');
SELECT pg_temp.hold(:drop, 'ada', p_id => :'hold', p_again => true) \g /dev/null
SELECT ok(pg_temp.wrote(), 'the same call sent again does: its first commit may not be on disk yet');
SELECT pg_temp.hold(:drop, 'bob', p_key => 'key-0001', p_request => 'R') \g /dev/null
SELECT pg_temp.wrote() \g /dev/null
SELECT pg_temp.hold(:drop, 'bob', p_key => 'key-0001', p_request => 'R') \g /dev/null
SELECT ok(pg_temp.wrote(), 'so does an answer that is repeated for its key');
SELECT pg_temp.hold(:drop, 'bob', p_key => 'key-0001', p_request => 'S') \g /dev/null
SELECT ok(NOT pg_temp.wrote(), 'a key that was used for another request does not');
SELECT pg_temp.buy('ada', gen_random_uuid()) \g /dev/null
SELECT ok(NOT pg_temp.wrote(), 'what is not found is not written');
SELECT pg_temp.buy('ada', :'hold', :'id') \g /dev/null
SELECT ok(pg_temp.wrote(), 'a purchase is');
SELECT pg_temp.buy('ada', :'hold') \g /dev/null
SELECT ok(pg_temp.wrote(), 'and the same call again waits for it');
SELECT pg_temp.buy('ada', :'hold', p_key => 'key-0002', p_request => 'R'), pg_temp.wrote() \g /dev/null
SELECT pg_temp.buy('ada', :'hold', p_key => 'key-0002', p_request => 'R') \g /dev/null
SELECT ok(pg_temp.wrote(), 'and so does its key');
SELECT pg_temp.give_back('ada', :'hold') \g /dev/null
SELECT ok(NOT pg_temp.wrote(), 'a release that is refused writes nothing');
SELECT id AS hold FROM lastpair.reservations WHERE drop_id = :drop AND status = 'active' \gset
SELECT pg_temp.give_back('bob', :'hold') \g /dev/null
SELECT ok(pg_temp.wrote(), 'a release does');
SELECT pg_temp.give_back('bob', :'hold', true) \g /dev/null
SELECT ok(pg_temp.wrote(), 'and so it does sent again');
SELECT pg_temp.held(:drop, 'bob') AS hold \gset
SELECT pg_temp.wrote() \g /dev/null
SELECT api.expire(10) \g /dev/null
SELECT ok(NOT pg_temp.wrote(), 'an expiry that finds nothing writes nothing');
SELECT pg_temp.lapse(:'hold', '1 year') \g /dev/null
SELECT api.expire(10) \g /dev/null
SELECT ok(pg_temp.wrote(), 'one that returns a pair does');
SELECT pg_temp.held(:drop, 'bob') AS hold \gset
SELECT pg_temp.lapse(:'hold'), pg_temp.wrote() \g /dev/null
SELECT pg_temp.buy('bob', :'hold') \g /dev/null
SELECT ok(pg_temp.wrote(), 'a purchase that comes too late gives the pair back: that is written');
SELECT api.drop_restock(pg_temp.s('boss'), :drop, '', 1, NULL, NULL) \g /dev/null
SELECT ok(pg_temp.wrote(), 'a restock writes');
SELECT api.drop_restock(pg_temp.s('ada'), :drop, '', 1, NULL, NULL) \g /dev/null
SELECT ok(NOT pg_temp.wrote(), 'one that is forbidden does not');
SELECT api.drop_update(pg_temp.s('boss'), :drop, '{"name": "New"}') \g /dev/null
SELECT ok(pg_temp.wrote(), 'a change writes');
SELECT api.drop_create(pg_temp.s('boss'), '{"name": "x", "priceCents": 1, "totalStock": 1}', NULL, NULL) \g /dev/null
SELECT ok(pg_temp.wrote(), 'a new drop does');
SELECT api.register('zoe', 'zoe@sql-test.example', '$2b$04$' || repeat('a', 53), pg_temp.s('zoe'), 60, NULL) \g /dev/null
SELECT ok(pg_temp.wrote(), 'a sign-up does');
SELECT api.register('zoe', 'zoe@sql-test.example', '$2b$04$' || repeat('a', 53), pg_temp.s('zoe2'), 60, NULL) \g /dev/null
SELECT ok(NOT pg_temp.wrote(), 'one that is refused does not');
SELECT api.login(pg_temp.uid('ada'), pg_temp.s('ada2'), 60, '192.0.2.1', NULL, NULL) \g /dev/null
SELECT ok(pg_temp.wrote(), 'a sign-in does');
SELECT api.logout(pg_temp.s('ada2'), false) \g /dev/null
SELECT ok(pg_temp.wrote(), 'a sign-out does, lest a crash brings the session back');
SELECT api.drop_list(NULL, 50, NULL), api.me(pg_temp.s('ada')), api.reservation_list(pg_temp.s('ada')), api.purchase_list(pg_temp.s('ada')) \g /dev/null
SELECT ok(NOT pg_temp.wrote(), 'reading does not');

-- The wait itself.
SET LOCAL synchronous_commit = off;
SELECT pg_temp.wrote() \g /dev/null
SELECT pg_current_wal_insert_lsn() AS lsn \gset
SELECT api.durable() \g /dev/null
SELECT is(current_setting('synchronous_commit'), 'off', 'with nothing written there is nothing to wait for');
SELECT lastpair.wrote(), api.durable() \g /dev/null
SELECT is(current_setting('synchronous_commit'), 'on', 'else the transaction''s commit waits for the disk');
SELECT ok(pg_current_wal_insert_lsn() > :'lsn', 'having something of its own to flush');
SELECT ok(NOT pg_temp.wrote(), 'and what was waited for is not waited for again');

SELECT * FROM finish();
ROLLBACK;
