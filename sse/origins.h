/* The web origins (RFC 6454) whose pages may read the stream from the daemon itself. */
#ifndef SSE_ORIGINS_H
#define SSE_ORIGINS_H

struct origins;

/* Reads a list that origins_wrong() finds nothing wrong with. NULL after a line in the log: memory
 * is out. */
struct origins *origins_new(const char *list);
void origins_free(struct origins *o);	/* NULL is harmless */

/* The header lines, each with its CRLF, that allow a page of `origin` to read the
 * answer; they live as long as *o. NULL: it is not on the list. */
const char *origins_fields(const struct origins *o, const char *origin);

#endif
