-- Tells that a drop has opened, once for each opening: not before its time, while it is paused, or once it
-- has ended. Endpoints that came later are not told. The caller has passed the drop's gate.
CREATE OR REPLACE FUNCTION lastpair.webhook_open(p_drop bigint, p_now timestamptz) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	d lastpair.drops;
BEGIN
	SELECT * INTO d FROM lastpair.drops
	 WHERE id = p_drop AND is_active AND starts_at <= p_now AND (ends_at IS NULL OR ends_at > p_now);
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	INSERT INTO lastpair.webhook_openings (drop_id, starts_at) VALUES (d.id, d.starts_at)
	ON CONFLICT DO NOTHING;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	RETURN lastpair.webhook_emit('drop_opened', d.id, json_build_object('drop', lastpair.drop_json(d, p_now)),
		p_now, p_since => greatest(d.starts_at, d.created_at)) IS NOT NULL;
END $$;
