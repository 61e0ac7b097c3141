-- Keeps a successful answer under its key. The last step of a transaction. When another
-- transaction kept one under the same key meanwhile (the same request twice at once),
-- this one is rolled back as a serialization failure: tried again it finds that answer.
CREATE OR REPLACE FUNCTION lastpair.remember(p_user bigint, p_key text, p_print bytea,
	p_status smallint, p_body text) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	IF p_key IS NULL THEN
		RETURN;
	END IF;
	INSERT INTO lastpair.idempotency_keys (user_id, key, print, status, body, created_at)
	VALUES (p_user, p_key, p_print, p_status, p_body, clock_timestamp())
	ON CONFLICT (user_id, key) DO NOTHING;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'the same key twice at once' USING ERRCODE = 'serialization_failure';
	END IF;
END $$;
