/* The import of another system's tables: CSV with a line of names in, lines of COPY out. The first byte says
 * which table. */
#include <stdio.h>

/* What it says of columns without a use would be taken for what the target says. */
#define printf(...) ((void)0)
#define putchar(c) ((void)0)
#include "../../ctl/sheet.c"
#include "../../ctl/rows.c"

#include "fuzz.h"

/* Each line has as many fields as the table has columns, and nothing that COPY would read otherwise. */
static void
check_copy(const char *s, long rows, int fields)
{
	long lines = 0;
	int tabs = 0;

	must(fuzz_utf8(s));
	for (; *s != '\0'; s++) {
		must((unsigned char)*s >= 0x20 || *s == '\t' || *s == '\n');
		if (*s == '\\')
			must(strchr("\\nrtN", *++s) != NULL && *s != '\0');
		tabs += *s == '\t';
		if (*s != '\n')
			continue;
		must(tabs == fields - 1);
		tabs = 0;
		lines++;
	}
	must(tabs == 0 && lines == rows);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct {
		read_rows *read;
		int fields;
	} tables[] = { { rows_users, 7 }, { rows_drops, 4 }, { rows_purchases, 7 } };
	size_t which = size > 0 ? data[0] % 3 : 0;
	struct buf out = { 0 };
	char *text;
	long rows;

	if (size == 0)
		return 0;
	text = fuzz_text(data + 1, size - 1);
	rows = tables[which].read("table.csv", text, size - 1, &out);
	must(rows >= -1);
	if (rows >= 0)
		check_copy(out.data != NULL ? out.data : "", rows, tables[which].fields);
	buf_free(&out);
	free(text);
	return 0;
}
