/* A CSV file whose first line names its columns, as other systems call them. */
#ifndef LP_SHEET_H
#define LP_SHEET_H

#include <stdbool.h>
#include <stddef.h>

#include "csv.h"

#define SHEET_MAX_COLUMNS 16

/* A column that is understood. Names are compared without regard to case, `_`, `-` and
 * blanks: `dropStartsAt` is also drop_starts_at. */
struct column {
	const char *names;	/* divided by blanks, lower case, the best first */
	bool needed;
};

/* Zero-initialise. */
struct sheet {
	const char *path;	/* for messages */
	const struct column *columns;
	int count;		/* of them */
	int at[SHEET_MAX_COLUMNS];	/* where in a record each stands; -1: nowhere */
	int width;		/* fields of a record */
	char *next;		/* the rest of the text */
	int line, record_line;	/* of what is read next, and where this record began */
	char *fields[CSV_MAX_FIELDS];
};

/* Reads the line of names from `text` of `len` bytes, which is changed and must outlive the
 * sheet. Says on standard output which columns are of no use. False after a message. */
bool sheet_open(struct sheet *s, const char *path, char *text, size_t len,
    const struct column *columns, int count);

/* The next record: 1; 0 at the end; -1 after a message. Empty lines are passed over. */
int sheet_next(struct sheet *s);

/* The field of this record in a column; NULL where it is empty or there is no such column.
 * `NULL` alone is what some systems write for nothing. */
const char *sheet_field(const struct sheet *s, int column);

/* A message about this record: "PATH: line N: MESSAGE; nothing was imported". */
void sheet_wrong(const struct sheet *s, const char *field, const char *message);

#endif
