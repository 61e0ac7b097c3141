-- Who may do what: workers only call functions, the daemon only those that read what is public.
BEGIN;
\ir setup.psql
SELECT plan(26);

SELECT results_eq(
	$$ SELECT p.proname::text COLLATE "default" FROM pg_proc p WHERE p.pronamespace = 'api'::regnamespace
	      AND has_function_privilege('lastpair_sse', p.oid, 'EXECUTE') ORDER BY 1 $$,
	ARRAY['stream_origin', 'stream_poll', 'stream_sessions'],
	'the daemon may call what reads the stream''s state, and nothing else');
SELECT results_eq(
	$$ SELECT p.proname::text COLLATE "default" FROM pg_proc p WHERE p.pronamespace = 'api'::regnamespace
	      AND has_function_privilege('lastpair_api', p.oid, 'EXECUTE') ORDER BY 1 $$,
	ARRAY['admin_actions', 'behind_ms', 'drop_create', 'drop_figures', 'drop_get', 'drop_list', 'drop_purchases', 'drop_restock', 'drop_update', 'durable', 'expire', 'expiry_lock',
	      'heartbeat', 'housekeep', 'login', 'login_start', 'logout', 'me', 'overdue', 'purchase', 'purchase_list',
	      'purchases_csv', 'register', 'release', 'reservation_get', 'reservation_list', 'reserve'],
	'the workers may call the functions of the API');
SELECT results_eq(
	$$ SELECT p.proname::text COLLATE "default" FROM pg_proc p WHERE p.pronamespace = 'api'::regnamespace
	      AND has_function_privilege('lastpair_hooks', p.oid, 'EXECUTE') ORDER BY 1 $$,
	ARRAY['durable', 'webhook_backlog', 'webhook_done', 'webhook_due', 'webhook_housekeep', 'webhook_lock', 'webhook_openings'],
	'who delivers webhooks may call what reads and marks the outbox, and nothing else');
SELECT is_empty(
	$$ SELECT p.oid::regprocedure FROM pg_proc p, unnest(ARRAY['lastpair_api', 'lastpair_sse', 'lastpair_hooks']) r
	    WHERE p.pronamespace = 'lastpair'::regnamespace AND has_function_privilege(r, p.oid, 'EXECUTE') $$,
	'neither may call what the functions are made of');
SELECT is_empty(
	$$ SELECT p.oid::regprocedure FROM pg_proc p,
	          aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
	    WHERE p.pronamespace IN ('api'::regnamespace, 'lastpair'::regnamespace) AND a.grantee = 0 $$,
	'PUBLIC may call nothing');
SELECT is_empty(
	$$ SELECT r, c.relname, v FROM pg_class c, unnest(ARRAY['lastpair_api', 'lastpair_sse', 'lastpair_hooks', 'public']) r,
	          unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) v
	    WHERE c.relnamespace IN ('lastpair'::regnamespace, 'api'::regnamespace) AND c.relkind IN ('r', 'v', 'm', 'p', 'f')
	      AND has_table_privilege(r, c.oid, v) $$,
	'neither they nor PUBLIC may read or write any table');
SELECT is_empty(
	$$ SELECT r, c.relname FROM pg_class c, unnest(ARRAY['lastpair_api', 'lastpair_sse', 'lastpair_hooks', 'public']) r
	    WHERE c.relnamespace = 'lastpair'::regnamespace AND c.relkind IN ('r', 'v')
	      AND has_any_column_privilege(r, c.oid, 'SELECT, INSERT, UPDATE, REFERENCES') $$,
	'nor any column of one');
SELECT is_empty(
	$$ SELECT r, c.relname FROM pg_class c, unnest(ARRAY['lastpair_api', 'lastpair_sse', 'lastpair_hooks', 'public']) r
	    WHERE c.relnamespace = 'lastpair'::regnamespace AND c.relkind = 'S'
	      AND has_sequence_privilege(r, c.oid, 'USAGE, SELECT, UPDATE') $$,
	'nor any sequence');
SELECT results_eq(
	$$ SELECT r, has_schema_privilege(r, 'api', 'USAGE'), has_schema_privilege(r, 'api', 'CREATE'),
	          has_schema_privilege(r, 'lastpair', 'USAGE'), has_schema_privilege(r, 'lastpair', 'CREATE')
	     FROM unnest(ARRAY['lastpair_api', 'lastpair_sse', 'lastpair_hooks', 'public']) r $$,
	$$ VALUES ('lastpair_api', true, false, false, false), ('lastpair_sse', true, false, false, false),
	          ('lastpair_hooks', true, false, false, false),
	          ('public', false, false, false, false) $$,
	'they see schema api alone, and make nothing in it');
SELECT is_empty(
	$$ SELECT r FROM unnest(ARRAY['lastpair_api', 'lastpair_sse', 'lastpair_hooks']) r WHERE has_schema_privilege(r, 'public', 'CREATE')
	       OR has_schema_privilege(r, 'public', 'USAGE') $$, 'nor anything in schema public');
SELECT is_empty(
	$$ SELECT rolname FROM pg_roles WHERE rolname ~ '^lastpair_(owner|api|sse|hooks)$'
	      AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls) $$,
	'none of the roles is more than a plain one');
SELECT is_empty(
	$$ SELECT m.roleid::regrole, m.member::regrole FROM pg_auth_members m
	    WHERE m.member IN ('lastpair_api'::regrole, 'lastpair_sse'::regrole, 'lastpair_hooks'::regrole) $$,
	'and none of the lesser ones is a member of another');
SELECT is_empty(
	$$ SELECT p.oid::regprocedure FROM pg_proc p WHERE p.prosecdef
	      AND p.pronamespace IN ('api'::regnamespace, 'lastpair'::regnamespace)
	      AND NOT coalesce(p.proconfig, '{}') @> ARRAY['search_path=lastpair, pg_temp'] $$,
	'every function that runs as the owner pins its search path, temporary tables last');
SELECT isnt_empty($$ SELECT FROM pg_proc WHERE prosecdef AND pronamespace = 'api'::regnamespace $$,
	'and there are such functions');
SELECT is_empty(
	$$ SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace IN ('api'::regnamespace, 'lastpair'::regnamespace)
	      AND p.proowner <> 'lastpair_owner'::regrole $$,
	'all functions are the owner''s, who is no superuser');
SELECT is_empty(
	$$ SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace IN ('api'::regnamespace, 'lastpair'::regnamespace)
	      AND p.prosrc ~* '\y(now|transaction_timestamp|statement_timestamp)\s*\(\)|\ycurrent_timestamp\y|\ylocaltimestamp\y' $$,
	'no function asks for a time that stood still while it waited for a lock');
SELECT set_has(
	$$ SELECT unnest(rolconfig) FROM pg_roles WHERE rolname = 'lastpair_api' $$,
	$$ VALUES ('synchronous_commit=off'), ('statement_timeout=4s'), ('lock_timeout=3s'),
	          ('idle_in_transaction_session_timeout=10s') $$,
	'workers commit early and wait for nothing for ever');
SELECT is_empty($$ SELECT FROM pg_roles WHERE rolname = 'lastpair_owner' AND rolconfig::text LIKE '%synchronous_commit%' $$,
	'the owner commits as usual');
SELECT set_has($$ SELECT unnest(rolconfig) FROM pg_roles WHERE rolname = 'lastpair_sse' $$,
	$$ VALUES ('default_transaction_read_only=on') $$, 'the daemon''s transactions only read');

-- The same, tried.
SELECT pg_temp.person('ada') AS ada, pg_temp.new_drop() AS drop \gset
SELECT is(pg_temp.state_as('lastpair_api', 'SELECT * FROM lastpair.users'), '42501', 'a worker can not read the users');
SELECT is(pg_temp.state_as('lastpair_api', 'UPDATE lastpair.stock SET available = 0'), '42501', 'a worker can not touch the stock');
SELECT is(pg_temp.state_as('lastpair_api', 'SELECT lastpair.audit()'), '42501', 'a worker can not audit');
SELECT is(pg_temp.state_as('lastpair_sse', format('SELECT * FROM api.reserve(%s, %L, %L, NULL, NULL, NULL)', :drop,
	ARRAY[gen_random_uuid()], ARRAY[pg_temp.s('ada')])), '42501', 'the daemon can not reserve');
SELECT is(pg_temp.state_as('lastpair_api', format('SELECT * FROM api.reserve(%s, %L, %L, NULL, NULL, NULL)', :drop,
	ARRAY[gen_random_uuid()], ARRAY[pg_temp.s('ada')])), '00000', 'a worker can reserve');
SELECT is(pg_temp.state_as('lastpair_api', $$ SELECT * FROM api.webhook_due('{}', 1) $$), '42501', 'a worker can not read the secrets of webhooks');
SELECT is(pg_temp.state_as('lastpair_sse', 'SELECT * FROM api.stream_poll(NULL, NULL)'), '00000', 'the daemon can read the stock');

SELECT * FROM finish();
ROLLBACK;
