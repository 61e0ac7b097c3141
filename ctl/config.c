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
 * when it is none. False then. */
static bool
add_conninfo(struct buf *out, const char *value)
{
	PQconninfoOption *all = PQconninfoParse(value, NULL);
	bool first = true;

	if (all == NULL) {
		buf_puts(out, MASK);
		return false;
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
	return true;
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
	return strcmp(s->name, "database") == 0;
}

static int
print_all(const struct conf *conf, const char *path)
{
	struct conf_setting s;
	struct buf value = { 0 }, masked = { 0 };

	for (int i = 0; buf_clear(&value), conf_setting(conf, i, &s, &value); i++) {
		const char *text = value.data != NULL ? value.data : "";

		if (is_conninfo(&s)) {
			add_conninfo(&masked, text);
			text = masked.data != NULL ? masked.data : "";
		}
		print_setting(&s, text, path);
	}
	buf_free(&value);
	buf_free(&masked);
	return EXIT_SUCCESS;
}

/* What only libpq knows of a file that is else fine. */
static bool
check_conninfo(const struct conf *conf, const char *path)
{
	struct conf_setting s;
	struct buf value = { 0 }, unused = { 0 };
	bool ok = true;

	for (int i = 0; buf_clear(&value), conf_setting(conf, i, &s, &value); i++) {
		if (!is_conninfo(&s) || add_conninfo(&unused, value.data != NULL ? value.data : ""))
			continue;
		fprintf(stderr, "%s:%d: %s is no connection string of libpq (such as host=db.example "
		    "dbname=lastpair)\n", path, s.line, s.name);
		ok = false;
	}
	buf_free(&value);
	buf_free(&unused);
	return ok;
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
	if (!check_conninfo(&ctl->conf, path))
		return EXIT_FAILURE;
	printf("%s: fine\n", path);
	return EXIT_SUCCESS;
}
