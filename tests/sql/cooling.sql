-- A pair can't be kept for ever by hold after hold, left to lapse or given back.
BEGIN;
\ir setup.psql
SELECT plan(36);

SELECT pg_temp.person(n) FROM unnest(ARRAY['ada', 'bob', 'cyd']) n \g /dev/null

-- A hold of somebody's that was over p_ago ago; the verdict of their next reserve.
CREATE FUNCTION pg_temp.let_lapse(p_drop bigint, p_name text, p_ago interval) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	v_hold uuid := pg_temp.held(p_drop, p_name);
BEGIN
	PERFORM pg_temp.lapse(v_hold, p_ago), lastpair.gate(p_drop);
	PERFORM lastpair.expire_lapsed(p_drop, clock_timestamp(), 1000);
	RETURN pg_temp.verdict(pg_temp.hold(p_drop, p_name));
END $$;
-- Gives back what they hold, which took no time at all.
CREATE FUNCTION pg_temp.end_hold(p_drop bigint, p_name text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	v_hold uuid := (SELECT id FROM lastpair.reservations WHERE drop_id = p_drop AND status = 'active' AND user_id = pg_temp.uid(p_name));
BEGIN
	UPDATE lastpair.reservations SET created_at = clock_timestamp() + interval '1 s', expires_at = clock_timestamp() + interval '1 min' WHERE id = v_hold;
	PERFORM pg_temp.give_back(p_name, v_hold);
END $$;
-- Gives back a hold that was kept for p_kept.
CREATE FUNCTION pg_temp.let_go(p_drop bigint, p_name text, p_kept interval) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	v_hold uuid := pg_temp.held(p_drop, p_name);
BEGIN
	UPDATE lastpair.reservations SET created_at = created_at - p_kept WHERE id = v_hold;
	RETURN pg_temp.verdict(pg_temp.give_back(p_name, v_hold));
END $$;

SELECT pg_temp.new_drop('{"totalStock": 1}') AS drop \gset
SELECT is(pg_temp.let_lapse(:drop, 'ada', '5 s'), '201', 'one hold that lapsed keeps nobody from the next');
SELECT pg_temp.end_hold(:drop, 'ada') \g /dev/null
SELECT is(pg_temp.let_lapse(:drop, 'ada', '1 s'), 'cooling_down', 'two do, one soon after the other');
SELECT ok((pg_temp.hold(:drop, 'ada')).body::integer BETWEEN 58 AND 59, 'for as long as a hold lasts, which is told');
SELECT is((pg_temp.hold(:drop, 'ada')).status, 0::smallint, 'as a refusal');
SELECT is(pg_temp.stock(:drop), '1/1/0/0', 'the pair is free');
SELECT is(pg_temp.verdict(pg_temp.hold(:drop, 'bob')), '201', 'for anybody else');
SELECT is(pg_temp.verdict(pg_temp.hold(:drop, 'ada')), 'sold_out', 'while there is none it is sold out, to her as to others');
SELECT pg_temp.end_hold(:drop, 'bob') \g /dev/null
SELECT is((SELECT array_agg(coalesce(code, status::text)) FROM pg_temp.reserve(:drop, ARRAY[gen_random_uuid(), gen_random_uuid()],
	ARRAY[pg_temp.s('ada'), pg_temp.s('cyd')], ARRAY[NULL, NULL], ARRAY['a-key-01', NULL], ARRAY['R', NULL], false)),
	ARRAY['cooling_down', '201'], 'it takes no pair from those in the same call');
SELECT is((SELECT count(*) FROM lastpair.idempotency_keys WHERE key = 'a-key-01'), 0::bigint, 'and is not kept for its key');
SELECT pg_temp.end_hold(:drop, 'cyd') \g /dev/null
SELECT pg_temp.new_drop() AS other \gset
SELECT is(pg_temp.verdict(pg_temp.hold(:other, 'ada')), '201', 'another drop is another matter');
UPDATE lastpair.lapses SET last_at = clock_timestamp() - interval '61 s' WHERE drop_id = :drop;
SELECT is(pg_temp.verdict(pg_temp.hold(:drop, 'ada')), '201', 'then it is over');

-- What counts together.
SELECT pg_temp.new_drop('{"totalStock": 1}') AS slow \gset
SELECT pg_temp.let_lapse(:slow, 'ada', '13 min'), pg_temp.end_hold(:slow, 'ada') \g /dev/null
SELECT is(pg_temp.let_lapse(:slow, 'ada', '1 s'), '201', 'holds with ten minutes and more between them do not count together');
SELECT is((SELECT holds FROM lastpair.lapses WHERE drop_id = :slow), 1, 'the count begins anew');
SELECT pg_temp.new_drop('{"totalStock": 1, "holdSeconds": 20}') AS brief \gset
SELECT pg_temp.let_lapse(:brief, 'ada', '60 s'), pg_temp.end_hold(:brief, 'ada') \g /dev/null
SELECT is(pg_temp.let_lapse(:brief, 'ada', '30 s'), '201', 'nor do they until a pair was kept for a minute');
SELECT pg_temp.end_hold(:brief, 'ada') \g /dev/null
SELECT is(pg_temp.let_lapse(:brief, 'ada', '1 s'), 'cooling_down', 'as it is then');
SELECT ok((pg_temp.hold(:brief, 'ada')).body::integer BETWEEN 18 AND 19, 'and one waits no longer than such a hold lasts');

-- Scarce or not, on or off.
SELECT pg_temp.new_drop('{"totalStock": 200}') AS many \gset
SELECT pg_temp.let_lapse(:many, 'ada', '5 s'), pg_temp.end_hold(:many, 'ada') \g /dev/null
SELECT is(pg_temp.let_lapse(:many, 'ada', '1 s'), '201', 'where there is enough for all nobody waits');
SELECT pg_temp.end_hold(:many, 'ada') \g /dev/null
UPDATE lastpair.stock SET available = 20, sold = 180 WHERE drop_id = :many;
SELECT is(pg_temp.verdict(pg_temp.hold(:many, 'ada')), 'cooling_down', 'a tenth of it is no longer enough');
UPDATE lastpair.drops SET cool_down_seconds = 0 WHERE id = :many;
SELECT is(pg_temp.verdict(pg_temp.hold(:many, 'ada')), '201', 'a drop can do without');
SELECT pg_temp.new_drop('{"totalStock": 1, "holdSeconds": 600, "coolDownSeconds": 30}') AS long \gset
SELECT pg_temp.let_lapse(:long, 'ada', '5 s'), pg_temp.end_hold(:long, 'ada') \g /dev/null
SELECT is(pg_temp.let_lapse(:long, 'ada', '1 s'), 'cooling_down', 'holds that last long count together as well');
SELECT ok((pg_temp.hold(:long, 'ada')).body::integer BETWEEN 28 AND 29, 'and then the drop''s own time is the longest');

-- Lapsed holds that the reserve itself finds.
SELECT pg_temp.new_drop('{"totalStock": 1}') AS drop \gset
SELECT pg_temp.let_lapse(:drop, 'ada', '5 s') \g /dev/null
SELECT pg_temp.lapse(id, '1 s') FROM lastpair.reservations WHERE drop_id = :drop AND status = 'active' \g /dev/null
SELECT is(pg_temp.verdict(pg_temp.hold(:drop, 'ada')), 'cooling_down', 'nor does it help to reserve before the expiry comes by');
SELECT is(pg_temp.stock(:drop), '1/1/0/0', 'which gives the pair back');
SELECT is(pg_temp.verdict(pg_temp.hold(:drop, 'bob')), '201', 'to the next');

-- Given back at the last moment, and taken again at once.
SELECT pg_temp.new_drop('{"totalStock": 1}') AS drop \gset
SELECT is(pg_temp.let_go(:drop, 'ada', '59 s') || pg_temp.let_go(:drop, 'ada', '59 s'), '200200', 'who lets go of two in time may have a third');
SELECT is(pg_temp.let_go(:drop, 'ada', '59 s'), '200', 'and let go of it');
SELECT is(pg_temp.verdict(pg_temp.hold(:drop, 'ada')), 'cooling_down', 'but then waits as if they had lapsed');
SELECT is(pg_temp.verdict(pg_temp.hold(:drop, 'bob')), '201', 'and others get the pair');
SELECT pg_temp.new_drop('{"totalStock": 1}') AS brief \gset
SELECT setseed(0.5) \g /dev/null
SELECT is((SELECT count(*) FROM generate_series(1, 200) WHERE pg_temp.let_go(:brief, 'ada', '0.5 s') = '200'), 200::bigint, 'many short holds are given back');
SELECT ok((SELECT seconds BETWEEN 75 AND 125 FROM lastpair.lapses WHERE drop_id = :brief), 'and count for as long as they lasted');
SELECT pg_temp.new_drop('{"totalStock": 1}') AS drop \gset
SELECT pg_temp.let_lapse(:drop, 'ada', '5 s'), pg_temp.end_hold(:drop, 'ada') \g /dev/null
SELECT is(pg_temp.verdict(pg_temp.hold(:drop, 'ada')), '201', 'a change of mind after a lapse is none');

-- How often the table of lapses is looked at, by the server's own count: only where it has a say.
CREATE FUNCTION pg_temp.looks(p_drop bigint, p_name text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	v_before bigint := (SELECT seq_scan + idx_scan FROM pg_stat_xact_user_tables WHERE relid = 'lastpair.lapses'::regclass);
BEGIN
	PERFORM pg_temp.verdict(pg_temp.hold(p_drop, p_name));
	RETURN (SELECT seq_scan + idx_scan - v_before FROM pg_stat_xact_user_tables WHERE relid = 'lastpair.lapses'::regclass);
END $$;
SELECT pg_temp.new_drop('{"totalStock": 11}') AS plenty, pg_temp.new_drop('{"totalStock": 10}') AS few, pg_temp.new_drop('{"totalStock": 0}') AS none,
	pg_temp.new_drop('{"totalStock": 200}') AS many \gset
SELECT is(pg_temp.looks(:plenty, 'ada'), 0::bigint, 'where there are pairs for all, nobody''s lapses are looked up');
SELECT is(pg_temp.looks(:many, 'ada'), 0::bigint, 'nor of a large drop');
SELECT is(pg_temp.looks(:none, 'ada'), 0::bigint, 'nor where there is none for anybody');
SELECT is(pg_temp.looks(:few, 'ada'), 1::bigint, 'of ten pairs they are');
SELECT is(pg_temp.looks(:plenty, 'bob'), 1::bigint, 'as of the ten that are left');

SELECT * FROM finish();
ROLLBACK;
