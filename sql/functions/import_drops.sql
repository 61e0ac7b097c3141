-- Makes the drops that lastpairctl import has put into new_drops, but for those it made before: with all
-- their pairs on the shelf, from where import_purchases() takes those that were sold. What it
-- returns: see import_users().
CREATE OR REPLACE FUNCTION lastpair.import_drops() RETURNS TABLE (line integer, said text)
LANGUAGE plpgsql VOLATILE
SET search_path = lastpair, pg_temp AS $$
DECLARE
	v_known bigint;
	v_made bigint := 0;
	v_sold boolean := EXISTS (SELECT FROM new_purchases);
	v_drop bigint;
	n record;
BEGIN
	DELETE FROM new_drops d USING imports i WHERE i.kind = 'drop' AND i.old_id = d.old_id;
	GET DIAGNOSTICS v_known = ROW_COUNT;
	FOR n IN SELECT d.*, min(d.line) OVER (PARTITION BY d.old_id) AS first FROM new_drops d ORDER BY d.line LOOP
		IF n.first <> n.line THEN
			RETURN QUERY SELECT n.line, format('the id stands in line %s', n.first);
			RETURN;
		ELSIF n.available > (n.doc ->> 'totalStock')::integer THEN
			RETURN QUERY SELECT n.line, 'more pairs are available than there are';
			RETURN;
		ELSIF n.available < (n.doc ->> 'totalStock')::integer AND NOT v_sold THEN
			RETURN QUERY SELECT n.line, 'not all pairs of this drop are free: import it together with its purchases (--purchases), or they would be sold again';
			RETURN;
		END IF;
		v_drop := drop_make(n.doc);
		IF v_drop IS NULL THEN
			RETURN QUERY SELECT n.line, 'a drop ends after it starts';
			RETURN;
		END IF;
		UPDATE new_drops d SET drop_id = v_drop WHERE d.line = n.line;
		INSERT INTO imports (kind, old_id, new_id) VALUES ('drop', n.old_id, v_drop);
		v_made := v_made + 1;
	END LOOP;
	RETURN QUERY SELECT NULL::integer, format('drops: %s imported, %s there already', v_made, v_known);
END $$;
REVOKE ALL ON FUNCTION lastpair.import_drops() FROM PUBLIC;
