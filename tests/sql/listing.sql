-- Drops as everybody sees them.
BEGIN;
\ir setup.psql
SELECT plan(32);

-- A store of our own: what others have in it comes back at the end.
DELETE FROM lastpair.stock;
DELETE FROM lastpair.drops;

SELECT pg_temp.person('boss', 'admin') \g /dev/null
SELECT pg_temp.person(n) FROM unnest(ARRAY['ada', 'bob', 'cyd', 'dan']) n \g /dev/null
SELECT is((SELECT body::jsonb - 'serverTime' FROM api.drop_list(NULL, 50, NULL)), '{"drops": [], "nextCursor": null}'::jsonb, 'an empty store lists nothing');

SELECT pg_temp.new_drop('{"name": "live"}') AS live, pg_temp.new_drop('{"name": "upcoming", "dropStartsAt": "2199-01-01T00:00:00Z"}') AS upcoming,
	pg_temp.new_drop('{"name": "paused", "isActive": false}') AS paused, pg_temp.new_drop('{"name": "sold_out", "totalStock": 1}') AS sold_out,
	pg_temp.new_drop('{"name": "ended", "dropEndsAt": "2020-01-01T00:00:00Z"}') AS ended \gset
SELECT pg_temp.buy('ada', pg_temp.held(:sold_out, 'ada')) \g /dev/null

-- Statuses: the first that holds.
CREATE FUNCTION pg_temp.status_of(p_drop bigint) RETURNS text LANGUAGE sql AS $$
	SELECT (api.drop_get(p_drop)).body::json -> 'drop' ->> 'status'
$$;
SELECT is(pg_temp.status_of(d.id), d.name, 'a drop that is ' || d.name || ' says so') FROM lastpair.drops d ORDER BY id;
SELECT pg_temp.new_drop('{"totalStock": 1}') AS held \gset
SELECT pg_temp.held(:held, 'ada') \g /dev/null
SELECT is(pg_temp.status_of(:held), 'live', 'while its last pair is only held a drop is live');
SELECT pg_temp.new_drop('{"isActive": false, "dropStartsAt": "2199-01-01T00:00:00Z"}') AS a,
	pg_temp.new_drop('{"isActive": false, "dropEndsAt": "2020-01-01T00:00:00Z"}') AS b,
	pg_temp.new_drop('{"totalStock": 0, "dropStartsAt": "2199-01-01T00:00:00Z"}') AS c,
	pg_temp.new_drop('{"totalStock": 0}') AS d \gset
SELECT is(pg_temp.status_of(:a), 'paused', 'paused comes before upcoming');
SELECT is(pg_temp.status_of(:b), 'ended', 'ended before paused');
SELECT is(pg_temp.status_of(:c), 'upcoming', 'upcoming before sold out');
SELECT is(pg_temp.status_of(:d), 'sold_out', 'nothing to sell is sold out');

-- One.
SELECT is(pg_temp.verdict(api.drop_get(9223372036854775807)), 'not_found', 'a drop that is not there is not found');
SELECT results_eq(format('SELECT json_object_keys((api.drop_get(%s)).body::json)', :live), ARRAY['drop', 'serverTime'], 'one drop comes with the time');

-- Pages.
CREATE FUNCTION pg_temp.page(p_status text, p_limit integer, p_before bigint) RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' ', (SELECT string_agg(d ->> 'id', ',' ORDER BY n) FROM json_array_elements(body::json -> 'drops') WITH ORDINALITY x (d, n)),
		coalesce(body::json ->> 'nextCursor', '-')) FROM api.drop_list(p_status, p_limit, p_before)
$$;
CREATE FUNCTION pg_temp.ids(p_where text DEFAULT 'true') RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE r bigint[];
BEGIN
	EXECUTE 'SELECT array_agg(id ORDER BY id DESC) FROM lastpair.drops WHERE ' || p_where INTO r;
	RETURN r;
END $$;
SELECT pg_temp.ids() AS ids, cardinality(pg_temp.ids()) AS count \gset
SELECT is(pg_temp.page(NULL, 200, NULL), array_to_string(:'ids'::bigint[], ',') || ' -', 'all drops come newest first, and then no more');
SELECT is(pg_temp.page(NULL, :count, NULL), array_to_string(:'ids'::bigint[], ',') || ' -', 'a page that just fits is the last');
SELECT is(pg_temp.page(NULL, 3, NULL), format('%s,%s,%s %s', (:'ids'::bigint[])[1], (:'ids'::bigint[])[2], (:'ids'::bigint[])[3], (:'ids'::bigint[])[3]),
	'a page that does not fit says where the next begins');
SELECT is(pg_temp.page(NULL, 3, (:'ids'::bigint[])[3]), format('%s,%s,%s %s', (:'ids'::bigint[])[4], (:'ids'::bigint[])[5], (:'ids'::bigint[])[6],
	(:'ids'::bigint[])[6]), 'which goes on where that one ended');
WITH RECURSIVE pages AS (
	SELECT NULL::bigint AS before, body::json AS page, 1 AS n FROM api.drop_list(NULL, 2, NULL)
	UNION ALL
	SELECT (page ->> 'nextCursor')::bigint, (SELECT body::json FROM api.drop_list(NULL, 2, (page ->> 'nextCursor')::bigint)), n + 1
	  FROM pages WHERE page ->> 'nextCursor' IS NOT NULL AND n < 100
)
SELECT is((SELECT array_agg((d ->> 'id')::bigint ORDER BY n, (d ->> 'id')::bigint DESC) FROM pages, json_array_elements(page -> 'drops') d),
	:'ids'::bigint[], 'page by page every drop comes once');
SELECT is(pg_temp.page('paused', 50, NULL), concat(array_to_string(pg_temp.ids('NOT is_active AND ends_at IS NULL'), ','), ' -'), 'a status alone is listed');
SELECT is(pg_temp.page('ended', 50, NULL), concat(array_to_string(pg_temp.ids('ends_at < now()'), ','), ' -'), 'whichever');
SELECT is(pg_temp.page('upcoming', 1, NULL), format('%s %s', (pg_temp.ids('starts_at > clock_timestamp() AND is_active'))[1], (pg_temp.ids('starts_at > clock_timestamp() AND is_active'))[1]),
	'and in pages');
SELECT is(pg_temp.page('sold_out', 50, :sold_out + 1), :'sold_out' || ' -', 'from below a cursor');
SELECT is(pg_temp.page('live', 50, 1), '-', 'or nothing');
SELECT results_eq('SELECT json_object_keys(body::json) FROM api.drop_list(NULL, 50, NULL)', ARRAY['drops', 'nextCursor', 'serverTime'],
	'a page has its three fields');

-- The ETag changes with the drops, not with the time.
SELECT etag FROM api.drop_list(NULL, 50, NULL) \gset
SELECT pg_sleep(0.02) \g /dev/null
SELECT is((SELECT etag FROM api.drop_list(NULL, 50, NULL)), :'etag', 'a tag stays while nothing changes');
SELECT pg_temp.held(:live, 'bob') AS hold \gset
SELECT isnt((SELECT etag FROM api.drop_list(NULL, 50, NULL)), :'etag', 'and changes with a hold');
SELECT etag FROM api.drop_list(NULL, 50, NULL) \gset
SELECT pg_temp.buy('bob', :'hold') \g /dev/null
SELECT isnt((SELECT etag FROM api.drop_list(NULL, 50, NULL)), :'etag', 'with a purchase');
SELECT etag FROM api.drop_list(NULL, 50, NULL) \gset
SELECT api.drop_update(pg_temp.s('boss'), :live, '{"description": "new"}') \g /dev/null
SELECT isnt((SELECT etag FROM api.drop_list(NULL, 50, NULL)), :'etag', 'with a change');
SELECT etag FROM api.drop_list(NULL, 50, NULL) \gset
UPDATE lastpair.drops SET starts_at = clock_timestamp() - interval '1 s' WHERE id = :upcoming;
SELECT isnt((SELECT etag FROM api.drop_list(NULL, 50, NULL)), :'etag', 'and with a status that changed by itself');
SELECT isnt((SELECT etag FROM api.drop_list(NULL, 2, NULL)), (SELECT etag FROM api.drop_list(NULL, 3, NULL)), 'another page has another');

-- Buyers.
SELECT pg_temp.new_drop('{"totalStock": 9}') AS drop \gset
SELECT pg_temp.buy(n, pg_temp.held(:drop, n)), pg_sleep(0.003) FROM unnest(ARRAY['ada', 'bob', 'cyd', 'dan']) n \g /dev/null
SELECT results_eq(format($$ SELECT b ->> 'username' FROM json_array_elements((api.drop_get(%s)).body::json -> 'drop' -> 'recentPurchasers')
	WITH ORDINALITY x (b, n) ORDER BY n $$, :drop), ARRAY['dan', 'cyd', 'bob'], 'the newest three buyers are shown, newest first');
SELECT results_eq(format($$ SELECT DISTINCT k FROM json_array_elements((api.drop_get(%s)).body::json -> 'drop' -> 'recentPurchasers') b,
	json_object_keys(b) k ORDER BY 1 $$, :drop), ARRAY['purchasedAt', 'username'], 'with name and time, nothing more');

SELECT * FROM finish();
ROLLBACK;
