/* Reading UTF-8 (RFC 3629). */
#ifndef LP_UTF8_H
#define LP_UTF8_H

#include <stdint.h>

/* Takes the next character from *s, which must lie before `end`, and advances *s over it.
 * -1, without advancing, when the bytes are no UTF-8: overlong, a surrogate, beyond
 * U+10FFFF, or cut short. */
int32_t utf8_next(const char **s, const char *end);

#endif
