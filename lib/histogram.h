/* How long things took, counted in fixed ranges from half a millisecond to ten seconds, as
 * Prometheus's histograms are. Any number of threads and processes may add to one. */
#ifndef LP_HISTOGRAM_H
#define LP_HISTOGRAM_H

#include <stdint.h>

#include "buf.h"

#define HISTOGRAM_BOUNDS 14	/* upper ends of ranges; one range more has none */

/* Zero-initialise. Each time is counted in one range alone. */
struct histogram {
	uint64_t range[HISTOGRAM_BOUNDS + 1];
	uint64_t sum_us;
};

/* Counts a time in microseconds; one below nought as nought. Two atomic additions. */
void histogram_add(struct histogram *h, int64_t us);

/* How many were counted. */
uint64_t histogram_count(const struct histogram *h);

/* Appends the series NAME_bucket, NAME_sum and NAME_count in Prometheus's text format (0.0.4), in
 * seconds. `labels` is `name="value",...`, or empty. */
void histogram_write(const struct histogram *h, const char *name, const char *labels,
    struct buf *out);

#endif
