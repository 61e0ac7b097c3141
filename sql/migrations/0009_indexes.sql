-- concurrently
-- What migrations before this one did, or would have done, with a lock that keeps buyers waiting on a
-- large store. One that has it already is left as it is.

-- All reservations of one drop, among those of all others: which parts of the table they
-- may be in. Tried with ten million of others: 144 kB, and 10 ms to find a drop's none, 50 ms with
-- twenty thousand of its own. A row that is added at the end costs nothing that could be measured, one
-- written into a part that is summed up already 4 us; an ordinary index on (drop_id, created_at)
-- takes 11 us for each. The condition is always true, but only a query that says it, too, can take
-- this index: nothing that looks for one user's hold ever does.
CREATE INDEX CONCURRENTLY IF NOT EXISTS reservations_drop
	ON lastpair.reservations USING brin (drop_id int8_bloom_ops (n_distinct_per_range = 64, false_positive_rate = 0.01))
	WITH (pages_per_range = 128, autosummarize = on) WHERE price_cents >= 0;

-- 0006 left unsaid whether the users of then keep to it.
ALTER TABLE lastpair.users VALIDATE CONSTRAINT users_password_hash_check;

-- As 0004 calls it where it is run anew.
ALTER INDEX IF EXISTS lastpair.reservations_due RENAME TO reservations_lapsed;
