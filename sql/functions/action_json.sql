-- An administrator's action as the API shows it.
CREATE OR REPLACE FUNCTION lastpair.action_json(a lastpair.admin_actions) RETURNS json
LANGUAGE sql STABLE AS $$
	SELECT json_build_object(
		'id', a.id,
		'at', lastpair.stamp(a.at),
		'actor', CASE WHEN a.actor_id IS NOT NULL
			THEN json_build_object('id', a.actor_id, 'username', a.actor_name) END,
		'action', a.action,
		'dropId', a.drop_id,
		'dropName', a.drop_name,
		'before', a.before,
		'after', a.after)
$$;
