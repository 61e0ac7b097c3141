/* The import of users: CSV in, lines of COPY out. */
#include "../../ctl/users.c"

#include "fuzz.h"

/* In the place of the other files of lastpairctl: nothing of theirs is called here. */
PGconn *
ctl_connect(const struct ctl *ctl)
{
	(void)ctl;
	return NULL;
}

PGresult *
ctl_query(PGconn *pg, const char *sql, int count, const char *const *params)
{
	(void)pg, (void)sql, (void)count, (void)params;
	return NULL;
}

bool
ctl_do(PGconn *pg, const char *sql)
{
	(void)pg, (void)sql;
	return false;
}

bool
ctl_read(const char *path, size_t max, struct buf *out)
{
	(void)path, (void)max, (void)out;
	return false;
}

void
ctl_publish(const struct ctl *ctl, const char *messages)
{
	(void)ctl, (void)messages;
}

/* Each line is a number and four fields, none of which PostgreSQL would read otherwise: of
 * the control characters only the tabs between them. */
static void
check_copy(const char *s, long users)
{
	long lines = 0;
	int tabs = 0;

	must(fuzz_utf8(s));
	for (; *s != '\0'; s++) {
		must((unsigned char)*s >= 0x20 || *s == '\t' || *s == '\n');
		if (*s == '\\')
			must(*++s == '\\');	/* no \N, \. or the like */
		tabs += *s == '\t';
		if (*s != '\n')
			continue;
		must(tabs == 4);
		tabs = 0;
		lines++;
	}
	must(tabs == 0 && lines == users);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf text = { .data = fuzz_text(data, size), .len = size, .cap = size + 1 };
	struct buf copy = { 0 };
	long users = to_copy("users.csv", &text, &copy);

	must(users >= -1);
	if (users >= 0)
		check_copy(copy.data != NULL ? copy.data : "", users);
	buf_free(&text);
	buf_free(&copy);
	return 0;
}
