-- Deletes up to p_limit rows each of what nobody asks for any more: answers kept for a
-- key over 48 hours, sessions that ended, failed sign-ins and lapses of yesterday, places where
-- somebody signed in three months ago. Returns how many.
CREATE OR REPLACE FUNCTION api.housekeep(p_limit integer) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = lastpair, pg_temp
SET enable_seqscan = off AS $$
DECLARE
	v_now timestamptz := clock_timestamp();
	v_count integer;
	v_total integer := 0;
BEGIN
	DELETE FROM idempotency_keys WHERE (user_id, key) IN (
		SELECT user_id, key FROM idempotency_keys WHERE created_at < v_now - interval '48 hours'
		 ORDER BY created_at LIMIT p_limit FOR UPDATE SKIP LOCKED);
	GET DIAGNOSTICS v_count = ROW_COUNT;
	v_total := v_total + v_count;
	DELETE FROM sessions WHERE id IN (
		SELECT id FROM sessions WHERE expires_at < v_now
		 ORDER BY expires_at LIMIT p_limit FOR UPDATE SKIP LOCKED);
	GET DIAGNOSTICS v_count = ROW_COUNT;
	v_total := v_total + v_count;
	DELETE FROM sign_in_failures WHERE (email, address) IN (
		SELECT email, address FROM sign_in_failures WHERE since < v_now - interval '1 day'
		 ORDER BY since LIMIT p_limit FOR UPDATE SKIP LOCKED);
	GET DIAGNOSTICS v_count = ROW_COUNT;
	v_total := v_total + v_count;
	DELETE FROM sign_in_places WHERE (user_id, place) IN (
		SELECT user_id, place FROM sign_in_places WHERE at < v_now - interval '90 days'
		 ORDER BY at LIMIT p_limit FOR UPDATE SKIP LOCKED);
	GET DIAGNOSTICS v_count = ROW_COUNT;
	v_total := v_total + v_count;
	DELETE FROM lapses WHERE (user_id, drop_id) IN (
		SELECT user_id, drop_id FROM lapses WHERE last_at < v_now - interval '1 day'
		 ORDER BY last_at LIMIT p_limit FOR UPDATE SKIP LOCKED);
	GET DIAGNOSTICS v_count = ROW_COUNT;
	RETURN v_total + v_count;
END $$;
REVOKE ALL ON FUNCTION api.housekeep(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.housekeep(integer) TO lastpair_api;
