-- What the tables themselves do not let happen, whatever a function does.
BEGIN;
\ir setup.psql
SELECT plan(46);

SELECT pg_temp.person('ada') AS ada, pg_temp.person('bob') AS bob \gset
SELECT pg_temp.new_drop() AS drop, pg_temp.new_drop() AS other \gset

-- Stock.
CREATE FUNCTION pg_temp.stock_refused(p_set text, p_why text) RETURNS text LANGUAGE sql AS $$
	SELECT throws_ok(format('UPDATE lastpair.stock SET %s WHERE drop_id = (SELECT max(drop_id) FROM lastpair.stock)', p_set),
		'23514', NULL, p_why)
$$;
SELECT pg_temp.stock_refused('available = available - 1', 'a pair can not vanish');
SELECT pg_temp.stock_refused('available = available + 1', 'a pair can not come from nowhere');
SELECT pg_temp.stock_refused('reserved = reserved + 1', 'a pair is not held while it is still available');
SELECT pg_temp.stock_refused('sold = 4, available = -1', 'available is never negative, though the sum be right');
SELECT pg_temp.stock_refused('reserved = -1, available = 4', 'reserved is never negative, though the sum be right');
SELECT pg_temp.stock_refused('sold = -1, available = 4', 'sold is never negative, though the sum be right');
SELECT pg_temp.stock_refused('total = -1, available = -1', 'a total is never negative');
SELECT pg_temp.stock_refused('total = 1000001, available = 1000001', 'a size has at most a million pairs');
SELECT pg_temp.stock_refused(format('size = %L', repeat('x', 21)), 'a size has a short name');
SELECT lives_ok(format('UPDATE lastpair.stock SET available = 1, reserved = 1, sold = 1 WHERE drop_id = %s', :other),
	'a sum that is right passes');
SELECT throws_ok(format('INSERT INTO lastpair.stock (drop_id, size, position, total, available) VALUES (%s, '''', 2, 1, 1)', :drop),
	'23505', NULL, 'a drop has a size once');
SELECT throws_ok('INSERT INTO lastpair.stock (drop_id, size, position, total, available) VALUES (-1, '''', 1, 1, 1)',
	'23503', NULL, 'stock belongs to a drop that exists');
SELECT results_eq(
	$$ SELECT DISTINCT a.attname::text COLLATE "default" FROM pg_index i
	     JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
	    WHERE i.indrelid = 'lastpair.stock'::regclass ORDER BY 1 $$,
	ARRAY['drop_id', 'size'], 'no index covers what changes in a stock row, so that updates stay heap-only');

-- Holds.
CREATE FUNCTION pg_temp.insert_hold(p_drop bigint, p_user bigint, p_more text DEFAULT '') RETURNS text LANGUAGE sql AS $$
	SELECT format('INSERT INTO lastpair.reservations (id, drop_id, size, user_id, price_cents, currency, created_at, '
		'expires_at, status, closed_at) SELECT gen_random_uuid(), %s, '''', %s, h.price, ''USD'', now(), now() + h.hold, '
		'h.status, h.closed FROM (SELECT 100 AS price, interval ''1 minute'' AS hold, ''active'' AS status, '
		'NULL::timestamptz AS closed) d, LATERAL (SELECT %s) h', p_drop, p_user,
		coalesce(nullif(p_more, ''), 'd.price, d.hold, d.status, d.closed'))
$$;
SELECT lives_ok(pg_temp.insert_hold(:drop, :ada), 'a user holds a pair');
SELECT throws_ok(pg_temp.insert_hold(:drop, :ada), '23505', NULL, 'a user holds at most one pair of a drop');
SELECT lives_ok(pg_temp.insert_hold(:other, :ada), 'and one of another drop');
SELECT lives_ok(pg_temp.insert_hold(:drop, :bob), 'as does another user');
SELECT lives_ok(pg_temp.insert_hold(:drop, :ada, 'd.price, d.hold, ''released'' AS status, now() AS closed'),
	'holds that are over do not count');
SELECT lives_ok(pg_temp.insert_hold(:drop, :ada, 'd.price, d.hold, ''expired'' AS status, now() AS closed'),
	'however many they are');
SELECT throws_ok(pg_temp.insert_hold(:drop, -1, 'd.price, d.hold, ''released'' AS status, NULL::timestamptz AS closed'),
	'23514', NULL, 'a hold that is over was closed at some time');
SELECT throws_ok(pg_temp.insert_hold(:drop, -1, 'd.price, d.hold, ''active'' AS status, now() AS closed'),
	'23514', NULL, 'a hold that is active was not');
SELECT throws_ok(pg_temp.insert_hold(:drop, -1, 'd.price, d.hold, ''stolen'' AS status, now() AS closed'),
	'23514', NULL, 'a hold ends in one of three ways');
SELECT throws_ok(pg_temp.insert_hold(:drop, -1, 'd.price, interval ''0'' AS hold, d.status, d.closed'),
	'23514', NULL, 'a hold lasts for a while');
SELECT throws_ok(pg_temp.insert_hold(:drop, -1, '-1 AS price, d.hold, d.status, d.closed'),
	'23514', NULL, 'a price is not negative');
SELECT is_empty($$ SELECT conname FROM pg_constraint WHERE conrelid = 'lastpair.reservations'::regclass AND contype = 'f' $$,
	'no foreign key of a hold locks the row that everybody wants');

-- Purchases.
SELECT id AS hold FROM lastpair.reservations WHERE drop_id = :drop AND user_id = :ada AND status = 'active' \gset
CREATE FUNCTION pg_temp.insert_purchase(p_hold uuid, p_price bigint DEFAULT 100) RETURNS text LANGUAGE sql AS $$
	SELECT format('INSERT INTO lastpair.purchases (id, reservation_id, drop_id, size, user_id, price_cents, currency, '
		'purchased_at) VALUES (gen_random_uuid(), %L, 1, '''', 1, %s, ''USD'', now())', p_hold, p_price)
$$;
SELECT throws_ok(pg_temp.insert_purchase(:'hold', -1), '23514', NULL, 'nobody is paid for buying');
SELECT lives_ok(pg_temp.insert_purchase(:'hold'), 'a hold is bought');
SELECT throws_ok(pg_temp.insert_purchase(:'hold'), '23505', NULL, 'a hold is bought once');
SELECT throws_ok(pg_temp.insert_purchase(gen_random_uuid()), '23503', NULL, 'a purchase belongs to a hold');
SELECT throws_ok(format('DELETE FROM lastpair.reservations WHERE id = %L', :'hold'), '23503', NULL, 'a hold that was bought stays');

-- Drops.
CREATE FUNCTION pg_temp.drop_refused(p_set text, p_why text) RETURNS text LANGUAGE sql AS $$
	SELECT throws_ok(format('UPDATE lastpair.drops SET %s WHERE id = (SELECT max(id) FROM lastpair.drops)', p_set), '23514', NULL, p_why)
$$;
SELECT pg_temp.drop_refused('currency = ''usd''', 'a currency is three capitals');
SELECT pg_temp.drop_refused('price_cents = -1', 'a drop has no negative price');
SELECT pg_temp.drop_refused('ends_at = starts_at', 'a drop ends after it starts');
SELECT pg_temp.drop_refused('hold_seconds = 0', 'a hold of no time is none');
SELECT pg_temp.drop_refused('max_per_user = 0', 'everybody may buy at least one');
SELECT pg_temp.drop_refused('name = ''''', 'a drop has a name');
SELECT col_type_is('lastpair', 'drops', 'price_cents', 'bigint', 'money is whole cents');
SELECT is_empty($$ SELECT c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
	WHERE c.relnamespace = 'lastpair'::regnamespace AND c.relkind = 'r' AND a.attnum > 0
	  AND a.atttypid IN ('timestamp'::regtype, 'float4'::regtype, 'float8'::regtype, 'money'::regtype) $$,
	'no column is a float, nor a time without its zone');

-- Users.
CREATE FUNCTION pg_temp.insert_user(p_name text, p_email text, p_hash text DEFAULT '$2b$04$' || repeat('a', 53),
	p_role text DEFAULT 'user') RETURNS text LANGUAGE sql AS $$
	SELECT format('INSERT INTO lastpair.users (username, email, password_hash, role) VALUES (%L, %L, %L, %L)',
		p_name, p_email, p_hash, p_role)
$$;
SELECT throws_ok(pg_temp.insert_user('eve', 'ADA@sql-test.example'), '23505', NULL, 'an address is one user''s, in either case');
SELECT throws_ok(pg_temp.insert_user('Ada', 'eve@sql-test.example'), '23505', NULL, 'a name is one user''s, in either case');
SELECT throws_ok(pg_temp.insert_user('eve', 'eve@sql-test.example', 'secret'), '23514', NULL, 'a password is never stored as it is');
SELECT throws_ok(pg_temp.insert_user('eve', 'eve@sql-test.example', '$6$salt$' || repeat('a', 52)), '23514', NULL,
	'nor hashed by another method than bcrypt');
SELECT throws_ok(pg_temp.insert_user('eve', 'eve@sql-test.example', p_role => 'root'), '23514', NULL, 'there are users and administrators');
SELECT throws_ok(pg_temp.insert_user(repeat('e', 41), 'eve@sql-test.example'), '23514', NULL, 'a user name is not too long');
SELECT throws_ok($$ INSERT INTO lastpair.sessions VALUES (gen_random_uuid(), -1, now(), now()) $$, '23503', NULL,
	'a session is somebody''s');
SELECT results_eq($$ SELECT reloptions::text[] @> ARRAY['fillfactor=10'] FROM pg_class WHERE oid = 'lastpair.stock'::regclass $$,
	ARRAY[true], 'a stock row has room in its page');

SELECT * FROM finish();
ROLLBACK;
