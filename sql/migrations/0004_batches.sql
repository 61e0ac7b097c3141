-- concurrently
-- api.reserve() gained a parameter and makes its answers itself: what was there
-- before goes, or calls would be ambiguous. (Functions are made anew after this.)
DROP FUNCTION IF EXISTS api.reserve(bigint, uuid[], uuid[], text[], text[], text[]);

DROP FUNCTION IF EXISTS lastpair.reserve_body(lastpair.reservations, json, timestamptz);

-- The index of lapsed holds serves those who ask by expires_at, and nobody else: the
-- second condition is always true, but only what compares expires_at implies it. Without it a
-- search for one user's hold of a drop might walk through all holds of the drop.
CREATE INDEX CONCURRENTLY IF NOT EXISTS reservations_lapsed
	ON lastpair.reservations (expires_at, drop_id) WHERE status = 'active' AND expires_at IS NOT NULL;

DROP INDEX CONCURRENTLY IF EXISTS lastpair.reservations_due;
