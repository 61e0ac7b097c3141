/* Lists that go to PostgreSQL as arrays: what is read back must be what went in. Each line is
 * one item; an empty one is NULL. */
#include <stdlib.h>
#include <string.h>

#include "db.h"
#include "fuzz.h"

#define ITEMS 64

/* Reads one quoted item from `s` by PostgreSQL's rules; returns what follows it. */
static const char *
check_item(const char *s, const char *wanted)
{
	must(*s++ == '"');
	for (; *s != '"'; s++) {
		if (*s == '\\')
			s++;
		must(*s != '\0' && *s == *wanted++);
	}
	must(*wanted == '\0');
	return s + 1;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	char *items[ITEMS], *array;
	const char *s;
	int count = 0;

	while (count < ITEMS && (items[count] = fuzz_line(&in, NULL)) != NULL) {
		if (*items[count] == '\0') {
			free(items[count]);
			items[count] = NULL;
		}
		count++;
	}
	array = db_array((const char *const *)items, count);
	must(array != NULL);
	s = array;
	must(*s++ == '{');
	for (int i = 0; i < count; i++) {
		if (i > 0)
			must(*s++ == ',');
		if (items[i] != NULL) {
			s = check_item(s, items[i]);
		} else {
			must(strncmp(s, "NULL", 4) == 0);
			s += 4;
		}
	}
	must(strcmp(s, "}") == 0);
	free(array);
	for (int i = 0; i < count; i++)
		free(items[i]);
	return 0;
}
