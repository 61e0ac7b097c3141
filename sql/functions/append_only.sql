-- Rows of the trail are written once: whoever would change one or take it away is refused,
-- the owner and the stored functions among them, whatever the session's settings.
CREATE OR REPLACE FUNCTION lastpair.append_only() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'rows of % are never changed', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lastpair.admin_actions
	FOR EACH STATEMENT EXECUTE FUNCTION lastpair.append_only();
ALTER TABLE lastpair.admin_actions ENABLE ALWAYS TRIGGER append_only;
