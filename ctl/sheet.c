/* A CSV file whose first line names its columns. */
#include "sheet.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "ctl.h"

#define MAX_NAME 64

void
sheet_wrong(const struct sheet *s, const char *field, const char *message)
{
	ctl_fail("%s: line %d: %s%s%s; nothing was imported", s->path, s->record_line, field,
	    field[0] != '\0' ? ": " : "", message);
}

/* A name as it is compared: lower case, without what different systems put between words. */
static void
plain_name(const char *s, char out[MAX_NAME])
{
	size_t len = 0;

	if (strncmp(s, "\xef\xbb\xbf", 3) == 0)	/* some write a byte order mark */
		s += 3;
	for (; *s != '\0' && len < MAX_NAME - 1; s++)
		if (strchr("_- ", *s) == NULL)
			out[len++] = (char)tolower((unsigned char)*s);
	out[len] = '\0';
}

/* The place of a name in a list of names, from 1; 0: it is not there. */
static int
rank(const char *names, const char *name)
{
	size_t len = strlen(name);
	int n = 1;

	for (const char *s = names; *s != '\0'; n++) {
		size_t l = strcspn(s, " ");

		if (l == len && strncmp(s, name, len) == 0)
			return n;
		s += l + strspn(s + l, " ");
	}
	return 0;
}

/* Where the best name of a column stands in the line of names; -1: nowhere. */
static int
find(const struct sheet *s, const struct column *c)
{
	int best = 0, at = -1;

	for (int i = 0; i < s->width; i++) {
		char name[MAX_NAME];
		int r;

		plain_name(s->fields[i], name);
		r = rank(c->names, name);
		if (r != 0 && (best == 0 || r < best)) {
			best = r;
			at = i;
		}
	}
	return at;
}

/* What is not understood is said, so that nobody believes it was taken over. */
static void
name_useless(const struct sheet *s)
{
	bool any = false;

	for (int i = 0; i < s->width; i++) {
		bool used = false;

		for (int c = 0; c < s->count; c++)
			used = used || s->at[c] == i;
		if (!used)
			printf("%s%s", any ? ", " : "columns not used: ", s->fields[i]);
		any = any || !used;
	}
	if (any)
		putchar('\n');
}

bool
sheet_open(struct sheet *s, const char *path, char *text, size_t len,
    const struct column *columns, int count)
{
	*s = (struct sheet){ .path = path, .columns = columns, .count = count, .next = text,
	    .line = 1, .record_line = 1 };
	if (strlen(text) != len) {
		ctl_fail("%s: there is a NUL byte in it", path);
		return false;
	}
	s->width = csv_record(&s->next, &s->line, s->fields);
	if (s->width <= 0) {
		sheet_wrong(s, "", "the first line has to name the columns");
		return false;
	}
	for (int c = 0; c < count; c++) {
		s->at[c] = find(s, &columns[c]);
		if (s->at[c] < 0 && columns[c].needed) {
			char names[MAX_NAME * 2];

			snprintf(names, sizeof(names), "a column is missing, called one of: %s", columns[c].names);
			sheet_wrong(s, "", names);
			return false;
		}
	}
	name_useless(s);
	return true;
}

int
sheet_next(struct sheet *s)
{
	int count;

	do {
		s->record_line = s->line;
		count = csv_record(&s->next, &s->line, s->fields);
	} while (count == 1 && s->fields[0][0] == '\0' && s->width > 1);
	if (count == 0)
		return 0;
	if (count == s->width)
		return 1;
	sheet_wrong(s, "", count < 0 ? "a quote is not closed, or something follows it" :
	    "it has more or fewer fields than the first line names");
	return -1;
}

const char *
sheet_field(const struct sheet *s, int column)
{
	const char *value = s->at[column] >= 0 ? s->fields[s->at[column]] : "";

	return value[0] == '\0' || strcmp(value, "NULL") == 0 ? NULL : value;
}
