-- A message for the event daemons: one line. For everybody it is a JSON object; for one
-- user alone it is `@USER EVENT DATA`, which a daemon can keep without reading DATA.
CREATE OR REPLACE FUNCTION lastpair.event(p_event text, p_drop bigint, p_user bigint, p_data json)
RETURNS text
LANGUAGE sql STABLE AS $$
	SELECT CASE WHEN p_user IS NOT NULL THEN '@' || p_user || ' ' || p_event || ' ' || p_data
	       ELSE json_build_object('event', p_event, 'drop', p_drop, 'data', p_data)::text END
$$;
