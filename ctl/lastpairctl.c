/* lastpairctl: administration of a store from the command line. */
#include "ctl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "publish.h"

static const char usage[] =
"Usage: lastpairctl [-c FILE] COMMAND\n\n"
"  migrate [--closed] [--sql DIR]\n"
"                          bring the database's schema up to date, while the store is open\n"
"                          or (--closed) nobody buys; by the files in DIR\n"
"  user create EMAIL [--username U] [--admin]\n"
"                          make a user; the password comes from standard input; with\n"
"                          --admin also changes a user that exists\n"
"  user import FILE        users from CSV: username,email,password_hash,role\n"
"  user revoke EMAIL       end every session of a user\n"
"  token FILE              a fresh token for each e-mail address, a line each\n"
"  drop create [FILE]      make a drop from a JSON document, as POST /api/drops takes it\n"
"  drop list               all drops as JSON, as GET /api/drops shows them\n"
"  import [--users FILE] [--drops FILE] [--purchases FILE]\n"
"                          take over another system's, from CSV with a line of names\n"
"  config                  every setting as it is in force, and where it stands\n"
"  config --check FILE     whether FILE could be the settings\n"
"  top [-n COUNT]          the store at work, each second\n"
"  webhook add URL [--events LIST]\n"
"                          deliver sale, sold_out and drop_opened to a URL, or those of\n"
"                          them that LIST names (with commas); prints the secret\n"
"  webhook list [ID]       all endpoints, or the events of one, what failed first\n"
"  webhook remove ID       deliver nothing there any more\n"
"  webhook replay ID [EVENT]\n"
"                          deliver an event again, or all that were given up\n"
"  webhook rotate ID       a new secret; the old one signs as well for a day\n"
"  webhook test ID         deliver an event of the type test, and say what came of it\n"
"  audit                   check everything that must always be true\n"
"  db [ARGS]               psql on the store's database, as its owner\n\n"
"FILE is - for standard input.";

static const struct {
	const char *group, *name;	/* a command of one word has no group */
	command *run;
	int min, max;			/* arguments; -1: any number */
	bool bare;			/* reads the settings itself, if it wants any */
} commands[] = {
	{ NULL, "migrate", cmd_migrate, 0, 3, false },
	{ "user", "create", cmd_user_create, 1, 4, false },
	{ "user", "import", cmd_user_import, 1, 1, false },
	{ "user", "revoke", cmd_user_revoke, 1, 1, false },
	{ NULL, "token", cmd_token, 1, 1, false },
	{ NULL, "import", cmd_import, 2, 6, false },
	{ "drop", "create", cmd_drop_create, 0, 1, false },
	{ "drop", "list", cmd_drop_list, 0, 0, false },
	{ "webhook", "add", cmd_webhook_add, 1, 3, false },
	{ "webhook", "list", cmd_webhook_list, 0, 1, false },
	{ "webhook", "remove", cmd_webhook_remove, 1, 1, false },
	{ "webhook", "replay", cmd_webhook_replay, 1, 2, false },
	{ "webhook", "rotate", cmd_webhook_rotate, 1, 1, false },
	{ "webhook", "test", cmd_webhook_test, 1, 1, false },
	{ NULL, "config", cmd_config, 0, 2, true },
	{ NULL, "top", cmd_top, 0, 2, false },
	{ NULL, "audit", cmd_audit, 0, 0, false },
	{ NULL, "db", cmd_db, 0, -1, false },
};

int
ctl_fail(const char *fmt, ...)
{
	va_list ap;

	fputs("lastpairctl: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return EXIT_FAILURE;
}

PGconn *
ctl_connect(const struct ctl *ctl)
{
	const char *keys[] = { "dbname", "user", "application_name", "client_encoding", NULL };
	const char *values[] = { ctl->conf.database, ctl->conf.database_user_owner,
	    "lastpairctl", "UTF8", NULL };
	PGconn *pg = PQconnectdbParams(keys, values, 1);

	if (PQstatus(pg) != CONNECTION_OK) {
		ctl_fail("%.*s", (int)strcspn(PQerrorMessage(pg), "\n"), PQerrorMessage(pg));
		if (strstr(PQerrorMessage(pg), "Peer authentication") != NULL)
			ctl_fail("PostgreSQL lets in the system's user of that name alone: runuser -u %s -- lastpairctl ...",
			    ctl->conf.database_user_owner);
		PQfinish(pg);
		return NULL;
	}
	return pg;
}

PGresult *
ctl_query(PGconn *pg, const char *sql, int count, const char *const *params)
{
	PGresult *r = PQexecParams(pg, sql, count, NULL, params, NULL, NULL, 0);

	if (PQresultStatus(r) == PGRES_TUPLES_OK || PQresultStatus(r) == PGRES_COMMAND_OK)
		return r;
	ctl_fail("%.*s", (int)strcspn(PQerrorMessage(pg), "\n"), PQerrorMessage(pg));
	PQclear(r);
	return NULL;
}

bool
ctl_do(PGconn *pg, const char *sql)
{
	PGresult *r = ctl_query(pg, sql, 0, NULL);

	PQclear(r);
	return r != NULL;
}

bool
ctl_read(const char *path, size_t max, struct buf *out)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	char chunk[16384];
	size_t n;
	bool ok;

	if (f == NULL) {
		ctl_fail("%s: %s", path, strerror(errno));
		return false;
	}
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0 && out->len <= max)
		buf_add(out, chunk, n);
	ok = !ferror(f) && !out->failed && out->len <= max;
	if (ferror(f))
		ctl_fail("%s: %s", path, strerror(errno));
	else if (!ok)
		ctl_fail("%s: larger than %zu bytes", path, max);
	if (f != stdin)
		fclose(f);
	buf_puts(out, "");	/* empty input is an empty text, not NULL */
	return ok;
}

void
ctl_publish(const struct ctl *ctl, const char *messages)
{
	struct publisher *p = publisher_new(&ctl->conf);

	if (p != NULL)
		publish_lines(p, messages);
	publisher_free(p);
}

/* Whether argv names this command; *words is how many words that took. */
static bool
named(size_t i, int argc, char **argv, int *words)
{
	*words = commands[i].group != NULL ? 2 : 1;
	if (argc < *words || (commands[i].group != NULL && strcmp(argv[0], commands[i].group) != 0))
		return false;
	return strcmp(argv[*words - 1], commands[i].name) == 0;
}

/* Says what there is of commands that begin with this word, or that there is none. */
static void
no_command(const struct options *o, const char *word)
{
	char names[128] = "";
	size_t len = 0;

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (commands[i].group != NULL && strcmp(commands[i].group, word) == 0 &&
		    len < sizeof(names))
			len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s",
			    len > 0 ? ", " : "", commands[i].name);
	if (len > 0)
		options_wrong(o, "%s what? There is: %s", word, names);
	options_wrong(o, "there is no command '%s'", word);
}

int
main(int argc, char **argv)
{
	struct options o = { .program = "lastpairctl", .usage = usage };
	int at = options_parse(&o, argc, argv), words;
	struct ctl ctl = { .options = &o };

	log_open("lastpairctl");
	if (at == argc)
		options_wrong(&o, "a command is missing");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		int rc;

		if (!named(i, argc - at, argv + at, &words))
			continue;
		ctl.argc = argc - at - words;
		ctl.argv = argv + at + words;
		if (ctl.argc < commands[i].min || (commands[i].max >= 0 && ctl.argc > commands[i].max))
			options_wrong(&o, "%s%s%s: wrong number of arguments",
			    commands[i].group != NULL ? commands[i].group : "",
			    commands[i].group != NULL ? " " : "", commands[i].name);
		if (!commands[i].bare)
			options_conf(&o, &ctl.conf);
		rc = commands[i].run(&ctl);
		conf_free(&ctl.conf);
		if (fflush(stdout) != 0)
			rc = ctl_fail("standard output: %s", strerror(errno));
		return rc;
	}
	no_command(&o, argv[at]);
}
