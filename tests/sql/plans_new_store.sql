-- The plans that must not flip, of a store that nobody has analyzed yet: see plans.psql.
BEGIN;
\ir setup.psql
SELECT plan(43);
\set analyzed false
\set warm true
\ir plans.psql
SELECT * FROM finish();
ROLLBACK;
