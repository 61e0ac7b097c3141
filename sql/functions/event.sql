-- A message for the event daemons. p_user: the only one it is for; NULL: everybody.
CREATE OR REPLACE FUNCTION lastpair.event(p_event text, p_drop bigint, p_user bigint, p_data json)
RETURNS text
LANGUAGE sql STABLE AS $$
	SELECT json_build_object('event', p_event, 'drop', p_drop, 'user', p_user, 'data', p_data)::text
$$;
