/* Figures that all workers and the expiry share through one small mapped file, so that
 * whichever worker is asked can answer for all. They start at nought with the file and
 * survive restarts of the processes; a release that counts other things begins a new file. */
#ifndef LP_METRICS_H
#define LP_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

enum metric {
	METRIC_REQUESTS_TURNED_AWAY,
	METRIC_HOLDS,
	METRIC_SOLD_OUT,
	METRIC_RESERVE_CALLS,
	METRIC_RESERVE_MEMBERS,
	METRIC_RESERVES_TURNED_AWAY,
	METRIC_RELEASES,
	METRIC_SALES,
	METRIC_SIGN_INS,
	METRIC_SIGN_INS_REFUSED,
	METRIC_PUBLISH_DROPPED,
	METRIC_EXPIRED,
	METRIC_EXPIRY_SWEEPS,
	METRIC_EXPIRY_SWEPT_AT,		/* seconds since 1970 */
	METRIC_WEBHOOKS_DELIVERED,
	METRIC_WEBHOOK_FAILURES,
	METRIC_WEBHOOKS_GIVEN_UP,
	METRIC_WEBHOOK_SWEEPS,
	METRIC_WEBHOOK_BACKLOG,
	METRIC_WEBHOOK_OLDEST_S,
	METRIC_COUNT
};

/* What has to wait, and for what. */
enum metric_wait {
	WAIT_THREAD_API,	/* a request for a thread of its pool */
	WAIT_THREAD_AUTH,
	WAIT_RESERVE,		/* a reserve for its call */
	WAIT_CONNECTION,	/* a call for a connection to the database */
	WAIT_EXPIRY,		/* a lapsed hold for the expiry */
	WAIT_COUNT
};

/* Maps `path`, made if it is not there. Without the file (said in the log) the process
 * counts for itself alone; it never fails. */
void metrics_open(const char *path);

/* These may be called from any thread; each costs an atomic addition or two. */
void metrics_add(enum metric m, unsigned long n);
void metrics_set(enum metric m, unsigned long n);
void metrics_waited(enum metric_wait w, int64_t us);

#define METRICS_NO_ROUTE 0

/* The place of a route in the figures, for metrics_request(); METRICS_NO_ROUTE when there is no
 * room for one more. Texts too long are cut. */
int metrics_route(const char *method, const char *pattern);

/* Counts a request of that route: the HTTP status of its answer, and how long it took. */
void metrics_request(int route, int status, int64_t us);

/* Appends all of them in Prometheus's text format (version 0.0.4). */
void metrics_write(struct buf *out);

/* The same from the file of others, which is only looked at: false when it is not there, or
 * not of this release. */
bool metrics_read(const char *path, struct buf *out);

#endif
