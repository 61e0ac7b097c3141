/* Many rows at once, by PostgreSQL's COPY in its text format. */
#ifndef LP_COPY_H
#define LP_COPY_H

#include <libpq-fe.h>
#include <stdbool.h>

#include "buf.h"

/* Adds a field and what follows it, a tab or a line's end. NULL is PostgreSQL's NULL. */
void copy_field(struct buf *b, const char *s, char end);

/* Puts lines of fields into a table, by `sql` (COPY ... FROM STDIN). False after a message. */
bool copy_in(PGconn *pg, const char *sql, const struct buf *lines);

#endif
