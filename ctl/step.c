/* Statements that may be broken off. */
#include "step.h"

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "ctl.h"

#define LOOK_MS 50	/* between two looks */

/* The server is told on a connection of its own to break off what this one does. */
static void
cancel(PGconn *pg)
{
	PGcancel *c = PQgetCancel(pg);
	char why[256];

	if (c != NULL)
		PQcancel(c, why, sizeof(why));	/* if that fails the answer is waited for */
	PQfreeCancel(c);
}

/* Whether somebody waits for a lock that `pg` has, or wants before them. What can't be asked is yes. */
static bool
in_the_way(PGconn *pg, PGconn *watch)
{
	char pid[16];
	PGresult *r;
	bool yes;

	snprintf(pid, sizeof(pid), "%d", PQbackendPID(pg));
	r = PQexecParams(watch, "SELECT FROM pg_locks WHERE NOT granted AND pid <> $1::integer "
	    "AND $1::integer = ANY (pg_blocking_pids(pid))", 1, NULL, (const char *[]){ pid }, NULL, NULL, 0);
	yes = PQresultStatus(r) != PGRES_TUPLES_OK || PQntuples(r) > 0;
	PQclear(r);
	return yes;
}

/* Waits until there is a result to be had. From *look (clock_ms()) on looks again and again
 * whether it is in anybody's way, and then breaks off, once. */
static void
wait_result(PGconn *pg, PGconn **watch, int64_t *look)
{
	struct pollfd p = { .fd = PQsocket(pg), .events = POLLIN };

	while (PQisBusy(pg)) {
		int64_t left = *watch != NULL ? *look - clock_ms() : -1;

		if (*watch != NULL && left <= 0) {
			*look = clock_ms() + LOOK_MS;
			if (in_the_way(pg, *watch)) {
				cancel(pg);
				*watch = NULL;
			}
			continue;
		}
		if (poll(&p, 1, (int)left) > 0 && PQconsumeInput(pg) == 0)
			return;
	}
}

/* 55P03: no lock within lock_timeout; 57014: broken off; 40P01: a deadlock. */
static enum step
verdict(const PGresult *r, bool limited)
{
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);

	if (PQresultStatus(r) == PGRES_COMMAND_OK || PQresultStatus(r) == PGRES_TUPLES_OK ||
	    PQresultStatus(r) == PGRES_EMPTY_QUERY)
		return STEP_DONE;
	if (state != NULL && (strcmp(state, "55P03") == 0 || strcmp(state, "40P01") == 0))
		return STEP_BUSY;
	return limited && state != NULL && strcmp(state, "57014") == 0 ? STEP_SLOW : STEP_FAILED;
}

enum step
step_run(PGconn *pg, const char *what, const char *sql, PGconn *watch)
{
	int64_t look = clock_ms() + STEP_MS;
	bool limited = watch != NULL;
	enum step result = STEP_DONE;
	PGresult *r;

	if (PQsendQuery(pg, sql) == 0) {
		ctl_fail("%s: %.*s", what, (int)strcspn(PQerrorMessage(pg), "\n"), PQerrorMessage(pg));
		return STEP_FAILED;
	}
	for (;;) {
		wait_result(pg, &watch, &look);
		if ((r = PQgetResult(pg)) == NULL)
			break;
		if (result == STEP_DONE) {
			const char *why = PQresultErrorMessage(r);

			result = verdict(r, limited);
			if (result == STEP_FAILED)
				ctl_fail("%s: %.*s", what, (int)strcspn(why, "\n"), why);
		}
		PQclear(r);
	}
	if (result != STEP_DONE && PQtransactionStatus(pg) == PQTRANS_INERROR)
		PQclear(PQexec(pg, "ROLLBACK"));
	return result;
}
