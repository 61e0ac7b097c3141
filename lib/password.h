/* Password hashes: bcrypt by libcrypt, of an HMAC of the password, since bcrypt looks at
 * 72 bytes and no further.
 *
 * A hash of ours is `hmac-sha256` and then what crypt(5) writes, of the password's
 * HMAC-SHA256 in base64; its key is the 22 characters of the salt, so that no hash of another
 * system can be tried against it. One without that mark was made by another system (or an
 * earlier release), and is compared as that made it. */
#ifndef LP_PASSWORD_H
#define LP_PASSWORD_H

#include <stdbool.h>
#include <stddef.h>

#define PASSWORD_MIN_CHARACTERS	8
#define PASSWORD_MAX_BYTES	1024	/* all of which count */
#define PASSWORD_HASH_LEN	72	/* with mark and NUL */

/* Hashes `password` at `cost` (2 to the power of cost rounds: crypt(5)). About
 * 100 ms of CPU at cost 11. False when the system gives no salt or the cost is
 * none. */
bool password_hash(const char *password, int cost, char out[PASSWORD_HASH_LEN]);

/* Whether `password` is the one behind `hash`, in time that does not depend on
 * where they differ. It says no as late for `hash` NULL (no such user), and for a hash of a
 * lower cost, as for one of `cost`. */
bool password_verify(const char *password, const char *hash, int cost);

/* Whether `hash` is one of ours, or a bcrypt hash as libcrypt will take it. A malformed
 * one would silently be hashed by another method. */
bool password_hash_valid(const char *hash);

/* Whether this is one of the passwords that are tried first, whatever the case. */
bool password_common(const char *password);

#endif
