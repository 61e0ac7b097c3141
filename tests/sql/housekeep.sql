-- Deleting what nobody asks for any more, and nothing else.
BEGIN;
\ir setup.psql
SELECT plan(11);

DELETE FROM lastpair.idempotency_keys;
DELETE FROM lastpair.sign_in_failures;
DELETE FROM lastpair.sign_in_places;
DELETE FROM lastpair.lapses;
DELETE FROM lastpair.sessions;
SELECT pg_temp.person('ada') AS ada \gset

SELECT is(api.housekeep(100), 0, 'where nothing is old nothing is deleted');
INSERT INTO lastpair.idempotency_keys SELECT :ada, 'old-' || n, '', 200, '', clock_timestamp() - interval '48 hours 1 minute' FROM generate_series(1, 5) n;
INSERT INTO lastpair.idempotency_keys SELECT :ada, 'day-' || n, '', 200, '', clock_timestamp() - interval '47 hours' FROM generate_series(1, 3) n;
INSERT INTO lastpair.sessions SELECT md5(n::text)::uuid, :ada, clock_timestamp() - interval '2 hours', clock_timestamp() - interval '1 s' FROM generate_series(1, 4) n;
INSERT INTO lastpair.sign_in_failures SELECT 'x', n::text, 1, clock_timestamp() - interval '25 hours' FROM generate_series(1, 2) n;
INSERT INTO lastpair.sign_in_failures VALUES ('x', 'now', 1, clock_timestamp());
INSERT INTO lastpair.sign_in_places VALUES (:ada, 'old', clock_timestamp() - interval '91 days'), (:ada, 'new', clock_timestamp() - interval '89 days');
INSERT INTO lastpair.lapses VALUES (:ada, 1, 2, 120, clock_timestamp() - interval '25 hours'), (:ada, 2, 2, 120, clock_timestamp());
SELECT is(api.housekeep(3), 3 + 3 + 2 + 1 + 1, 'no more of a kind are deleted at once than was asked');
SELECT is(api.housekeep(3), 2 + 1, 'the rest comes with the next call');
SELECT is(api.housekeep(3), 0, 'until nothing old is left');
SELECT is((SELECT count(*) FROM lastpair.idempotency_keys), 3::bigint, 'keys stay for at least a day');
SELECT set_eq('SELECT id FROM lastpair.sessions', ARRAY[pg_temp.s('ada')], 'sessions that stand stay');
SELECT set_eq('SELECT address FROM lastpair.sign_in_failures', ARRAY['now'], 'wrong passwords of today stay');
SELECT set_eq('SELECT place FROM lastpair.sign_in_places', ARRAY['new'], 'so do places of this season');
SELECT set_eq('SELECT drop_id FROM lastpair.lapses', ARRAY[2::bigint], 'and the lapses of today');

-- A session is no part of a hold: what ends is only the sign-in.
SELECT pg_temp.new_drop() AS drop \gset
SELECT pg_temp.held(:drop, 'ada') AS hold \gset
UPDATE lastpair.sessions SET expires_at = clock_timestamp() - interval '1 s';
SELECT is(api.housekeep(100), 1, 'a session that has ended goes');
SELECT is(pg_temp.stock(:drop), '3/2/1/0', 'its user''s hold stays');

SELECT * FROM finish();
ROLLBACK;
