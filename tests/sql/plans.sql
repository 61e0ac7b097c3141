-- The plans that must not flip: on big tables that were never analyzed, each call reaches its few rows by
-- index. Counted by the rows that this transaction reads, not by the clock.
BEGIN;
\ir setup.psql
SELECT plan(34);

SET LOCAL synchronous_commit = off;
SELECT pg_temp.person('boss', 'admin') AS boss \gset
SELECT pg_temp.new_drop('{"totalStock": 200000, "maxPerUser": 1000, "holdSeconds": 600}') AS drop,
	pg_temp.new_drop('{"totalStock": 100000}') AS other, pg_temp.new_drop('{"totalStock": 0}') AS none \gset

-- 20000 people with a session and a key each; the first, `p1`, has held a thousand pairs before.
INSERT INTO lastpair.users (username, email, password_hash)
	SELECT 'p' || n, 'p' || n || '@sql-test.example', '$2b$04$' || repeat('a', 53) FROM generate_series(1, 20000) n;
CREATE TEMPORARY TABLE people AS SELECT id, substr(username, 2)::int AS n FROM lastpair.users WHERE email ~ '^p\d+@sql-test';
INSERT INTO lastpair.sessions SELECT pg_temp.s('p' || n), id, clock_timestamp(), clock_timestamp() + interval '1 hour' FROM people;
INSERT INTO lastpair.idempotency_keys SELECT id, 'old-key-' || n, '', 201, '', clock_timestamp() FROM people;
-- 200000 holds that are over, half of them of the drop itself; 20000 that run, of another.
INSERT INTO lastpair.reservations (id, drop_id, size, user_id, status, price_cents, currency, created_at, expires_at, closed_at)
	SELECT gen_random_uuid(), CASE WHEN g % 2 = 0 THEN :drop ELSE :other END, '', id,
	       (ARRAY['expired', 'released', 'completed'])[1 + g % 3], 1, 'USD', t, t + interval '60 s', t + interval '30 s'
	  FROM people, generate_series(1, 10) g, LATERAL (SELECT clock_timestamp() - g * interval '1 day' - n * interval '1 s' AS t) t;
INSERT INTO lastpair.reservations (id, drop_id, size, user_id, status, price_cents, currency, created_at, expires_at, closed_at)
	SELECT gen_random_uuid(), :drop, '', id, 'released', 1, 'USD', t, t + interval '60 s', t + interval '30 s'
	  FROM people, generate_series(1, 1000) g, LATERAL (SELECT clock_timestamp() - g * interval '1 hour' AS t) t WHERE n = 1;
INSERT INTO lastpair.reservations (id, drop_id, size, user_id, price_cents, currency, created_at, expires_at)
	SELECT gen_random_uuid(), :other, '', id, 1, 'USD', clock_timestamp(), clock_timestamp() + interval '1 hour' + n * interval '1 s' FROM people;
UPDATE lastpair.stock SET available = total - 20000, reserved = 20000 WHERE drop_id = :other;
INSERT INTO lastpair.purchases SELECT gen_random_uuid(), r.id, r.drop_id, '', r.user_id, 1, 'USD', r.closed_at
	FROM lastpair.reservations r WHERE status = 'completed' AND drop_id = :other;
-- Whatever was known of these tables is forgotten.
DELETE FROM pg_statistic WHERE starelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'lastpair'::regnamespace);
UPDATE pg_class SET reltuples = -1, relpages = 0, relallvisible = 0
 WHERE relnamespace = 'lastpair'::regnamespace AND relkind IN ('r', 'i');

-- Runs a statement; tells each table that it read from end to end, or of which it read more than a
-- thousand rows by index; NULL: none.
CREATE FUNCTION pg_temp.read_too_much(p_sql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	v_before jsonb := (SELECT jsonb_object_agg(relname, jsonb_build_array(seq_scan, coalesce(idx_tup_fetch, 0)))
		FROM pg_stat_xact_user_tables WHERE schemaname = 'lastpair');
BEGIN
	EXECUTE p_sql;
	RETURN (SELECT string_agg(format('%s: %s scans, %s rows by index', relname, s, i), '; ' ORDER BY relname)
	          FROM (SELECT relname, seq_scan - (v_before -> relname::text ->> 0)::bigint AS s,
	                       coalesce(idx_tup_fetch, 0) - (v_before -> relname::text ->> 1)::bigint AS i
	                  FROM pg_stat_xact_user_tables WHERE schemaname = 'lastpair') d
	         WHERE i > 1000 OR (s > 0 AND relname IN ('reservations', 'purchases', 'idempotency_keys', 'sessions', 'users')));
END $$;

-- A batch of reserves by these people, with keys and without.
CREATE FUNCTION pg_temp.batch(p_drop bigint, p_from integer, p_to integer) RETURNS text LANGUAGE sql AS $$
	SELECT format('SELECT count(*) FROM api.reserve(%s, %L, %L, %L, %L, %L)', p_drop,
		array_agg(gen_random_uuid()), array_agg(pg_temp.s('p' || n)), array_agg(NULL::text),
		array_agg(CASE WHEN n % 2 = 0 THEN 'new-key-' || n || '-' || p_drop END), array_agg('R' || n))
	  FROM generate_series(p_from, p_to) n
$$;

SELECT is(pg_temp.read_too_much('SELECT count(*) FROM lastpair.reservations'), 'reservations: 1 scans, 0 rows by index',
	'a scan would be seen');
SELECT is(pg_temp.read_too_much(pg_temp.batch(:drop, 1, 1)), NULL, 'one reserve reads its rows by index');
SELECT is(pg_temp.read_too_much(pg_temp.batch(:drop, 101, 116)), NULL, 'so does a batch of sixteen');
SELECT is(pg_temp.read_too_much(pg_temp.batch(:drop, 201, 264)), NULL, 'and of sixty-four');
SELECT is(pg_temp.read_too_much(pg_temp.batch(:other, 301, 316)), NULL, 'and one of a drop of which twenty thousand pairs are held');
SELECT is(pg_temp.read_too_much(pg_temp.batch(:none, 401, 464)), NULL, 'and one that is sold out');
SELECT is(pg_temp.stock(:drop), '200000/199919/81/0', 'these were real holds');

-- Again, now that every plan was made: the generic ones stay.
SELECT is(pg_temp.read_too_much(pg_temp.batch(:drop, 500 + n, 500 + n)), NULL, 'reserve ' || n || ' of one session reads its rows by index')
  FROM generate_series(1, 7) n;

-- Lapsed holds in the way.
UPDATE lastpair.reservations SET created_at = created_at - interval '1 hour', expires_at = expires_at - interval '1 hour'
 WHERE drop_id = :drop AND status = 'active' AND user_id IN (SELECT id FROM people WHERE n BETWEEN 101 AND 116);
SELECT is(pg_temp.read_too_much(pg_temp.batch(:drop, 601, 616)), NULL, 'a batch that reclaims lapsed holds reads those by index');
UPDATE lastpair.reservations SET created_at = created_at - interval '1 hour', expires_at = expires_at - interval '1 hour'
 WHERE drop_id = :drop AND status = 'active' AND user_id IN (SELECT id FROM people WHERE n BETWEEN 201 AND 264);
SELECT is(pg_temp.read_too_much('SELECT api.expire(100)'), NULL, 'the expiry finds what has lapsed by index');
SELECT is(pg_temp.read_too_much('SELECT api.expire(100)'), NULL, 'and when the next hold ends, among twenty thousand');

SELECT id AS hold FROM lastpair.reservations WHERE drop_id = :drop AND status = 'active' AND user_id = (SELECT id FROM people WHERE n = 601) \gset
SELECT id AS hold2 FROM lastpair.reservations WHERE drop_id = :drop AND status = 'active' AND user_id = (SELECT id FROM people WHERE n = 602) \gset
SELECT is(pg_temp.read_too_much(format('SELECT pg_temp.buy(''p601'', %L, p_key => ''buy-key-1'', p_request => ''R'')', :'hold')), NULL,
	'a purchase reads its rows by index');
SELECT is(pg_temp.read_too_much(format('SELECT pg_temp.buy(''p601'', %L)', :'hold')), NULL, 'and so it does when it comes again');
SELECT is(pg_temp.read_too_much(format('SELECT pg_temp.give_back(''p602'', %L)', :'hold2')), NULL, 'a release does');
SELECT is(pg_temp.read_too_much('SELECT api.reservation_list(pg_temp.s(''p1''))'), NULL,
	'the newest hundred of a thousand reservations are read without the others');
SELECT is(pg_temp.read_too_much('SELECT api.purchase_list(pg_temp.s(''p601''))'), NULL, 'one''s purchases are');
SELECT is(pg_temp.read_too_much('SELECT api.me(pg_temp.s(''p7''))'), NULL, 'who one is is');
SELECT is(pg_temp.read_too_much($$ SELECT api.login_start('p77@sql-test.example', '192.0.2.1', 10, 300) $$), NULL, 'a sign-in finds its user by index');
SELECT is(pg_temp.read_too_much($$ SELECT api.register('p20001', 'p20001@sql-test.example', '$2b$04$' || repeat('a', 53), gen_random_uuid(), 60, NULL) $$), NULL,
	'a sign-up does, too');
SELECT is(pg_temp.read_too_much('SELECT api.logout(pg_temp.s(''p8''), false)'), NULL, 'a sign-out finds its session by index');
SELECT is(pg_temp.read_too_much(format('SELECT api.drop_get(%s)', :other)), NULL, 'a drop of tens of thousands of purchases is shown without reading them');
SELECT is(pg_temp.read_too_much('SELECT api.drop_list(NULL, 50, NULL)'), NULL, 'so is the listing');
SELECT is(pg_temp.read_too_much('SELECT count(*) FROM api.stream_poll(NULL, NULL)'), NULL, 'and what the daemon reads');
SELECT is(pg_temp.read_too_much(format('SELECT api.stream_sessions(%L)', ARRAY[pg_temp.s('p1'), pg_temp.s('p2')])), NULL, 'sessions are found by index');
SELECT is(pg_temp.read_too_much(format('SELECT api.drop_restock(pg_temp.s(''boss''), %s, NULL, 1, NULL, NULL)', :drop)), NULL, 'a restock is');
SELECT is(pg_temp.read_too_much('SELECT api.housekeep(100)'), NULL, 'there being nothing old, housekeeping finds that out by index');

-- A stock row's updates stay in their page and leave the index alone.
SELECT n_tup_upd AS updates, n_tup_hot_upd AS hot FROM pg_stat_xact_user_tables WHERE relid = 'lastpair.stock'::regclass \gset
SELECT pg_temp.hold(:drop, 'p' || n) FROM generate_series(1001, 1020) n \g /dev/null
SELECT is((SELECT n_tup_upd - :updates FROM pg_stat_xact_user_tables WHERE relid = 'lastpair.stock'::regclass), 20::bigint,
	'each of twenty holds updates the stock once');
SELECT is((SELECT n_tup_hot_upd - :hot FROM pg_stat_xact_user_tables WHERE relid = 'lastpair.stock'::regclass), 20::bigint,
	'and each of these updates is heap-only');

SELECT * FROM finish();
ROLLBACK;
