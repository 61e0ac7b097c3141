-- Takes over the purchases that lastpairctl import has put into new_purchases, but for those it took over
-- before: each with a hold that was bought at once, its pair off the shelf. Behind the gates of
-- import_gates(); what it returns: see import_users().
CREATE OR REPLACE FUNCTION lastpair.import_purchases() RETURNS TABLE (line integer, said text)
LANGUAGE plpgsql VOLATILE
SET search_path = lastpair, pg_temp AS $$
DECLARE
	v_known bigint;
	v_taken bigint := 0;
	v_note text;
	n record;
BEGIN
	DELETE FROM new_purchases p USING imports i WHERE i.kind = 'purchase' AND i.old_id = p.old_id;
	GET DIAGNOSTICS v_known = ROW_COUNT;
	UPDATE new_purchases p SET user_id = i.new_id::bigint FROM imports i WHERE i.kind = 'user' AND i.old_id = p.old_user;
	UPDATE new_purchases p SET drop_id = i.new_id::bigint FROM imports i WHERE i.kind = 'drop' AND i.old_id = p.old_drop;
	RETURN QUERY SELECT w.line, w.wrong FROM (
		SELECT p.line, CASE
			WHEN p.user_id IS NULL THEN format('there is no user %s among those imported', p.old_user)
			WHEN p.drop_id IS NULL THEN format('there is no drop %s among those imported', p.old_drop)
			WHEN p.at > clock_timestamp() THEN 'it was bought in the future'
			WHEN count(*) OVER same > 1 THEN format('the id stands in line %s', first_value(p.line) OVER same)
			WHEN s.size IS NULL THEN format('the drop %s has sizes of its own by now', p.old_drop)
			WHEN row_number() OVER (PARTITION BY p.drop_id ORDER BY p.line) > s.available THEN
				format('the drop %s has %s free pairs and %s purchases here: the other system sold more than there were; raise its totalStock',
					p.old_drop, s.available, count(*) OVER (PARTITION BY p.drop_id))
			END AS wrong
		  FROM new_purchases p LEFT JOIN stock s ON s.drop_id = p.drop_id AND s.size = ''
		WINDOW same AS (PARTITION BY p.old_id ORDER BY p.line)) w
	 WHERE w.wrong IS NOT NULL ORDER BY w.line LIMIT 1;
	IF FOUND THEN
		RETURN;
	END IF;

	INSERT INTO reservations (id, drop_id, size, user_id, status, price_cents, currency, created_at, expires_at, closed_at)
		SELECT p.reservation_id, d.id, '', p.user_id, 'completed', coalesce(p.price_cents, d.price_cents), coalesce(p.currency, d.currency),
		       p.at, p.at + make_interval(secs => d.hold_seconds), p.at
		  FROM new_purchases p JOIN drops d ON d.id = p.drop_id;
	INSERT INTO purchases (id, reservation_id, drop_id, size, user_id, price_cents, currency, purchased_at)
		SELECT p.id, r.id, r.drop_id, r.size, r.user_id, r.price_cents, r.currency, p.at
		  FROM new_purchases p JOIN reservations r ON r.id = p.reservation_id;
	INSERT INTO imports (kind, old_id, new_id) SELECT 'purchase', p.old_id, p.id FROM new_purchases p;

	FOR n IN	-- drop by drop
		SELECT d.id, d.name, d.max_per_user, s.sold, s.available, c.pairs, m.most, o.old_id, o.available AS before
		  FROM (SELECT p.drop_id, count(*)::integer AS pairs FROM new_purchases p GROUP BY 1) c
		  FULL JOIN new_drops o ON o.drop_id = c.drop_id
		  JOIN drops d ON d.id = coalesce(c.drop_id, o.drop_id) JOIN stock s ON s.drop_id = d.id AND s.size = ''
		 CROSS JOIN LATERAL (SELECT coalesce(max(k), 1)::integer AS most FROM (SELECT count(*) AS k FROM purchases b
			WHERE b.drop_id = d.id GROUP BY b.user_id) b) m
		 ORDER BY d.id
	LOOP
		v_taken := v_taken + coalesce(n.pairs, 0);
		IF n.pairs > 0 THEN
			UPDATE stock s SET available = s.available - n.pairs, sold = s.sold + n.pairs, version = s.version + 1
			 WHERE s.drop_id = n.id AND s.size = '';
			UPDATE drops d SET max_per_user = n.most, revision = revision + 1 WHERE d.id = n.id AND d.max_per_user < n.most;
			PERFORM note_action(NULL, 'update', n.id,
				jsonb_build_object('soldStock', n.sold) || CASE WHEN n.most > n.max_per_user
					THEN jsonb_build_object('maxPerUser', n.max_per_user) ELSE '{}' END,
				jsonb_build_object('soldStock', n.sold + n.pairs) || CASE WHEN n.most > n.max_per_user
					THEN jsonb_build_object('maxPerUser', n.most) ELSE '{}' END);
		END IF;
		IF n.most > n.max_per_user THEN
			RETURN QUERY SELECT NULL::integer, format('note: %s (%s): maxPerUser is %s now, as somebody bought that many', n.name, n.id, n.most);
		END IF;
		IF n.before < n.available - coalesce(n.pairs, 0) THEN
			RETURN QUERY SELECT NULL::integer, format('note: %s (%s): pairs that were neither free nor sold and are free now: %s', n.name, n.id,
				n.available - coalesce(n.pairs, 0) - n.before);
		ELSIF n.before > n.available - coalesce(n.pairs, 0) THEN
			RETURN QUERY SELECT NULL::integer, format('note: %s (%s): fewer pairs are free than the other system says, by its own purchases: %s less', n.name, n.id,
				n.before - n.available + coalesce(n.pairs, 0));
		END IF;
	END LOOP;
	RETURN QUERY SELECT NULL::integer, format('purchases: %s imported, %s there already', v_taken, v_known);
END $$;
REVOKE ALL ON FUNCTION lastpair.import_purchases() FROM PUBLIC;
