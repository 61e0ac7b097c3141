-- The outbox: written by the sale itself, for who wants to know; each opening once; one delivery at a time.
BEGIN;
\ir setup.psql
SELECT plan(36);

DELETE FROM lastpair.webhook_endpoints;
DELETE FROM lastpair.webhook_events;
SELECT pg_temp.person('ada') AS ada, pg_temp.person('bob') AS bob, pg_temp.new_drop('{"totalStock": 2, "maxPerUser": 2}') AS drop \gset

CREATE FUNCTION pg_temp.endpoint(p_events text[]) RETURNS bigint LANGUAGE sql AS $$
	INSERT INTO lastpair.webhook_endpoints (url, events, secret, created_at, next_at)
	SELECT 'https://hooks.example/', p_events, repeat('s', 32), t, t FROM clock_timestamp() t RETURNING id
$$;
CREATE FUNCTION pg_temp.types(p_endpoint bigint) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(v.type, ' ' ORDER BY w.number) FROM lastpair.webhook_deliveries w JOIN lastpair.webhook_events v ON v.id = w.event_id
	 WHERE w.endpoint_id = p_endpoint
$$;

-- Nobody wants to know.
SELECT pg_temp.verdict(pg_temp.buy('ada', pg_temp.held(:drop, 'ada'))) \g /dev/null
SELECT is((SELECT count(*) FROM lastpair.webhook_events), 0::bigint, 'without an endpoint a sale writes no event');
SELECT is(api.webhook_openings(), false, 'and no drop is looked at');
SELECT is_empty($$ SELECT * FROM api.webhook_due('{}', 10) $$, 'nothing is due');

-- Who wants what.
SELECT pg_temp.endpoint('{sale,sold_out,drop_opened}') AS all, pg_temp.endpoint('{sold_out}') AS some \gset
SELECT is(api.webhook_openings(), false, 'a drop that opened before anybody wanted to know is not told');
SELECT pg_temp.held(:drop, 'bob') AS hold \gset
SELECT body FROM pg_temp.buy('bob', :'hold', p_key => 'key-hook-1', p_request => 'R') \gset
SELECT is(pg_temp.types(:all), 'sale sold_out', 'the last sale is told, and that the drop is sold out');
SELECT is(pg_temp.types(:some), 'sold_out', 'to each what it was added for');
SELECT is((SELECT body::jsonb -> 'data' -> 'purchase' FROM lastpair.webhook_events WHERE type = 'sale'), :'body'::jsonb -> 'purchase', 'with the purchase as its buyer sees it');
SELECT is((SELECT body::jsonb #>> '{data,drop,status}' FROM lastpair.webhook_events WHERE type = 'sold_out'), 'sold_out', 'and the drop as it is then');
SELECT is(pg_temp.verdict(pg_temp.buy('bob', :'hold')), '200', 'the same purchase again');
SELECT is(pg_temp.verdict(pg_temp.buy('bob', :'hold', p_key => 'key-hook-1', p_request => 'R')), '201', 'and by its key');
SELECT is(pg_temp.types(:all), 'sale sold_out', 'is no other event');

-- Openings.
SELECT pg_temp.new_drop('{"totalStock": 5}') AS fresh,
	pg_temp.new_drop(format('{"totalStock": 5, "dropStartsAt": "%s"}', to_char(clock_timestamp() AT TIME ZONE 'UTC' + interval '1 hour', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))::jsonb) AS later \gset
SELECT is(api.webhook_openings(), true, 'a drop that has opened is told');
SELECT is(api.webhook_openings(), false, 'once; one whose time has not come is not');
SELECT is(pg_temp.types(:all), 'sale sold_out drop_opened', 'to who wants that');
UPDATE lastpair.drops SET starts_at = clock_timestamp() WHERE id = :later;
SELECT pg_sleep(0.002) \g /dev/null -- the store judges by whole milliseconds
SELECT pg_temp.buy('ada', pg_temp.held(:later, 'ada')) \g /dev/null
SELECT is(pg_temp.types(:all), 'sale sold_out drop_opened drop_opened sale', 'a sale that comes before anybody has looked tells of the opening first');
SELECT is(api.webhook_openings(), false, 'and so nobody else does');
UPDATE lastpair.drops SET is_active = false, starts_at = clock_timestamp() WHERE id = :fresh;
SELECT pg_sleep(0.002) \g /dev/null
SELECT is(api.webhook_openings(), false, 'a drop that is paused has not opened');
UPDATE lastpair.drops SET is_active = true WHERE id = :fresh;
SELECT is(api.webhook_openings(), true, 'it opens when it goes on; put off, it opens again');

-- What is due.
SELECT is((SELECT array_agg(DISTINCT endpoint) FROM api.webhook_due('{}', 10)), ARRAY[:all, :some]::bigint[], 'both have something to come');
SELECT results_eq(format($$ SELECT body::jsonb ->> 'type' FROM api.webhook_due('{%s}', 2) $$, :some), ARRAY['sale', 'sold_out'],
	'the oldest first, as many as were asked for, and nothing for who is busy');
SELECT set_config('lastpair.wrote', '', false) \g /dev/null
SELECT event AS event FROM api.webhook_due(ARRAY[:some]::bigint[], 1) \gset
SELECT is(current_setting('lastpair.wrote'), 'yes', 'what is read is waited for until it is on disk');
SELECT is(api.webhook_done(:all, :'event', 0, 'no answer', 72), 'pending', 'no answer: it waits');
SELECT is_empty(format($$ SELECT FROM api.webhook_due('{%s}', 10) $$, :some), 'and so does all that is behind it');
SELECT is((SELECT next_at > clock_timestamp() + interval '0.8 s' AND next_at <= clock_timestamp() + interval '2 s' FROM lastpair.webhook_endpoints WHERE id = :all), true,
	'for a second or two');
UPDATE lastpair.webhook_endpoints SET next_at = clock_timestamp() WHERE id = :all;
SELECT is((SELECT event FROM api.webhook_due(ARRAY[:some]::bigint[], 1)), :'event'::uuid, 'then it is the first again');
SELECT is(api.webhook_done(:all, :'event', 422, '422', 72), 'pending', 'refused: it waits as well');
SELECT is((SELECT body::jsonb ->> 'type' FROM api.webhook_due(ARRAY[:some]::bigint[], 1)), 'sold_out', 'but nothing else does');
UPDATE lastpair.webhook_deliveries SET next_at = clock_timestamp() WHERE event_id = :'event';
SELECT is(api.webhook_done(:all, :'event', 204, '204', 72), 'delivered', 'any status of success is one');
SELECT is(api.webhook_done(:all, :'event', 500, '500', 72), 'gone', 'what was delivered stays so');
SELECT is((SELECT status || tries FROM lastpair.webhook_deliveries WHERE event_id = :'event' AND endpoint_id = :all), 'delivered3', 'whoever says what else');
SELECT is(api.webhook_done(:all, gen_random_uuid(), 200, '200', 72), 'gone', 'of what is not there nothing is noted');
SELECT is((SELECT pending FROM api.webhook_backlog()), 6::bigint, 'what waits is counted');

-- Given up.
SELECT event AS event FROM api.webhook_due(ARRAY[:some]::bigint[], 1) \gset
UPDATE lastpair.webhook_deliveries SET since = clock_timestamp() - interval '72 hours' WHERE event_id = :'event' AND endpoint_id = :all;
SELECT is(api.webhook_done(:all, :'event', 500, '500', 72), 'failed', 'after its time it is given up');
SELECT is((SELECT failed FROM api.webhook_backlog()), 1::bigint, 'and kept');
UPDATE lastpair.webhook_events SET created_at = created_at - interval '31 days';
SELECT is(api.webhook_housekeep(30, 100), 1, 'what is old goes when nobody waits for it any more');
DELETE FROM lastpair.webhook_endpoints;
SELECT is(api.webhook_housekeep(30, 100), 5 + 5, 'with an endpoint goes what waits for it, and then its events');

SELECT * FROM finish();
ROLLBACK;
