/* Reserves that come while a call for the same drop is in flight wait together and
 * then go as one call: one gate, one transaction, one flush for all of them. An idle
 * drop's reserve goes at once and waits for nobody. Nobody's thread waits for a call but
 * the one that makes it. */
#ifndef LP_COMBINER_H
#define LP_COMBINER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "db.h"
#include "pool.h"

/* What became of a reserve: a row of several that share a call. */
struct verdict {
	enum db_status status;
	struct db_result *rows;		/* NULL unless DB_OK */
	int row;			/* its own; the first row is 0 */
	int shared_row;			/* of all: see api.reserve() */
	struct batch *batch;		/* whose rows they are */
};

/* One reserve, for api.reserve(). It and all texts are the caller's, until `done`; NULL
 * where the request has none. */
struct reserve {
	int64_t drop, user;
	const char *id;			/* of the hold to make */
	const char *session, *size;
	const char *key, *request;	/* Idempotency-Key, and what it stands for */

	/* Called once, when `verdict` is there, which is to be given back with verdict_free(). On
	 * a thread of the pool, or on that of combiner_turn_away(). */
	void (*done)(struct reserve *r);
	void *arg;			/* the caller's */
	struct verdict verdict;

	TAILQ_ENTRY(reserve) next;	/* the combiner's */
	int64_t since_ms;
};

struct combiner;

#define COMBINER_BATCH_MAX 256

struct combiner_limits {
	int batch_max;		/* reserves in one call, up to COMBINER_BATCH_MAX; 1: each alone */
	int waiting_max;	/* that may wait at once, in this process */
	int wait_ms;		/* for a call to begin */
	int soon_ms;		/* who would be decided later than that, by what calls take lately, is
				 * turned away at once, unless the next call has room; 0: nobody */
};

/* A combiner whose calls go to `db`, on threads of `pool`; both must outlive it. NULL when
 * memory is out. */
struct combiner *combiner_new(struct db_pool *db, struct pool *pool,
    const struct combiner_limits *limits);

/* Other limits from now on; from any thread. */
void combiner_limit(struct combiner *c, const struct combiner_limits *limits);

/* No reserve may be on its way. NULL is harmless. */
void combiner_free(struct combiner *c);

/* Has `r` decided, in the order of arrival; returns at once. False when too many wait
 * already, or it would take too long (or memory is out): then nothing is done, and `done` is not called. A member
 * whose values spoil a call does not spoil it for the others: they are called for one by
 * one. */
bool combiner_join(struct combiner *c, struct reserve *r);

/* Turns away those for whom no call began in time, with DB_UNAVAILABLE; nothing was done
 * for them. To be called every now and then. */
void combiner_turn_away(struct combiner *c);

/* Lets go of the rows. */
void verdict_free(struct verdict *v);

#endif
