-- NULL for an administrator's session, else the code that refuses. The role is the
-- database's, not the token's.
CREATE OR REPLACE FUNCTION lastpair.refuse_unless_admin(p_session uuid) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
	u lastpair.users := lastpair.caller(p_session);
BEGIN
	RETURN CASE WHEN u.id IS NULL THEN 'unauthenticated'
	            WHEN u.role <> 'admin' THEN 'forbidden' END;
END $$;
