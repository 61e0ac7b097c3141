-- The audit finds each kind of breach. Each is made with the rule that forbids it taken away, and undone at once.
BEGIN;
-- In the order in which everybody reads them, so that nobody waits in a circle.
LOCK TABLE lastpair.drops, lastpair.stock, lastpair.reservations, lastpair.purchases, lastpair.admin_actions IN ACCESS EXCLUSIVE MODE;
\ir setup.psql
SELECT plan(24);

SELECT pg_temp.person(n) FROM unnest(ARRAY['ada', 'bob', 'cyd']) n \g /dev/null
SELECT pg_temp.new_drop(), pg_temp.new_drop() \g /dev/null
SELECT pg_temp.new_drop('{"sizes": [{"size": "41", "totalStock": 5}, {"size": "42", "totalStock": 5}], "maxPerUser": 2}') AS drop \gset
SELECT pg_temp.held(:drop, 'ada', '41') AS active, pg_temp.held(:drop, 'bob', '42') AS bought, pg_temp.held(:drop, 'cyd', '41') AS released \gset
SELECT pg_temp.buy('bob', :'bought'), pg_temp.give_back('cyd', :'released') \g /dev/null

-- The checks that find something after a statement, and how much; the statement is undone.
CREATE FUNCTION pg_temp.found_after(p_sql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	r text;
BEGIN
	BEGIN
		EXECUTE p_sql;
		SELECT string_agg(split_part("check", ' (', 1) || ': ' || breaches, '; ' ORDER BY "check") INTO r
		  FROM lastpair.audit() WHERE breaches > 0;
		RAISE EXCEPTION USING ERRCODE = 'TST00';
	EXCEPTION WHEN SQLSTATE 'TST00' THEN
		RETURN r;
	END;
END $$;

SELECT is(pg_temp.found_after(''), NULL, 'a store in order has no breach');
SELECT results_eq('SELECT count(*), count("check"), count(figure), min(breaches) FROM lastpair.audit()', 'VALUES (10::bigint, 10::bigint, 10::bigint, 0::bigint)',
	'ten things are looked at, each with its figure');
SELECT ok((SELECT bool_and(figure > 0) FROM lastpair.audit()), 'and here there is something of each to look at');

SELECT is(pg_temp.found_after(format($$ ALTER TABLE lastpair.stock DROP CONSTRAINT stock_is_conserved;
	UPDATE lastpair.stock SET available = available + 1 WHERE drop_id = %s AND size = '41' $$, :drop)),
	'stock conserved: 1', 'a pair from nowhere is found');
SELECT is(pg_temp.found_after(format($$ ALTER TABLE lastpair.stock DROP CONSTRAINT stock_is_conserved;
	UPDATE lastpair.stock SET available = -1, total = total - available - 1 WHERE drop_id = %s $$, :drop)),
	'stock conserved: 2', 'so is less than nothing, by size');
SELECT is(pg_temp.found_after(format($$ UPDATE lastpair.stock SET available = available - 1, reserved = reserved + 1 WHERE drop_id = %s AND size = '42' $$, :drop)),
	'pairs held = active holds, by size: 1', 'a pair that nobody holds is found');
SELECT is(pg_temp.found_after(format($$ UPDATE lastpair.reservations SET status = 'expired', closed_at = now() WHERE id = %L $$, :'active')),
	'pairs held = active holds, by size: 1', 'so is a hold that was closed without its pair');
SELECT is(pg_temp.found_after(format($$ UPDATE lastpair.stock SET reserved = 1 - reserved, available = CASE size WHEN '41' THEN 5 ELSE 3 END WHERE drop_id = %s $$, :drop)),
	'pairs held = active holds, by size: 2', 'so is one that is counted for another size');
SELECT is(pg_temp.found_after(format($$ UPDATE lastpair.stock SET available = available - 1, sold = sold + 1 WHERE drop_id = %s AND size = '41' $$, :drop)),
	'pairs sold = purchases, by size: 1', 'a pair that nobody bought is found');
SELECT is(pg_temp.found_after(format($$ DROP INDEX lastpair.reservations_one_active;
	INSERT INTO lastpair.reservations SELECT gen_random_uuid(), drop_id, size, user_id, status, price_cents, currency, created_at, expires_at, closed_at
	  FROM lastpair.reservations WHERE id = %L;
	UPDATE lastpair.stock SET available = available - 1, reserved = reserved + 1 WHERE drop_id = %s AND size = '41' $$, :'active', :drop)),
	'at most one active hold a user and drop: 1', 'two holds of one user are found, though the stock agrees');
SELECT is(pg_temp.found_after(format($$
	WITH r AS (
		INSERT INTO lastpair.reservations SELECT gen_random_uuid(), drop_id, size, user_id, status, price_cents, currency, created_at, expires_at, closed_at
		  FROM lastpair.reservations, generate_series(1, 2) WHERE id = %L RETURNING *
	)
	INSERT INTO lastpair.purchases SELECT gen_random_uuid(), r.id, r.drop_id, r.size, r.user_id, 1, 'USD', r.created_at FROM r;
	UPDATE lastpair.stock SET available = available - 2, sold = sold + 2 WHERE drop_id = %s AND size = '42' $$, :'bought', :drop)),
	'at most maxPerUser purchases a user and drop: 1', 'a third purchase where two are allowed is found');
SELECT is(pg_temp.found_after(format($$ UPDATE lastpair.reservations SET status = 'released' WHERE id = %L $$, :'bought')),
	'each purchase has its completed reservation: 1', 'a purchase of a hold that was given back is found');
SELECT is(pg_temp.found_after(format($$ UPDATE lastpair.purchases SET user_id = pg_temp.uid('ada') WHERE reservation_id = %L $$, :'bought')),
	'each purchase has its completed reservation: 1', 'so is one of another''s hold');
SELECT is(pg_temp.found_after(format($$ ALTER TABLE lastpair.purchases DROP CONSTRAINT purchases_reservation_id_fkey;
	UPDATE lastpair.purchases SET reservation_id = gen_random_uuid() WHERE reservation_id = %L $$, :'bought')),
	'each completed reservation has its purchase: 1; each purchase has its completed reservation: 1', 'so is one of no hold at all');
SELECT is(pg_temp.found_after(format($$ UPDATE lastpair.reservations SET status = 'completed' WHERE id = %L $$, :'released')),
	'each completed reservation has its purchase: 1', 'a hold that was completed without a purchase is found');
SELECT is(pg_temp.found_after(format($$ UPDATE lastpair.purchases p SET purchased_at = r.expires_at FROM lastpair.reservations r
	WHERE r.id = p.reservation_id AND r.id = %L $$, :'bought')),
	'no purchase after its hold was over: 1', 'a purchase in the moment its hold was over is found');
SELECT is(pg_temp.found_after(format($$ UPDATE lastpair.reservations SET user_id = -1 WHERE id = %L $$, :'released')),
	'reservations belong to a size and a user that exist: 1', 'a hold of nobody is found');
SELECT is(pg_temp.found_after(format($$ UPDATE lastpair.reservations SET size = '99' WHERE id = %L $$, :'released')),
	'reservations belong to a size and a user that exist: 1', 'so is one of no size');
SELECT is(pg_temp.found_after(format($$ UPDATE lastpair.reservations SET drop_id = -1 WHERE id = %L $$, :'active')),
	'pairs held = active holds, by size: 1; reservations belong to a size and a user that exist: 1', 'and one of no drop');
SELECT count(*) - 1 AS others FROM lastpair.admin_actions \gset
SELECT is(pg_temp.found_after(format($$ ALTER TABLE lastpair.admin_actions DISABLE TRIGGER append_only; %s $$, s)),
	'administrators'' actions are numbered without a gap, in the order of their times: ' || n, w)
  FROM (VALUES ('DELETE FROM lastpair.admin_actions WHERE id = 1', :others, 'an action that is gone from the trail is found'),
	('DELETE FROM lastpair.admin_actions WHERE id = (SELECT max(id) - 1 FROM lastpair.admin_actions)', 1, 'so is one from its middle'),
	('UPDATE lastpair.admin_actions SET id = id + 1 WHERE id = (SELECT max(id) FROM lastpair.admin_actions)', 1, 'so is one with another''s number'),
	('UPDATE lastpair.admin_actions SET at = at - interval ''1 year'' WHERE id = (SELECT max(id) FROM lastpair.admin_actions)', 1, 'so is one with a time before the last'))
       v (s, n, w);
SELECT is(pg_temp.found_after(''), NULL, 'and all of that is undone');

SELECT * FROM finish();
ROLLBACK;
