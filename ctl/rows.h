/* Rows of another system's users, drops and purchases: CSV in, lines of COPY out. */
#ifndef LP_ROWS_H
#define LP_ROWS_H

#include "buf.h"

/* Each reads a file's `text` (`path` is for messages), which it changes, and adds to `out` a
 * line a row, for the table named in import.c. Returns how many there are; -1 after a message that names the
 * first line that is wrong. */
typedef long read_rows(const char *path, char *text, size_t len, struct buf *out);

read_rows rows_users, rows_drops, rows_purchases;

#endif
