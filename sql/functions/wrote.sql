-- Notes that this session has a commit to be made durable before it is answered: see
-- api.durable(). Undone with the transaction if that is rolled back. One expression, so
-- that an assignment of it costs no query.
CREATE OR REPLACE FUNCTION lastpair.wrote() RETURNS text
LANGUAGE sql VOLATILE AS $$
	SELECT set_config('lastpair.wrote', 'yes', false)
$$;
