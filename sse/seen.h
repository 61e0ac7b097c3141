/* Remembers some thousands of the newest purchases, so that one that is told twice
 * is passed on once. */
#ifndef SSE_SEEN_H
#define SSE_SEEN_H

#include <stdbool.h>
#include <stdint.h>

struct seen;

/* NULL when memory is out. */
struct seen *seen_new(void);
void seen_free(struct seen *s);

/* Notes a purchase; whether it was not known. */
bool seen_add(struct seen *s, int64_t drop, const char *username, const char *at);

#endif
