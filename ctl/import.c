/* lastpairctl import: users, drops and purchases of another system. */
#include <stdlib.h>
#include <string.h>

#include "copy.h"
#include "ctl.h"
#include "rows.h"

#define MAX_FILE (512u * 1024 * 1024)

/* What can be imported, in the order it is: purchases name the others. `table` is what
 * sql/functions/import_*.sql read; it is there also without a file, and then empty. */
static const struct kind {
	const char *option, *table, *copy, *take;
	read_rows *read;
} kinds[] = {
	{ "--users", "CREATE TEMPORARY TABLE new_users (line integer, old_id text, username text, email text, "
	    "password_hash text, role text, created_at timestamptz) ON COMMIT DROP",
	    "COPY new_users FROM STDIN", "SELECT * FROM lastpair.import_users()", rows_users },
	{ "--drops", "CREATE TEMPORARY TABLE new_drops (line integer, old_id text, doc jsonb, available integer, "
	    "drop_id bigint) ON COMMIT DROP",
	    "COPY new_drops (line, old_id, doc, available) FROM STDIN", "SELECT * FROM lastpair.import_drops()", rows_drops },
	{ "--purchases", "CREATE TEMPORARY TABLE new_purchases (line integer, old_id text, old_user text, old_drop text, "
	    "price_cents bigint, currency text, at timestamptz, id uuid DEFAULT gen_random_uuid(), "
	    "reservation_id uuid DEFAULT gen_random_uuid(), user_id bigint, drop_id bigint) ON COMMIT DROP",
	    "COPY new_purchases (line, old_id, old_user, old_drop, price_cents, currency, at) FROM STDIN",
	    "SELECT * FROM lastpair.import_purchases()", rows_purchases },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

struct import {
	const char *paths[KINDS];	/* NULL: no such file was given */
	struct buf rows[KINDS];		/* as COPY takes them */
};

static void
read_options(struct ctl *ctl, struct import *import)
{
	int given = 0, standard = 0;

	for (int i = 0; i < ctl->argc; i += 2) {
		size_t k = 0;

		while (k < KINDS && strcmp(ctl->argv[i], kinds[k].option) != 0)
			k++;
		if (k == KINDS || i + 1 == ctl->argc || import->paths[k] != NULL)
			options_wrong(ctl->options, "import: what is '%s'?", ctl->argv[i]);
		/* cppcheck-suppress arrayIndexOutOfBoundsCond ; options_wrong() does not return */
		import->paths[k] = ctl->argv[i + 1];
		standard += strcmp(ctl->argv[i + 1], "-") == 0;
		given++;
	}
	if (given == 0 || standard > 1)
		options_wrong(ctl->options, "import: give --users, --drops or --purchases with a file each");
}

/* All files, before the database is asked anything. */
static bool
read_files(struct import *import)
{
	bool ok = true;

	for (size_t k = 0; ok && k < KINDS; k++) {
		struct buf text = { 0 };

		if (import->paths[k] != NULL)
			ok = ctl_read(import->paths[k], MAX_FILE, &text) &&
			    kinds[k].read(import->paths[k], text.data, text.len, &import->rows[k]) >= 0;
		buf_free(&text);
	}
	return ok;
}

/* Says what a function of the import has to say. False when something is wrong. */
static bool
take(PGconn *pg, const struct kind *kind, const char *path)
{
	PGresult *r = ctl_query(pg, kind->take, 0, NULL);
	bool ok = r != NULL;

	for (int i = 0; ok && i < PQntuples(r); i++) {
		const char *said = PQgetvalue(r, i, 1);

		if (!PQgetisnull(r, i, 0)) {
			ctl_fail("%s: line %s: %s; nothing was imported", path, PQgetvalue(r, i, 0), said);
			ok = false;
		} else {
			puts(said);
		}
	}
	PQclear(r);
	return ok;
}

static bool
import_all(PGconn *pg, const struct import *import)
{
	bool ok = ctl_do(pg, "BEGIN") && ctl_do(pg, "SET LOCAL TimeZone = 'UTC'");

	for (size_t k = 0; ok && k < KINDS; k++)
		ok = ctl_do(pg, kinds[k].table) && (import->paths[k] == NULL ||
		    copy_in(pg, kinds[k].copy, &import->rows[k]));
	ok = ok && ctl_do(pg, "ANALYZE new_users, new_drops, new_purchases") &&
	    ctl_do(pg, "SELECT lastpair.import_gates()");
	for (size_t k = 0; ok && k < KINDS; k++)
		ok = import->paths[k] == NULL || take(pg, &kinds[k], import->paths[k]);
	return ok && ctl_do(pg, "COMMIT");
}

int
cmd_import(struct ctl *ctl)
{
	struct import import = { 0 };
	PGconn *pg = NULL;
	bool ok;

	read_options(ctl, &import);
	ok = read_files(&import);
	if (ok)
		pg = ctl_connect(ctl);
	ok = ok && pg != NULL && import_all(pg, &import);
	PQfinish(pg);
	for (size_t k = 0; k < KINDS; k++)
		buf_free(&import.rows[k]);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
