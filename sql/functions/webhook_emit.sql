-- Writes an event into the outbox, for each endpoint that wants its kind: those that were there at
-- p_since (NULL: all), or p_endpoint alone. Part of the transaction that the event tells of, and behind
-- the drop's gate, so that a drop's events are numbered in their order.
CREATE OR REPLACE FUNCTION lastpair.webhook_emit(p_type text, p_drop bigint, p_data json, p_now timestamptz,
	p_since timestamptz DEFAULT NULL, p_endpoint bigint DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	v_id uuid := gen_random_uuid();
	v_number bigint;
BEGIN
	IF NOT EXISTS (SELECT FROM lastpair.webhook_endpoints e
	                WHERE CASE WHEN p_endpoint IS NULL THEN p_type = ANY (e.events) ELSE e.id = p_endpoint END
	                  AND (p_since IS NULL OR e.created_at <= p_since)) THEN
		RETURN NULL;
	END IF;
	INSERT INTO lastpair.webhook_events (id, type, drop_id, created_at, body)
	VALUES (v_id, p_type, p_drop, p_now, json_build_object('id', v_id, 'type', p_type,
		'createdAt', lastpair.stamp(p_now), 'data', p_data))
	RETURNING number INTO v_number;
	INSERT INTO lastpair.webhook_deliveries (endpoint_id, number, event_id, since, next_at)
	SELECT e.id, v_number, v_id, p_now, p_now
	  FROM lastpair.webhook_endpoints e
	 WHERE CASE WHEN p_endpoint IS NULL THEN p_type = ANY (e.events) ELSE e.id = p_endpoint END
	   AND (p_since IS NULL OR e.created_at <= p_since);
	PERFORM lastpair.wrote();
	RETURN v_id;
END $$;
