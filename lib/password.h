/* Password hashes: bcrypt by libcrypt. */
#ifndef LP_PASSWORD_H
#define LP_PASSWORD_H

#include <stdbool.h>
#include <stddef.h>

#define PASSWORD_MIN_CHARACTERS	8
#define PASSWORD_MAX_BYTES	72	/* bcrypt ignores what comes after */
#define PASSWORD_HASH_LEN	61	/* with the NUL */

/* Hashes `password` at `cost` (2 to the power of cost rounds: crypt(5)). About
 * 100 ms of CPU at cost 11. False when the system gives no salt or the cost is
 * none. */
bool password_hash(const char *password, int cost, char out[PASSWORD_HASH_LEN]);

/* Whether `password` is the one behind `hash`, in time that does not depend on
 * where they differ. With `hash` NULL (no such user) it works as long at `cost`,
 * and says no. */
bool password_verify(const char *password, const char *hash, int cost);

/* Whether `hash` is a bcrypt hash as libcrypt will take it. A malformed one would
 * silently be hashed by another method. */
bool password_hash_valid(const char *hash);

#endif
