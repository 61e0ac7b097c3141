/* Counters that all workers and the expiry share through one small mapped file,
 * so that whichever worker is asked can answer for all. They start at nought with
 * the file and survive restarts of the processes. */
#ifndef LP_METRICS_H
#define LP_METRICS_H

#include <stdbool.h>

#include "buf.h"

enum metric {
	METRIC_REQUESTS_2XX,
	METRIC_REQUESTS_3XX,
	METRIC_REQUESTS_4XX,
	METRIC_REQUESTS_5XX,
	METRIC_REQUEST_US,
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
	METRIC_EXPIRY_LAG_MS,
	METRIC_WEBHOOKS_DELIVERED,
	METRIC_WEBHOOK_FAILURES,
	METRIC_WEBHOOKS_GIVEN_UP,
	METRIC_WEBHOOK_SWEEPS,
	METRIC_WEBHOOK_BACKLOG,
	METRIC_WEBHOOK_OLDEST_S,
	METRIC_COUNT
};

/* Maps `path`, made if it is not there. Without the file (said on standard error)
 * the process counts for itself alone; it never fails. */
void metrics_open(const char *path);

void metrics_add(enum metric m, unsigned long n);
void metrics_set(enum metric m, unsigned long n);

/* Appends all of them in Prometheus's text format (version 0.0.4). */
void metrics_write(struct buf *out);

#endif
