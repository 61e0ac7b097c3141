-- The answer that shows a drop, and the event that tells it to everybody.
CREATE OR REPLACE FUNCTION lastpair.drop_reply(p_drop bigint, p_status integer, p_event text)
RETURNS lastpair.reply
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	d lastpair.drops;
	v_body json;
BEGIN
	SELECT * INTO STRICT d FROM lastpair.drops WHERE id = p_drop;
	v_body := json_build_object('drop', lastpair.drop_json(d, lastpair.now_ms()));
	RETURN ROW(p_status, NULL, v_body, ARRAY[lastpair.event(p_event, p_drop, NULL, v_body)])::lastpair.reply;
END $$;
