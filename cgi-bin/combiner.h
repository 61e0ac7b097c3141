/* Reserves that come while a call for the same drop is in flight wait together and
 * then go as one call: one gate, one transaction, one flush for all of them. An idle
 * drop's reserve goes at once and waits for nobody. */
#ifndef LP_COMBINER_H
#define LP_COMBINER_H

#include <stdint.h>

#include "db.h"

/* One reserve, for api.reserve(). All texts are the caller's, until the call returns;
 * NULL where the request has none. */
struct reserve {
	int64_t drop, user;
	const char *id;			/* of the hold to make */
	const char *session, *size;
	const char *key, *request;	/* Idempotency-Key, and what it stands for */
};

/* What became of it: a row of several that share a call. */
struct verdict {
	enum db_status status;
	struct db_result *rows;		/* NULL unless DB_OK */
	int row;			/* its own; the first row is 0 */
	int shared_row;			/* of all: see api.reserve() */
	struct batch *batch;		/* whose rows they are */
};

struct combiner;

#define COMBINER_BATCH_MAX 256

struct combiner_limits {
	int batch_max;		/* reserves in one call, up to COMBINER_BATCH_MAX; 1: each alone */
	int waiting_max;	/* that may wait at once, in this process */
	int wait_ms;		/* for a call to begin */
};

/* A combiner over `db`, which must outlive it. NULL when memory is out. */
struct combiner *combiner_new(struct db_pool *db, const struct combiner_limits *limits);

/* Nobody may be in combiner_reserve(). NULL is harmless. */
void combiner_free(struct combiner *c);

/* Has `r` decided, in the order of arrival, and fills *v; give it back with
 * verdict_free(). DB_UNAVAILABLE at once when too many wait already, and when no call
 * began in time: then nothing was done. A member whose values spoil a call does not
 * spoil it for the others: they are called for one by one. */
void combiner_reserve(struct combiner *c, const struct reserve *r, struct verdict *v);

/* Lets go of the rows. */
void verdict_free(struct verdict *v);

#endif
