/* Identifiers that cannot be guessed or counted. */
#ifndef LP_UUID_H
#define LP_UUID_H

#include <stdbool.h>

#define UUID_TEXT_LEN 37	/* with the NUL */

/* Writes a version 7 UUID (RFC 9562, section 5.7): milliseconds, then 74 random
 * bits from the kernel. Being in order of time they keep an index's inserts
 * together; being random nobody can guess the next. Ends the process when the
 * kernel gives no randomness. Thread-safe; not for a process that forks after the
 * first, whose child would make the same ones. */
void uuid_new(char out[UUID_TEXT_LEN]);

/* Whether `s` is a UUID in its usual text form, either case. */
bool uuid_valid(const char *s);

#endif
