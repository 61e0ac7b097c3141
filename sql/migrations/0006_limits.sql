-- What is remembered of misuse: tries to sign in from many places, holds left to lapse. And
-- passwords of any length.

-- A hash of ours is marked: what bcrypt was given is not the password but an HMAC of it, since
-- bcrypt looks at 72 bytes and no further. One without the mark is as another system made it.
-- (NOT VALID: to look through all users would keep everybody waiting; 0009 does.)
ALTER TABLE lastpair.users
	DROP CONSTRAINT users_password_hash_check,
	ADD CONSTRAINT users_password_hash_check
		CHECK (password_hash ~ '^(hmac-sha256)?\$2[aby]\$[0-9]{2}\$[./A-Za-z0-9]{53}$') NOT VALID;
COMMENT ON COLUMN lastpair.users.password_hash IS
	'bcrypt, as crypt(5) writes it; after hmac-sha256: of the password''s HMAC (see lib/password.h)';

COMMENT ON TABLE lastpair.sign_in_failures IS
	'wrong passwords by account and by where they came from, so that a stranger''s tries do not lock out the owner; '
	'with an empty address those for an account from all places it never signed in at, with an empty e-mail those from one place';

CREATE INDEX sign_in_failures_age ON lastpair.sign_in_failures (since);

CREATE TABLE lastpair.sign_in_places (
	user_id bigint NOT NULL REFERENCES lastpair.users,
	place text NOT NULL,
	at timestamptz NOT NULL,
	PRIMARY KEY (user_id, place)
);
CREATE INDEX sign_in_places_age ON lastpair.sign_in_places (at);
COMMENT ON TABLE lastpair.sign_in_places IS
	'where a user has signed in: wrong passwords from anywhere else do not keep them from signing in there again';
COMMENT ON COLUMN lastpair.sign_in_places.at IS 'the last time, to the day';

CREATE TABLE lastpair.lapses (
	user_id bigint NOT NULL,
	drop_id bigint NOT NULL,
	holds integer NOT NULL CHECK (holds > 0),
	seconds integer NOT NULL,
	last_at timestamptz NOT NULL,
	PRIMARY KEY (user_id, drop_id)
);
CREATE INDEX lapses_age ON lastpair.lapses (last_at);
COMMENT ON TABLE lastpair.lapses IS 'holds that a user let lapse one soon after the other, a drop: see judge()';
COMMENT ON COLUMN lastpair.lapses.seconds IS 'that they kept a pair, together';
COMMENT ON COLUMN lastpair.lapses.last_at IS 'when the last of them was over';

ALTER TABLE lastpair.drops
	ADD COLUMN cool_down_seconds integer NOT NULL DEFAULT 60 CHECK (cool_down_seconds BETWEEN 0 AND 3600);
COMMENT ON COLUMN lastpair.drops.cool_down_seconds IS
	'how long at most somebody who lets holds lapse waits for the next one: see judge(); 0: not at all';
