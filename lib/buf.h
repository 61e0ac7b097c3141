/* A growing run of bytes, always ended by a NUL that is not counted. */
#ifndef LP_BUF_H
#define LP_BUF_H

#include <stdbool.h>
#include <stddef.h>

/* Zero-initialise; `data` is owned by the buf and NULL while nothing was
 * added. After a failed allocation `failed` stays set, what was there stays,
 * and further additions are ignored: look once, at the end. */
struct buf {
	char *data;
	size_t len, cap;
	bool failed;
};

void buf_add(struct buf *b, const void *data, size_t len);
void buf_puts(struct buf *b, const char *s);
void buf_printf(struct buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Adds `s` as a JSON string with its quotes, escaped as RFC 8259 requires.
 * `s` is UTF-8. */
void buf_json(struct buf *b, const char *s);

/* Empties the buf and keeps its memory. */
void buf_clear(struct buf *b);
void buf_free(struct buf *b);

#endif
