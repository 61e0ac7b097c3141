/* The store's figures as /metrics tells them, read on the machine itself: the workers' and the
 * expiry's from their file, the daemon's from its private socket. */
#ifndef CTL_FIGURES_H
#define CTL_FIGURES_H

#include <stdbool.h>
#include <stdint.h>

#include "conf.h"
#include "histogram.h"

#define FIGURES_RANGES (HISTOGRAM_BOUNDS + 1)

/* Times at most as long as each bound, the last one's being all: of every series of a name. */
struct times {
	double upto[FIGURES_RANGES];
};

struct figures {
	bool workers;		/* their file could be read */
	bool daemon;		/* it answered */
	int64_t at_ms;		/* clock_ms() */
	/* Counters. */
	double requests, failures, holds, sales, sold_out, turned_away, expired, dropped;
	double deliveries, skipped, let_go;
	/* Gauges. */
	double swept_at;	/* seconds since 1970; 0: never */
	double subscribers, subscribers_max, redis_up;
	struct times took, thread_wait, connection_wait, lag;
};

/* Reads all there is; what is not there is nought. */
void figures_read(const struct conf *conf, struct figures *f);

/* The time in milliseconds within which `share` (0.99, say) of what came between the two ended; -1
 * when nothing came. Within a range it is guessed as Prometheus does; beyond the last bound it is
 * that bound. */
double times_quantile(const struct times *before, const struct times *now, double share);

#endif
