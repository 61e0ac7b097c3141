-- Takes over the users that lastpairctl import has put into new_users, but for those it took over before.
-- A row with a line says what is wrong with that line, and everything is to be rolled back; one
-- without is for whoever imports.
CREATE OR REPLACE FUNCTION lastpair.import_users() RETURNS TABLE (line integer, said text)
LANGUAGE plpgsql VOLATILE
SET search_path = lastpair, pg_temp AS $$
DECLARE
	v_known bigint;
	v_taken bigint;
BEGIN
	DELETE FROM new_users n USING imports i WHERE i.kind = 'user' AND i.old_id = n.old_id;
	GET DIAGNOSTICS v_known = ROW_COUNT;
	RETURN QUERY SELECT w.line, w.wrong FROM (
		SELECT n.line, 'the e-mail address is taken by a user who was not imported' AS wrong FROM new_users n
		  JOIN users u ON lower(u.email) = lower(n.email)
		UNION ALL
		SELECT n.line, 'the user name is taken by a user who was not imported' FROM new_users n
		  JOIN users u ON lower(u.username) = lower(n.username)
		UNION ALL
		SELECT n.line, format('the %s stands in line %s', x.what, min(n.line) OVER (PARTITION BY x.what, x.value))
		  FROM new_users n CROSS JOIN LATERAL (VALUES ('id', n.old_id), ('e-mail address', lower(n.email)),
			('user name', lower(n.username))) x (what, value)) w
	 WHERE w.wrong NOT LIKE '% stands in line ' || w.line
	 ORDER BY w.line LIMIT 1;
	IF FOUND THEN
		RETURN;
	END IF;
	INSERT INTO users (username, email, password_hash, role, created_at)
		SELECT n.username, n.email, n.password_hash, n.role, coalesce(n.created_at, clock_timestamp())
		  FROM new_users n ORDER BY n.line;
	GET DIAGNOSTICS v_taken = ROW_COUNT;
	INSERT INTO imports (kind, old_id, new_id)
		SELECT 'user', n.old_id, u.id FROM new_users n JOIN users u ON lower(u.email) = lower(n.email);
	RETURN QUERY SELECT NULL::integer, format('users: %s imported, %s there already', v_taken, v_known);
END $$;
REVOKE ALL ON FUNCTION lastpair.import_users() FROM PUBLIC;
