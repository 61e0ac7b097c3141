/* Times counted in ranges. */
#include "histogram.h"

static const struct {
	int64_t us;
	const char *seconds;
} bounds[HISTOGRAM_BOUNDS] = {
	{ 500, "0.0005" }, { 1000, "0.001" }, { 2500, "0.0025" }, { 5000, "0.005" },
	{ 10000, "0.01" }, { 25000, "0.025" }, { 50000, "0.05" }, { 100000, "0.1" },
	{ 250000, "0.25" }, { 500000, "0.5" }, { 1000000, "1" }, { 2500000, "2.5" },
	{ 5000000, "5" }, { 10000000, "10" },
};

void
histogram_add(struct histogram *h, int64_t us)
{
	int i = 0;

	if (us < 0)
		us = 0;
	while (i < HISTOGRAM_BOUNDS && us > bounds[i].us)
		i++;
	__atomic_add_fetch(&h->range[i], 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&h->sum_us, (uint64_t)us, __ATOMIC_RELAXED);
}

uint64_t
histogram_count(const struct histogram *h)
{
	uint64_t n = 0;

	for (int i = 0; i <= HISTOGRAM_BOUNDS; i++)
		n += __atomic_load_n(&h->range[i], __ATOMIC_RELAXED);
	return n;
}

/* The count is the last bucket's, whatever is added meanwhile. */
void
histogram_write(const struct histogram *h, const char *name, const char *labels, struct buf *out)
{
	const char *comma = labels[0] != '\0' ? "," : "";
	const char *open = labels[0] != '\0' ? "{" : "", *close = labels[0] != '\0' ? "}" : "";
	uint64_t sum_us = __atomic_load_n(&h->sum_us, __ATOMIC_RELAXED), n = 0;

	for (int i = 0; i <= HISTOGRAM_BOUNDS; i++) {
		n += __atomic_load_n(&h->range[i], __ATOMIC_RELAXED);
		buf_printf(out, "%s_bucket{%s%sle=\"%s\"} %llu\n", name, labels, comma,
		    i < HISTOGRAM_BOUNDS ? bounds[i].seconds : "+Inf", (unsigned long long)n);
	}
	buf_printf(out, "%s_sum%s%s%s %llu.%06llu\n", name, open, labels, close,
	    (unsigned long long)(sum_us / 1000000), (unsigned long long)(sum_us % 1000000));
	buf_printf(out, "%s_count%s%s%s %llu\n", name, open, labels, close, (unsigned long long)n);
}
