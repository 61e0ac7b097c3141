/* Statements that may be broken off. */
#include "step.h"

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "clock.h"
#include "ctl.h"

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

/* Waits until there is a result to be had; breaks off once at `deadline` (clock_ms(); 0: never). */
static void
wait_result(PGconn *pg, int64_t *deadline)
{
	struct pollfd p = { .fd = PQsocket(pg), .events = POLLIN };

	while (PQisBusy(pg)) {
		int64_t left = *deadline != 0 ? *deadline - clock_ms() : -1;

		if (*deadline != 0 && left <= 0) {
			cancel(pg);
			*deadline = 0;
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
step_run(PGconn *pg, const char *what, const char *sql, int limit_ms)
{
	int64_t deadline = limit_ms > 0 ? clock_ms() + limit_ms : 0;
	enum step result = STEP_DONE;
	PGresult *r;

	if (PQsendQuery(pg, sql) == 0) {
		ctl_fail("%s: %.*s", what, (int)strcspn(PQerrorMessage(pg), "\n"), PQerrorMessage(pg));
		return STEP_FAILED;
	}
	for (;;) {
		wait_result(pg, &deadline);
		if ((r = PQgetResult(pg)) == NULL)
			break;
		if (result == STEP_DONE) {
			const char *why = PQresultErrorMessage(r);

			result = verdict(r, limit_ms > 0);
			if (result == STEP_FAILED)
				ctl_fail("%s: %.*s", what, (int)strcspn(why, "\n"), why);
		}
		PQclear(r);
	}
	if (result != STEP_DONE && PQtransactionStatus(pg) == PQTRANS_INERROR)
		PQclear(PQexec(pg, "ROLLBACK"));
	return result;
}
