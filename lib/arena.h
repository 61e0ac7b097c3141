/* Memory that lives as long as one request and is given back at once. */
#ifndef LP_ARENA_H
#define LP_ARENA_H

#include <stddef.h>

struct arena;

/* A new, empty arena; ends the process with a message when memory is out. */
struct arena *arena_new(void);

/* Gives back everything taken from `a` and runs its clean-ups, newest first.
 * The arena may be used again. */
void arena_reset(struct arena *a);

/* arena_reset() and the arena itself; NULL is harmless. */
void arena_free(struct arena *a);

/* `size` bytes, zeroed, aligned for any type, valid until the next reset.
 * Never NULL: ends the process when memory is out (the supervisor starts
 * another, and nothing is half done, since a request is one transaction). */
void *arena_alloc(struct arena *a, size_t size);

/* A copy of the first `len` bytes of `s`, with a NUL after them. */
char *arena_strndup(struct arena *a, const char *s, size_t len);

/* The texts one behind the other; the last argument is NULL. For long ones: formatting
 * them would take several times as long. */
char *arena_join(struct arena *a, ...) __attribute__((sentinel));

/* As sprintf(3), into memory of the arena. */
char *arena_printf(struct arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Runs `fn(ptr)` at the next reset: for what libraries allocate. */
void arena_defer(struct arena *a, void (*fn)(void *), void *ptr);

#endif
