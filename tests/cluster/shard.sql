-- What a shard has beside the schema as it is. :shard is its number, :directory a conninfo.
CREATE SCHEMA route;
CREATE TABLE route.self AS SELECT :shard AS number;
CREATE FUNCTION route.has(p_reservation uuid) RETURNS SETOF integer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = lastpair, pg_temp AS $$
	SELECT number FROM route.self WHERE EXISTS (SELECT FROM reservations WHERE id = p_reservation);
$$;
CREATE FUNCTION route.durable() RETURNS SETOF integer
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	PERFORM api.durable();
	RETURN NEXT 1;
END $$;
GRANT USAGE ON SCHEMA route TO lastpair_api;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA route TO lastpair_api;
ALTER TABLE lastpair.drops ALTER COLUMN id SET INCREMENT BY 2 SET START WITH :first RESTART;
CREATE SUBSCRIPTION accounts CONNECTION :'directory' PUBLICATION accounts WITH (slot_name = :'slot');
