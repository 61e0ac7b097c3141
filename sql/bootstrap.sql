-- Run once by a superuser, in the store's database, before `lastpairctl migrate`;
-- harmless when run again:
--     createdb lastpair
--     psql -d lastpair -f bootstrap.sql
--
-- Four roles. The owner holds the schema and migrates it; lastpairctl uses it.
-- Workers and expiry may only execute functions of schema api, the event daemon only
-- those that read what is public, and who delivers webhooks only those of the outbox.
SELECT format('CREATE ROLE %I LOGIN', r)
  FROM unnest(ARRAY['lastpair_owner', 'lastpair_api', 'lastpair_sse', 'lastpair_hooks']) r
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = r)
\gexec

-- The early release of row locks (see lib/db.h): a worker's transactions commit
-- without waiting for the disk, and api.durable() waits before the answer goes out.
ALTER ROLE lastpair_api SET synchronous_commit = off;
ALTER ROLE lastpair_hooks SET synchronous_commit = off;

-- Every call is short: compiling its plan would take longer than running it.
ALTER ROLE lastpair_api SET jit = off;
ALTER ROLE lastpair_sse SET jit = off;
ALTER ROLE lastpair_hooks SET jit = off;

-- A table that was empty or small when a session first planned, or that nobody has
-- analyzed yet, must not be scanned once it has grown: every query here is an index probe.
ALTER ROLE lastpair_api SET enable_seqscan = off;
ALTER ROLE lastpair_api SET enable_hashjoin = off;
ALTER ROLE lastpair_api SET enable_mergejoin = off;
ALTER ROLE lastpair_sse SET enable_seqscan = off;
ALTER ROLE lastpair_sse SET enable_hashjoin = off;
ALTER ROLE lastpair_sse SET enable_mergejoin = off;

-- A call that can't end soon must not hold a lock that others wait for.
ALTER ROLE lastpair_api SET statement_timeout = '4s';
ALTER ROLE lastpair_api SET lock_timeout = '3s';
ALTER ROLE lastpair_api SET idle_in_transaction_session_timeout = '10s';
ALTER ROLE lastpair_hooks SET statement_timeout = '4s';
ALTER ROLE lastpair_hooks SET lock_timeout = '3s';
ALTER ROLE lastpair_hooks SET idle_in_transaction_session_timeout = '10s';
ALTER ROLE lastpair_sse SET statement_timeout = '4s';
ALTER ROLE lastpair_sse SET default_transaction_read_only = on;

SELECT format('ALTER DATABASE %I OWNER TO lastpair_owner', current_database())
\gexec
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database())
\gexec
SELECT format('GRANT CONNECT ON DATABASE %I TO lastpair_api, lastpair_sse, lastpair_hooks', current_database())
\gexec
REVOKE ALL ON SCHEMA public FROM PUBLIC;
