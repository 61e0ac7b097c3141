-- Rows of the trail are written once: whoever would change one or take it away is refused,
-- the owner and the stored functions among them, whatever the session's settings.
CREATE OR REPLACE FUNCTION lastpair.append_only() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'rows of % are never changed', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
-- Made where it is not there as it should be: making it locks the table, and so would keep an
-- administrator waiting who has a drop's gate closed behind them.
DO $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'lastpair.admin_actions'::regclass
			AND tgname = 'append_only' AND tgenabled = 'A') THEN
		CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lastpair.admin_actions
			FOR EACH STATEMENT EXECUTE FUNCTION lastpair.append_only();
		ALTER TABLE lastpair.admin_actions ENABLE ALWAYS TRIGGER append_only;
	END IF;
END $$;
