-- The plans that must not flip, of a store that was analyzed when it had a hundred customers: see plans.psql.
BEGIN;
\ir setup.psql
SELECT plan(43);
\set analyzed true
\set warm true
\ir plans.psql
SELECT * FROM finish();
ROLLBACK;
