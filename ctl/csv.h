/* Reading CSV (RFC 4180). */
#ifndef LP_CSV_H
#define LP_CSV_H

#define CSV_MAX_FIELDS 64

/* Takes the next record from *text, in place: its fields, unquoted and NUL-ended, point
 * into the text. Advances *text, and *line by the lines taken. Returns how many fields
 * there are, 0 at the end, -1 when a quote is wrong or there are too many. */
int csv_record(char **text, int *line, char *fields[CSV_MAX_FIELDS]);

#endif
