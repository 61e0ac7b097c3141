-- The plans that must not flip, of a session that begins in the middle of a rush: see plans.psql.
BEGIN;
\ir setup.psql
SELECT plan(43);
\set analyzed false
\set warm false
\ir plans.psql
SELECT * FROM finish();
ROLLBACK;
