/* Statements that may be broken off, so that whoever waits behind their locks does not wait long. */
#ifndef LP_STEP_H
#define LP_STEP_H

#include <libpq-fe.h>

enum step {
	STEP_DONE,
	STEP_BUSY,	/* a lock could not be had within lock_timeout, or a deadlock: try again */
	STEP_SLOW,	/* the time was up */
	STEP_FAILED,	/* after a line on standard error that begins with `what` */
};

/* Runs a text of any number of statements, a transaction among them or not, for `limit_ms`
 * at most (0: without an end). Whatever transaction is open after a failure is rolled back. */
enum step step_run(PGconn *pg, const char *what, const char *sql, int limit_ms);

#endif
