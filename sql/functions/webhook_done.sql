-- Notes what came of a delivery: p_status, the HTTP status, or 0 and in p_answer why there was none.
-- A receiver that is not there (no answer, 408, 425, 429, 5xx) is left alone for a while, longer each time,
-- with all that waits for it; after eight tries the event steps aside for those behind it. One
-- that refuses an event (any other answer) is told the next ones; the event comes again later. What
-- was not delivered p_hours after its time began is given up. Returns what has become of it:
-- delivered, pending, failed, or gone (it was delivered or removed meanwhile).
CREATE OR REPLACE FUNCTION api.webhook_done(p_endpoint bigint, p_event uuid, p_status integer, p_answer text,
	p_hours integer) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = lastpair, pg_temp
SET enable_seqscan = off AS $$
DECLARE
	v_now timestamptz := clock_timestamp();
	v_away boolean := p_status NOT BETWEEN 200 AND 499 OR p_status IN (408, 425, 429);
	v_window interval := make_interval(hours => p_hours);
	e webhook_endpoints;
	w webhook_deliveries;
BEGIN
	SELECT * INTO e FROM webhook_endpoints WHERE id = p_endpoint FOR NO KEY UPDATE;
	SELECT * INTO w FROM webhook_deliveries
	 WHERE event_id = p_event AND endpoint_id = p_endpoint AND status = 'pending' FOR NO KEY UPDATE;
	IF e.id IS NULL OR w.event_id IS NULL THEN
		RETURN 'gone';
	END IF;
	w.tries := w.tries + 1;
	w.next_at := v_now;
	IF p_status BETWEEN 200 AND 299 THEN
		w.status := 'delivered';
	ELSIF NOT v_away THEN
		w.late := true;
		w.next_at := v_now + webhook_pause(w.tries, '5 s', '2 hours');
	ELSIF w.tries >= 8 THEN
		w.late := true;
		w.next_at := v_now + webhook_pause(w.tries - 7, '5 minutes', '2 hours');
	END IF;
	IF w.status = 'pending' AND w.next_at > w.since + v_window THEN
		w.status := 'failed';
	END IF;
	UPDATE webhook_deliveries
	   SET status = w.status, tries = w.tries, late = w.late, next_at = w.next_at, tried_at = v_now, answer = p_answer
	 WHERE event_id = p_event AND endpoint_id = p_endpoint;

	IF v_away THEN
		UPDATE webhook_endpoints
		   SET failures = e.failures + 1, failing_since = coalesce(e.failing_since, v_now),
		       next_at = v_now + webhook_pause(e.failures + 1, '2 s', '5 minutes')
		 WHERE id = p_endpoint;
	ELSIF e.failures > 0 THEN
		UPDATE webhook_endpoints SET failures = 0, failing_since = NULL, next_at = v_now WHERE id = p_endpoint;
	END IF;
	-- Those behind it that have waited as long for a receiver that was not there all the time.
	IF v_away AND e.failing_since < v_now - v_window THEN
		UPDATE webhook_deliveries SET status = 'failed', answer = 'not tried: ' || p_answer
		 WHERE (event_id, endpoint_id) IN (
			SELECT event_id, endpoint_id FROM webhook_deliveries
			 WHERE endpoint_id = p_endpoint AND status = 'pending' AND since < v_now - v_window LIMIT 1000);
	END IF;
	PERFORM wrote();
	RETURN w.status;
END $$;
REVOKE ALL ON FUNCTION api.webhook_done(bigint, uuid, integer, text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.webhook_done(bigint, uuid, integer, text, integer) TO lastpair_hooks;
