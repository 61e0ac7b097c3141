-- Drops spread over two databases: what the directory has in the place of the functions that
-- change a drop. Accounts and sessions are the directory's and are replicated to the shards;
-- drop n lives on shard n % 2. See docs/scaling.md. Run by a superuser; :shard0 and :shard1
-- are conninfos.
CREATE EXTENSION plproxy;
CREATE SERVER drops FOREIGN DATA WRAPPER plproxy OPTIONS (p0 :'shard0', p1 :'shard1');
CREATE USER MAPPING FOR PUBLIC SERVER drops OPTIONS (user 'lastpair_api');
GRANT USAGE ON FOREIGN SERVER drops TO PUBLIC;
CREATE SCHEMA route AUTHORIZATION lastpair_owner;
GRANT USAGE ON SCHEMA route TO lastpair_api;

CREATE FUNCTION route.shard_of(p_drop bigint) RETURNS integer
LANGUAGE sql IMMUTABLE AS 'SELECT (p_drop % 2)::integer';

-- Those of the sessions that stand, by the directory itself: what is revoked there is over
-- at once, however far behind the shards are.
CREATE FUNCTION route.standing(p_sessions uuid[]) RETURNS uuid[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = lastpair, pg_temp AS $$
	SELECT array_agg(s.id ORDER BY a.ord)
	  FROM unnest(p_sessions) WITH ORDINALITY a (id, ord)
	  LEFT JOIN sessions s ON s.id = a.id AND s.expires_at > clock_timestamp();
$$;

CREATE FUNCTION route.reserve(p_drop bigint, p_ids uuid[], p_sessions uuid[], p_sizes text[],
	p_keys text[], p_requests text[], p_again boolean) RETURNS SETOF lastpair.reply
LANGUAGE plproxy AS $$
	CLUSTER 'drops'; RUN ON route.shard_of(p_drop);
	SELECT * FROM api.reserve(p_drop, p_ids, p_sessions, p_sizes, p_keys, p_requests, p_again);
$$;
CREATE OR REPLACE FUNCTION api.reserve(p_drop bigint, p_ids uuid[], p_sessions uuid[], p_sizes text[],
	p_keys text[], p_requests text[], p_again boolean DEFAULT false) RETURNS SETOF lastpair.reply
LANGUAGE sql VOLATILE AS $$
	SELECT * FROM route.reserve(p_drop, p_ids, route.standing(p_sessions), p_sizes, p_keys, p_requests, p_again);
$$;

-- A hold does not say which drop it is of, so the shards are asked.
CREATE FUNCTION route.has(p_reservation uuid) RETURNS SETOF integer
LANGUAGE plproxy AS $$
	CLUSTER 'drops'; RUN ON ALL;
	SELECT * FROM route.has(p_reservation);
$$;
CREATE FUNCTION route.purchase(p_shard integer, p_session uuid, p_reservation uuid, p_purchase uuid,
	p_key text, p_request text) RETURNS lastpair.reply
LANGUAGE plproxy AS $$
	CLUSTER 'drops'; RUN ON p_shard;
	SELECT * FROM api.purchase(p_session, p_reservation, p_purchase, p_key, p_request);
$$;
CREATE OR REPLACE FUNCTION api.purchase(p_session uuid, p_reservation uuid, p_purchase uuid,
	p_key text, p_request text) RETURNS lastpair.reply
LANGUAGE sql VOLATILE AS $$
	SELECT route.purchase(coalesce((SELECT * FROM route.has(p_reservation)), 0),
		(route.standing(ARRAY[p_session]))[1], p_reservation, p_purchase, p_key, p_request);
$$;

CREATE OR REPLACE FUNCTION api.drop_get(p_drop bigint) RETURNS lastpair.reply
LANGUAGE plproxy AS $$
	CLUSTER 'drops'; RUN ON route.shard_of(p_drop);
	SELECT * FROM api.drop_get(p_drop);
$$;

-- Each shard knows by its own session whether this one wrote there.
CREATE FUNCTION route.durable() RETURNS SETOF integer
LANGUAGE plproxy AS $$
	CLUSTER 'drops'; RUN ON ALL;
	SELECT * FROM route.durable();
$$;
CREATE OR REPLACE FUNCTION api.durable() RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	PERFORM * FROM route.durable();
END $$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA route, api TO lastpair_api;
CREATE PUBLICATION accounts FOR TABLE lastpair.users, lastpair.sessions;
