-- The expiry: one drop a call, oldest first, and when to come again.
BEGIN;
\ir setup.psql
SELECT plan(31);

-- Nobody else's holds are in the way of these tests.
UPDATE lastpair.reservations SET status = 'released', closed_at = clock_timestamp() WHERE status = 'active';

SELECT pg_temp.person(n) FROM unnest(ARRAY['ada', 'bob', 'cyd', 'dan']) n \g /dev/null

SELECT results_eq('SELECT expired, wait_ms FROM api.expire(100)', 'VALUES (0, NULL::integer)', 'without a hold there is nothing to wait for');

SELECT pg_temp.new_drop('{"holdSeconds": 600}') AS one, pg_temp.new_drop('{"holdSeconds": 600}') AS two,
	pg_temp.new_drop('{"holdSeconds": 600, "sizes": [{"size": "a", "totalStock": 2}, {"size": "b", "totalStock": 2}]}') AS three \gset
SELECT pg_temp.held(:one, 'ada') AS hold \gset
SELECT expired, wait_ms, events FROM api.expire(100) \gset
SELECT is(:expired, 0, 'a hold that runs is left alone');
SELECT ok(:wait_ms BETWEEN 590000 AND 600000, 'and the next look is when it ends');
-- Whoever sleeps for wait_ms after the answer must find the hold over, not wake a fraction too early and sleep again.
CREATE FUNCTION pg_temp.wakes_too_early(p_hold uuid) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	v_count integer := 0;
	v_end timestamptz;
	v_wait interval;
BEGIN
	FOR i IN 1..100 LOOP
		UPDATE lastpair.reservations SET expires_at = clock_timestamp() + interval '50 ms' + i * interval '7 us'
		 WHERE id = p_hold RETURNING expires_at INTO v_end;
		-- In a statement of its own: in one expression the clock may be read before the wait is.
		SELECT make_interval(secs => wait_ms / 1000.0) INTO v_wait FROM api.expire(100);
		IF clock_timestamp() + v_wait < v_end THEN
			v_count := v_count + 1;
		END IF;
	END LOOP;
	RETURN v_count;
END $$;
SELECT is(pg_temp.wakes_too_early(:'hold'), 0, 'a wait is never too short');
SELECT pg_temp.give_back('ada', :'hold') \g /dev/null

-- Holds of three drops: two oldest.
SELECT pg_temp.held(:one, 'ada') AS hold1, pg_temp.held(:one, 'bob') AS hold1b, pg_temp.held(:one, 'cyd') AS runs,
	pg_temp.held(:two, 'ada') AS hold2, pg_temp.held(:three, 'ada', 'a') AS hold3, pg_temp.held(:three, 'bob', 'b') AS hold3b \gset
SELECT pg_temp.lapse(:'hold1', '20 s'), pg_temp.lapse(:'hold1b', '5 s'), pg_temp.lapse(:'hold2', '30 s'), pg_temp.lapse(:'hold3', '10 s'),
	pg_temp.lapse(:'hold3b', '9 s') \g /dev/null
SELECT expired, wait_ms, lag_ms, events FROM api.expire(100) \gset
SELECT is(:expired, 1, 'one call returns the lapsed holds of one drop');
SELECT is(pg_temp.stock(:two), '3/3/0/0', 'of the one whose hold lapsed first');
SELECT is(pg_temp.stock(:one) || ' ' || pg_temp.stock(:three), '3/0/3/0 4/2/2/0', 'and of no other');
SELECT is(:wait_ms, 0, 'and says to call again at once');
SELECT ok(:lag_ms BETWEEN 29900 AND 31000, 'and how late it was');
SELECT is(pg_temp.kinds(:'events'), 'reservation:expired stock:update', 'the holder is told, then everybody');
SELECT is(pg_temp.event_of(:'events', 'reservation:expired') ->> 'user', pg_temp.uid('ada')::text, 'the holder alone');
SELECT results_eq(format('SELECT pg_temp.event_of(%L, ''reservation:expired'') -> ''data'' ->> k FROM unnest(ARRAY[''reservationId'', ''dropId'']) k', :'events'),
	ARRAY[:'hold2', :'two'], 'which hold it was, and of which drop');
SELECT results_eq(format('SELECT status, closed_at IS NOT NULL FROM lastpair.reservations WHERE id = %L', :'hold2'),
	$$ VALUES ('expired', true) $$, 'the hold is closed');
SELECT pg_temp.version(:one) AS version \gset
SELECT is((SELECT expired FROM api.expire(100)), 2, 'the next call returns those of the next drop');
SELECT is(pg_temp.stock(:one), '3/2/1/0', 'but not its hold that still runs');
SELECT is(pg_temp.version(:one), :version::bigint + 1, 'its version is raised once for both');
SELECT is((SELECT expired FROM api.expire(100)), 2, 'and so on');
SELECT is(pg_temp.stock(:three, 'a') || ' ' || pg_temp.stock(:three, 'b'), '2/2/0/0 2/2/0/0', 'each pair goes back to its size');
SELECT expired, wait_ms FROM api.expire(100) \gset
SELECT is(:expired, 0, 'until nothing has lapsed');
SELECT ok(:wait_ms BETWEEN 590000 AND 600000, 'then it says when the next hold ends');

-- A limit.
SELECT pg_temp.held(:two, 'ada') AS a, pg_temp.held(:two, 'bob') AS b, pg_temp.held(:two, 'cyd') AS c \gset
SELECT pg_temp.lapse(:'a', '1 s'), pg_temp.lapse(:'b', '3 s'), pg_temp.lapse(:'c', '2 s') \g /dev/null
SELECT expired, wait_ms FROM api.expire(2) \gset
SELECT is(:expired, 2, 'no more are returned at once than was asked');
SELECT is((SELECT status FROM lastpair.reservations WHERE id = :'a'), 'active', 'the oldest first');
SELECT is(pg_temp.stock(:two), '3/2/1/0', 'and the stock counts just those');
SELECT is((SELECT expired FROM api.expire(2)), 1, 'the rest comes with the next call');

-- What is overdue.
SELECT is(api.overdue(), 0::numeric, 'nothing is overdue while nothing has lapsed');
SELECT pg_temp.held(:two, 'dan') AS late \gset
SELECT pg_temp.lapse(:'late', '7 s') \g /dev/null
SELECT ok(api.overdue() BETWEEN 7 AND 60, 'a hold that nobody has returned is overdue since its end');
SELECT expired FROM api.expire(2) \gset
SELECT is(api.overdue(), 0::numeric, 'and no longer once it is returned');

-- Far ahead.
SELECT pg_temp.give_back('cyd', :'runs') \g /dev/null
UPDATE lastpair.drops SET hold_seconds = 86400 WHERE id = :one;
SELECT pg_temp.held(:one, 'dan') AS far \gset
UPDATE lastpair.reservations SET expires_at = '2199-01-01' WHERE id = :'far';
SELECT is((SELECT wait_ms FROM api.expire(2)), 86400000, 'a wait is never longer than a day');

-- One expirer.
SELECT is(api.expiry_lock(), true, 'one connection may expire');
SELECT is((SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND objsubid = 2 AND classid = 1
	AND objid = 1), 1::bigint, 'by a lock that outlives the transaction and is no drop''s gate');
SELECT pg_advisory_unlock(1, 1) \g /dev/null

SELECT is((SELECT sum(breaches) FROM lastpair.audit()), 0::numeric, 'after all this every invariant holds');
SELECT * FROM finish();
ROLLBACK;
