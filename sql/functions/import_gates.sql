-- Passes the gates of all drops in the store that an import brings purchases of, in their order, before it
-- writes anything: behind the trail nobody waits for a gate (see gate()). Reads what
-- lastpairctl import has put into new_purchases.
CREATE OR REPLACE FUNCTION lastpair.import_gates() RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = lastpair, pg_temp AS $$
DECLARE
	v_drop bigint;
BEGIN
	FOR v_drop IN
		SELECT DISTINCT i.new_id::bigint FROM new_purchases n
		  JOIN imports i ON i.kind = 'drop' AND i.old_id = n.old_drop ORDER BY 1
	LOOP
		PERFORM gate(v_drop);
	END LOOP;
END $$;
REVOKE ALL ON FUNCTION lastpair.import_gates() FROM PUBLIC;
