/* Reading CSV. */
#include "csv.h"

#include <string.h>

/* Unquotes the field that begins with a quote at `s`; returns what follows its closing
 * quote, or NULL when there is none. */
static char *
unquote(char *s, int *line)
{
	char *out = s;

	for (s++; *s != '\0'; s++) {
		if (*s == '"' && s[1] != '"') {
			*out = '\0';
			return s + 1;
		}
		if (*s == '"')
			s++;
		if (*s == '\n')
			++*line;
		*out++ = *s;
	}
	return NULL;
}

int
csv_record(char **text, int *line, char *fields[CSV_MAX_FIELDS])
{
	char *s = *text;
	int count = 0;

	if (*s == '\0')
		return 0;
	for (;;) {
		char end;

		if (count == CSV_MAX_FIELDS)
			return -1;
		fields[count++] = s;
		if (*s == '"') {
			char *after = unquote(s, line);

			if (after == NULL || strchr(",\r\n", *after) == NULL)
				return -1;
			s = after;
		} else {
			s += strcspn(s, ",\r\n\"");
			if (*s == '"')
				return -1;
		}
		end = *s;
		if (end != '\0')
			*s++ = '\0';
		if (end == ',')
			continue;
		if (end == '\r' && *s == '\n')
			s++;
		if (end != '\0')
			++*line;
		*text = s;
		return count;
	}
}
