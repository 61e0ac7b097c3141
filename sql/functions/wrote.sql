-- Notes that this session has a commit to be made durable before it is answered: see
-- api.durable(). Undone with the transaction if that is rolled back.
CREATE OR REPLACE FUNCTION lastpair.wrote() RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	PERFORM set_config('lastpair.wrote', 'yes', false);
END $$;
