/* Statements that may be broken off, so that whoever waits behind their locks does not wait long. */
#ifndef LP_STEP_H
#define LP_STEP_H

#include <libpq-fe.h>

enum step {
	STEP_DONE,
	STEP_BUSY,	/* a lock could not be had within lock_timeout, or a deadlock: try again */
	STEP_SLOW,	/* others waited for it, and it was broken off */
	STEP_FAILED,	/* after a line on standard error that begins with `what` */
};

/* How long others may wait for what is done. */
#define STEP_MS 100

/* Runs a text of any number of statements, a transaction among them or not. With `watch`,
 * another connection, it is broken off when it has taken STEP_MS and somebody waits for its
 * locks; NULL: never. Whatever transaction is open after a failure is rolled back. */
enum step step_run(PGconn *pg, const char *what, const char *sql, PGconn *watch);

#endif
