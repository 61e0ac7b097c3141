/* lastpairctl config: the settings in force, and whether a file could be. */
#include <stdlib.h>
#include <string.h>

#include "ctl.h"

#define MASK	"********"
#define COLUMN	56	/* where it is said where a setting stands */

/* Adds a value as libpq reads it: in quotes if it has to be. */
static void
add_quoted(struct buf *out, const char *value)
{
	if (value[0] != '\0' && strpbrk(value, " \t'\\") == NULL) {
		buf_puts(out, value);
		return;
	}
	buf_puts(out, "'");
	for (; *value != '\0'; value++) {
		if (*value == '\'' || *value == '\\')
			buf_puts(out, "\\");
		buf_add(out, value, 1);
	}
	buf_puts(out, "'");
}

/* A connection string without its secrets, which libpq tells from the rest; hidden altogether
 * when libpq can't take it apart. */
static void
add_conninfo(struct buf *out, const char *value)
{
	PQconninfoOption *all = PQconninfoParse(value, NULL);
	bool first = true;

	if (all == NULL) {
		buf_puts(out, MASK);
		return;
	}
	for (PQconninfoOption *o = all; o->keyword != NULL; o++) {
		if (o->val == NULL)
			continue;
		buf_printf(out, "%s%s=", first ? "" : " ", o->keyword);
		first = false;
		if (o->dispchar[0] == '*')
			buf_puts(out, MASK);
		else
			add_quoted(out, o->val);
	}
	PQconninfoFree(all);
}

static void
print_setting(const struct conf_setting *s, const char *value, const char *path)
{
	int n = printf("%s = %s%s%s", s->name, value, s->unit != NULL ? " " : "",
	    s->unit != NULL ? s->unit : "");

	printf("%*s# ", n < COLUMN ? COLUMN - n : 1, "");
	if (s->line == 0)
		puts("default");
	else
		printf("%s:%d\n", path, s->line);
}

static bool
is_conninfo(const struct conf_setting *s)
{
	return strcmp(s->name, "database") == 0 || strcmp(s->name, "read_database") == 0;
}

static int
print_all(const struct conf *conf, const char *path)
{
	struct conf_setting s;
	struct buf value = { 0 }, masked = { 0 };

	for (int i = 0; buf_clear(&value), conf_setting(conf, i, &s, &value); i++) {
		const char *text = value.data != NULL ? value.data : "";

		if (is_conninfo(&s)) {
			buf_clear(&masked);
			add_conninfo(&masked, text);
			text = masked.data != NULL ? masked.data : "";
		}
		print_setting(&s, text, path);
	}
	buf_free(&value);
	buf_free(&masked);
	return EXIT_SUCCESS;
}

int
cmd_config(struct ctl *ctl)
{
	const char *path = ctl->options->conf_path;
	bool check = ctl->argc > 0;

	if (check && (ctl->argc != 2 || strcmp(ctl->argv[0], "--check") != 0))
		options_wrong(ctl->options, "config: --check FILE, or nothing");
	if (check)
		path = ctl->argv[1];
	if (!conf_load(&ctl->conf, path))
		return EXIT_FAILURE;
	if (!check)
		return print_all(&ctl->conf, path);
	printf("%s: fine\n", path);
	return EXIT_SUCCESS;
}
