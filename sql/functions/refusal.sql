-- The answer that refuses, by one of the API's codes.
CREATE OR REPLACE FUNCTION lastpair.refusal(p_code text) RETURNS lastpair.reply
LANGUAGE sql IMMUTABLE AS $$
	SELECT ROW(0, p_code, NULL, NULL)::lastpair.reply
$$;
