/* lastpairctl migrate, audit, db: the database as a whole. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"

#define MAX_SQL (4 * 1024 * 1024)

/* Runs a text of any number of statements. False after a message that names `what`. */
static bool
run(PGconn *pg, const char *what, const char *sql)
{
	PGresult *r = PQexec(pg, sql);
	ExecStatusType status = PQresultStatus(r);

	PQclear(r);
	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
		return true;
	ctl_fail("%s: %.*s", what, (int)strcspn(PQerrorMessage(pg), "\n"), PQerrorMessage(pg));
	return false;
}

static int
sql_only(const struct dirent *d)
{
	size_t len = strlen(d->d_name);

	return len > 4 && strcmp(d->d_name + len - 4, ".sql") == 0;
}

/* Calls `apply` for each SQL file of a folder, in the order of their names. */
static bool
each_file(PGconn *pg, const struct ctl *ctl, const char *folder,
    bool (*apply)(PGconn *pg, const char *name, const char *sql))
{
	struct dirent **names;
	struct buf path = { 0 };
	int count;
	bool ok = true;

	buf_printf(&path, "%s/%s", ctl->conf.sql_dir, folder);
	count = scandir(path.data, &names, sql_only, alphasort);
	if (count <= 0) {
		ctl_fail("%s: %s (is sql_dir right?)", path.data,
		    count < 0 ? strerror(errno) : "no SQL files");
		buf_free(&path);
		return false;
	}
	for (int i = 0; i < count; i++) {
		struct buf sql = { 0 };

		buf_clear(&path);
		buf_printf(&path, "%s/%s/%s", ctl->conf.sql_dir, folder, names[i]->d_name);
		ok = ok && ctl_read(path.data, MAX_SQL, &sql) &&
		    apply(pg, names[i]->d_name, sql.data);
		buf_free(&sql);
		free(names[i]);
	}
	free(names);
	buf_free(&path);
	return ok;
}

/* One migration, one transaction, its row first: whoever comes second at the same time
 * waits on that row and then finds the migration done. */
static bool
apply_migration(PGconn *pg, const char *name, const char *sql)
{
	PGresult *r;
	bool fresh;

	if (!run(pg, name, "BEGIN"))
		return false;
	r = ctl_query(pg, "INSERT INTO lastpair.schema_migrations (name) VALUES ($1) "
	    "ON CONFLICT DO NOTHING RETURNING name", 1, &name);
	if (r == NULL)
		return false;
	fresh = PQntuples(r) == 1;
	PQclear(r);
	if (fresh && !run(pg, name, sql))
		return false;
	if (fresh)
		printf("%s\n", name);
	return run(pg, name, "COMMIT");
}

int
cmd_migrate(struct ctl *ctl)
{
	PGconn *pg = ctl_connect(ctl);
	bool ok;

	if (pg == NULL)
		return EXIT_FAILURE;
	/* The lock goes with the connection. Functions are all replaced or none. */
	ok = run(pg, "migrate", "SET client_min_messages = warning; SET lock_timeout = '10s'") &&
	    run(pg, "migrate", "SELECT pg_advisory_lock(2, 1)") &&
	    run(pg, "migrate", "CREATE SCHEMA IF NOT EXISTS lastpair; "
		"CREATE TABLE IF NOT EXISTS lastpair.schema_migrations (name text PRIMARY KEY, "
		"applied_at timestamptz NOT NULL DEFAULT clock_timestamp())") &&
	    each_file(pg, ctl, "migrations", apply_migration) &&
	    run(pg, "migrate", "BEGIN; SET LOCAL check_function_bodies = off") &&
	    each_file(pg, ctl, "functions", run) &&
	    run(pg, "migrate", "COMMIT");
	PQfinish(pg);
	if (ok)
		puts("the schema is up to date");
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
cmd_audit(struct ctl *ctl)
{
	PGconn *pg = ctl_connect(ctl);
	PGresult *r;
	int breaches = 0, rows;

	if (pg == NULL)
		return EXIT_FAILURE;
	r = ctl_query(pg, "SELECT * FROM lastpair.audit()", 0, NULL);
	rows = r != NULL ? PQntuples(r) : 0;
	for (int i = 0; i < rows; i++) {
		const char *wrong = PQgetvalue(r, i, 2);

		if (strcmp(wrong, "0") != 0)
			breaches++;
		printf("%-6s  %s: %s%s%s\n", strcmp(wrong, "0") == 0 ? "ok" : "BREACH",
		    PQgetvalue(r, i, 0), PQgetvalue(r, i, 1),
		    strcmp(wrong, "0") == 0 ? "" : ", wrong: ",
		    strcmp(wrong, "0") == 0 ? "" : wrong);
	}
	PQclear(r);
	PQfinish(pg);
	if (r == NULL)
		return EXIT_FAILURE;
	if (breaches > 0)
		return ctl_fail("%d of %d checks found a breach", breaches, rows);
	return EXIT_SUCCESS;
}

int
cmd_db(struct ctl *ctl)
{
	char **args = calloc((size_t)ctl->argc + 6, sizeof(*args));

	if (args == NULL)
		return ctl_fail("out of memory");
	args[0] = (char *)"psql";
	args[1] = (char *)"-d";
	args[2] = ctl->conf.database;
	args[3] = (char *)"-U";
	args[4] = ctl->conf.database_user_owner;
	memcpy(args + 5, ctl->argv, (size_t)ctl->argc * sizeof(*args));
	execvp("psql", args);
	ctl_fail("psql: %s (install postgresql-client)", strerror(errno));
	free(args);
	return EXIT_FAILURE;
}
