/* lastpairctl migrate: the schema brought up to date while the store is open.
 *
 * A migration runs in a transaction, and neither waits for a lock nor goes on for longer than
 * sales may stand still for it: what takes longer is undone and tried again. One whose first
 * line is `-- concurrently` runs statement by statement, each of them one that stops nobody
 * however long it takes. docs/upgrade.md has the rules. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "ctl.h"
#include "step.h"

#define MAX_SQL		(4 * 1024 * 1024)
#define LOCK_MS		80	/* how long others may queue behind a lock that is waited for */
#define TRY_MS		30000	/* until a lock that is never free is given up */
#define SLOW_TRIES	6	/* until what takes too long by itself is given up */
#define OTHER_MS	10000	/* waiting for another migrate */

static const char concurrently[] = "-- concurrently\n";

/* One run of the command. */
struct run {
	PGconn *pg, *watch;	/* the second looks whether the first is in anybody's way */
	const char *dir;	/* of migrations and functions */
	bool closed;		/* nobody buys meanwhile: take the time it takes */
};

static int
sql_only(const struct dirent *d)
{
	size_t len = strlen(d->d_name);

	return len > 4 && strcmp(d->d_name + len - 4, ".sql") == 0;
}

/* Calls `apply` for each SQL file of a folder, in the order of their names, until one fails. */
static enum step
each_file(const struct run *run, const char *folder,
    enum step (*apply)(const struct run *run, const char *name, const char *sql))
{
	struct dirent **names;
	struct buf path = { 0 };
	enum step result = STEP_DONE;
	int count;

	buf_printf(&path, "%s/%s", run->dir, folder);
	count = scandir(path.data, &names, sql_only, alphasort);
	if (count <= 0) {
		ctl_fail("%s: %s (is sql_dir right?)", path.data,
		    count < 0 ? strerror(errno) : "no SQL files");
		buf_free(&path);
		return STEP_FAILED;
	}
	for (int i = 0; i < count; i++) {
		struct buf sql = { 0 };

		buf_clear(&path);
		buf_printf(&path, "%s/%s/%s", run->dir, folder, names[i]->d_name);
		if (result == STEP_DONE)
			result = ctl_read(path.data, MAX_SQL, &sql) ?
			    apply(run, names[i]->d_name, sql.data) : STEP_FAILED;
		buf_free(&sql);
		free(names[i]);
	}
	free(names);
	buf_free(&path);
	return result;
}

/* Whether a query with one parameter finds a row; -1 after a message. */
static int
finds(PGconn *pg, const char *sql, const char *param)
{
	PGresult *r = ctl_query(pg, sql, param != NULL ? 1 : 0, &param);
	int found = r != NULL ? PQntuples(r) > 0 : -1;

	PQclear(r);
	return found;
}

/* Waits between two tries. False when it has been tried for long enough. */
static bool
once_more(int64_t since)
{
	if (clock_ms() - since > TRY_MS)
		return false;
	clock_sleep_ms(100 + (int64_t)arc4random_uniform(400));
	return true;
}

/* In one transaction, which stops sales for a moment or is undone. */
static enum step
apply_at_once(const struct run *run, const char *name, const char *sql)
{
	char *quoted = PQescapeLiteral(run->pg, name, strlen(name));
	struct buf text = { 0 };
	int64_t since = clock_ms();
	enum step result;
	int tries = 0, slow = 0;

	buf_printf(&text, "BEGIN; SET LOCAL lock_timeout = %d; SET LOCAL synchronous_commit = off; "
	    "INSERT INTO lastpair.schema_migrations (name) VALUES (%s);\n%s\n;COMMIT",
	    run->closed ? OTHER_MS : LOCK_MS, quoted != NULL ? quoted : "NULL", sql);
	do {
		tries++;
		result = step_run(run->pg, name, text.failed ? "" : text.data,
		    run->closed ? NULL : run->watch);
		slow += result == STEP_SLOW;
	} while ((result == STEP_BUSY || result == STEP_SLOW) && slow < SLOW_TRIES && once_more(since));
	if (result == STEP_BUSY || result == STEP_SLOW)
		ctl_fail("%s: others would wait for it for more than %d ms, in each of %d tries; nothing of it "
		    "was done. Try when there are fewer, or close the store and give --closed",
		    name, STEP_MS, tries);
	PQfreemem(quoted);
	buf_free(&text);
	return result == STEP_DONE ? STEP_DONE : STEP_FAILED;
}

/* An index whose building was broken off is there, and of no use: IF NOT EXISTS would find it. */
static bool
drop_invalid(PGconn *pg, const char *sql)
{
	PGresult *r = ctl_query(pg, "SELECT format('DROP INDEX CONCURRENTLY lastpair.%I', c.relname) "
	    "FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
	    "WHERE NOT i.indisvalid AND c.relnamespace = 'lastpair'::regnamespace "
	    "AND strpos($1, c.relname) > 0", 1, &sql);
	bool ok = r != NULL;

	for (int i = 0; ok && i < PQntuples(r); i++)
		ok = step_run(pg, "an index left half built", PQgetvalue(r, i, 0), NULL) == STEP_DONE;
	PQclear(r);
	return ok;
}

/* Statement by statement, which a blank line divides. Each can be run again. */
static enum step
apply_concurrently(const struct run *run, const char *name, char *sql)
{
	PGresult *r;
	bool ok = step_run(run->pg, name, "SET lock_timeout = 0", NULL) == STEP_DONE &&
	    drop_invalid(run->pg, sql);

	for (char *s = sql, *end; ok && s != NULL; s = end) {
		end = strstr(s, "\n\n");
		if (end != NULL) {
			*end = '\0';
			end += 2;
		}
		ok = step_run(run->pg, name, s, NULL) == STEP_DONE;
	}
	if (!ok) {
		ctl_fail("%s: what stands before that is done and stays; run migrate again", name);
		return STEP_FAILED;
	}
	r = ctl_query(run->pg, "INSERT INTO lastpair.schema_migrations (name) VALUES ($1)", 1, &name);
	PQclear(r);
	return r != NULL ? STEP_DONE : STEP_FAILED;
}

static enum step
apply_migration(const struct run *run, const char *name, const char *sql)
{
	int known = finds(run->pg, "SELECT FROM lastpair.schema_migrations WHERE name = $1", name);
	char *copy = strdup(sql);
	enum step result = STEP_FAILED;

	if (known == 1)
		result = STEP_DONE;
	else if (known == 0 && copy != NULL && strncmp(sql, concurrently, strlen(concurrently)) == 0)
		result = apply_concurrently(run, name, copy);
	else if (known == 0 && copy != NULL)
		result = apply_at_once(run, name, sql);
	free(copy);
	if (known == 0 && result == STEP_DONE) {
		printf("%s\n", name);
		fflush(stdout);
	}
	return result;
}

static enum step
apply_function(const struct run *run, const char *name, const char *sql)
{
	return step_run(run->pg, name, sql, NULL);
}

/* All of them or none. Replacing one locks no table, so there is no haste. */
static bool
apply_functions(const struct run *run)
{
	int64_t since = clock_ms();
	enum step result;

	do {
		result = step_run(run->pg, "functions", "BEGIN; SET LOCAL check_function_bodies = off; "
		    "SET LOCAL lock_timeout = 100", NULL);
		if (result == STEP_DONE)
			result = each_file(run, "functions", apply_function);
		if (result == STEP_DONE)
			result = step_run(run->pg, "functions", "COMMIT", NULL);
	} while (result == STEP_BUSY && once_more(since));
	if (result == STEP_BUSY)
		ctl_fail("functions: a lock could not be had; nothing of them was replaced");
	return result == STEP_DONE;
}

/* Asks again and again: whoever waited within a query would keep an index from being built. */
static bool
be_alone(PGconn *pg)
{
	int64_t since = clock_ms();
	int got;

	while ((got = finds(pg, "SELECT FROM (SELECT pg_try_advisory_lock(2, 1) AS got) l WHERE got", NULL)) == 0) {
		if (clock_ms() - since > OTHER_MS) {
			ctl_fail("another lastpairctl migrate is at work");
			return false;
		}
		clock_sleep_ms(100);
	}
	return got == 1;
}

/* What a later release has added stays: see docs/upgrade.md. */
static bool
name_later_ones(const struct run *run)
{
	PGresult *r = ctl_query(run->pg, "SELECT name FROM lastpair.schema_migrations ORDER BY name", 0, NULL);

	for (int i = 0; r != NULL && i < PQntuples(r); i++) {
		struct buf path = { 0 };

		buf_printf(&path, "%s/migrations/%s", run->dir, PQgetvalue(r, i, 0));
		if (path.data != NULL && access(path.data, F_OK) != 0)
			printf("%s is a later release's, and stays\n", PQgetvalue(r, i, 0));
		buf_free(&path);
	}
	PQclear(r);
	return r != NULL;
}

/* The lock goes with the connection. A store that has no tables yet is open to nobody. */
static bool
migrate(struct run *run)
{
	int begun;

	if (!be_alone(run->pg) || step_run(run->pg, "migrate", "SET client_min_messages = warning; "
	    "CREATE SCHEMA IF NOT EXISTS lastpair; "
	    "CREATE TABLE IF NOT EXISTS lastpair.schema_migrations (name text PRIMARY KEY, "
	    "applied_at timestamptz NOT NULL DEFAULT clock_timestamp())", NULL) != STEP_DONE)
		return false;
	begun = finds(run->pg, "SELECT FROM lastpair.schema_migrations LIMIT 1", NULL);
	run->closed = run->closed || begun == 0;
	return begun >= 0 && each_file(run, "migrations", apply_migration) == STEP_DONE &&
	    apply_functions(run) && name_later_ones(run) &&
	    /* What was committed without waiting for the disk is on it after this. */
	    step_run(run->pg, "migrate", "SET synchronous_commit = on; "
		"SELECT pg_logical_emit_message(true, 'lastpair', '')", NULL) == STEP_DONE;
}

int
cmd_migrate(struct ctl *ctl)
{
	struct run run = { .dir = ctl->conf.sql_dir };
	bool ok;

	for (int i = 0; i < ctl->argc; i++) {
		if (strcmp(ctl->argv[i], "--closed") == 0)
			run.closed = true;
		else if (strcmp(ctl->argv[i], "--sql") == 0 && i + 1 < ctl->argc)
			run.dir = ctl->argv[++i];
		else
			options_wrong(ctl->options, "migrate: what is '%s'?", ctl->argv[i]);
	}
	run.pg = ctl_connect(ctl);
	run.watch = run.pg != NULL ? ctl_connect(ctl) : NULL;
	ok = run.watch != NULL && migrate(&run);
	PQfinish(run.pg);
	PQfinish(run.watch);
	if (ok)
		puts("the schema is up to date");
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
