-- Ends an active hold as `released` or `completed` and moves its pair back to the shelf
-- or to the sold ones. The caller has passed the gate and seen the hold active; asking
-- for that here again could make a scan of all active holds of it. Returns the row as it is
-- now.
--
-- For how long a hold that is given back kept its pair is noted, as expire_lapsed() does it for one
-- that lapsed: who lets go at the last moment and takes the next at once keeps a pair as well. In
-- whole seconds, up or down by lot, so that many short holds don't come to nothing.
CREATE OR REPLACE FUNCTION lastpair.close_hold(p_reservation uuid, p_status text, p_now timestamptz)
RETURNS lastpair.reservations
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	r lastpair.reservations;
BEGIN
	UPDATE lastpair.reservations
	   SET status = p_status, closed_at = p_now
	 WHERE id = p_reservation
	RETURNING * INTO STRICT r;
	UPDATE lastpair.stock
	   SET reserved = reserved - 1,
	       available = available + CASE WHEN p_status = 'released' THEN 1 ELSE 0 END,
	       sold = sold + CASE WHEN p_status = 'completed' THEN 1 ELSE 0 END,
	       version = version + 1
	 WHERE drop_id = r.drop_id AND size = r.size;
	IF p_status = 'released' THEN
		PERFORM lastpair.note_lapses(r.drop_id, ARRAY[r.user_id],
			ARRAY[floor(extract(epoch FROM p_now - r.created_at) + random())::integer], ARRAY[p_now]);
	END IF;
	PERFORM lastpair.wrote();
	RETURN r;
END $$;
