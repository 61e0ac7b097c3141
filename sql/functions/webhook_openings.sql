-- Tells of the drops whose time to open has come and of which nobody was told yet, one drop a call.
-- False: there is none.
CREATE OR REPLACE FUNCTION api.webhook_openings() RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = lastpair, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	v_since timestamptz := (SELECT min(created_at) FROM webhook_endpoints WHERE 'drop_opened' = ANY (events));
	v_drop bigint;
BEGIN
	IF v_since IS NULL THEN
		RETURN false;
	END IF;
	SELECT d.id INTO v_drop
	  FROM drops d
	 WHERE greatest(d.starts_at, d.created_at) BETWEEN v_since AND clock_timestamp()
	   AND d.is_active AND (d.ends_at IS NULL OR d.ends_at > clock_timestamp())
	   AND NOT EXISTS (SELECT FROM webhook_openings o WHERE o.drop_id = d.id AND o.starts_at = d.starts_at)
	 ORDER BY greatest(d.starts_at, d.created_at) LIMIT 1;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	PERFORM gate(v_drop);
	PERFORM webhook_open(v_drop, now_ms());
	RETURN true;
END $$;
REVOKE ALL ON FUNCTION api.webhook_openings() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.webhook_openings() TO lastpair_hooks;
