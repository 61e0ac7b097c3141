/* What people may be called and sign in with: the same rules for the API, the
 * import and the command line. */
#ifndef LP_INPUT_H
#define LP_INPUT_H

#include <stdbool.h>
#include <stddef.h>

/* Each returns NULL when `s` (UTF-8) will do, or a sentence that says what would. */
const char *input_username(const char *s);
const char *input_email(const char *s);
const char *input_password(const char *s);

/* Whether `s` is valid UTF-8 without control characters, direction overrides and
 * invisible characters (`newlines`: line feeds are allowed), of `min` to `max`
 * characters. */
bool input_printable(const char *s, size_t min, size_t max, bool newlines);

/* Whether nothing of `s` (UTF-8) would be seen: it is empty, or of spaces alone. */
bool input_blank(const char *s);

/* Whether `s` is a date and time of RFC 3339 with its zone, in the years 2000 to
 * 2199. */
bool input_timestamp(const char *s);

#endif
