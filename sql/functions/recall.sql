-- The kept answer to a user's request with this key; the refusal `key_reused` when the
-- key was used for another request; NULL when there is none.
CREATE OR REPLACE FUNCTION lastpair.recall(p_user bigint, p_key text, p_request text)
RETURNS lastpair.reply
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	k lastpair.idempotency_keys;
BEGIN
	IF p_key IS NULL THEN
		RETURN NULL;
	END IF;
	SELECT * INTO k FROM lastpair.idempotency_keys WHERE user_id = p_user AND key = p_key;
	IF NOT FOUND THEN
		RETURN NULL;
	END IF;
	IF k.print <> lastpair.print_of(p_request) THEN
		RETURN lastpair.refusal('key_reused');
	END IF;
	PERFORM lastpair.wrote();	-- the commit that is told of again may not be on disk yet
	RETURN ROW(k.status, NULL, k.body, NULL)::lastpair.reply;
END $$;
