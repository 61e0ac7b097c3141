/* Reading the figures. */
#include "figures.h"

#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "clock.h"
#include "metrics.h"

static const double bounds_ms[HISTOGRAM_BOUNDS] = { 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000,
	2500, 5000, 10000 };

/* Where the sum of all series of a name goes; of those with `label`, if there is one. */
static const struct {
	const char *name, *label;
	size_t offset;
} numbers[] = {
	{ "lastpair_requests_total", NULL, offsetof(struct figures, requests) },
	{ "lastpair_requests_total", "status=\"5", offsetof(struct figures, failures) },
	{ "lastpair_holds_total", NULL, offsetof(struct figures, holds) },
	{ "lastpair_sales_total", NULL, offsetof(struct figures, sales) },
	{ "lastpair_sold_out_total", NULL, offsetof(struct figures, sold_out) },
	{ "lastpair_requests_turned_away_total", NULL, offsetof(struct figures, turned_away) },
	{ "lastpair_reserves_turned_away_total", NULL, offsetof(struct figures, turned_away) },
	{ "lastpair_expired_total", NULL, offsetof(struct figures, expired) },
	{ "lastpair_publish_dropped_total", NULL, offsetof(struct figures, dropped) },
	{ "lastpair_expiry_last_sweep_timestamp_seconds", NULL, offsetof(struct figures, swept_at) },
	{ "lastpair_sse_subscribers", NULL, offsetof(struct figures, subscribers) },
	{ "lastpair_sse_subscribers_max", NULL, offsetof(struct figures, subscribers_max) },
	{ "lastpair_sse_deliveries_total", NULL, offsetof(struct figures, deliveries) },
	{ "lastpair_sse_skipped_total", NULL, offsetof(struct figures, skipped) },
	{ "lastpair_sse_let_go_total", NULL, offsetof(struct figures, let_go) },
	{ "lastpair_sse_redis_up", NULL, offsetof(struct figures, redis_up) },
};

static const struct {
	const char *name;
	size_t offset;
} times[] = {
	{ "lastpair_request_duration_seconds_bucket", offsetof(struct figures, took) },
	{ "lastpair_thread_wait_seconds_bucket", offsetof(struct figures, thread_wait) },
	{ "lastpair_connection_wait_seconds_bucket", offsetof(struct figures, connection_wait) },
	{ "lastpair_sse_event_lag_seconds_bucket", offsetof(struct figures, lag) },
};

static void
take_time(struct times *t, const char *labels, double value)
{
	const char *le = strstr(labels, "le=\"");
	double bound_ms;

	if (le == NULL)
		return;
	bound_ms = strtod(le + 4, NULL) * 1000;
	for (int i = 0; i < HISTOGRAM_BOUNDS; i++)
		if (bound_ms > bounds_ms[i] * 0.99 && bound_ms < bounds_ms[i] * 1.01)
			t->upto[i] += value;
	if (strncmp(le + 4, "+Inf", 4) == 0)
		t->upto[HISTOGRAM_BOUNDS] += value;
}

/* One line, `name{labels} value`; it is taken to pieces. */
static void
take_line(struct figures *f, char *line)
{
	char *space = strrchr(line, ' '), *labels = strchr(line, '{');
	double value;

	if (line[0] == '#' || space == NULL)
		return;
	*space = '\0';
	value = strtod(space + 1, NULL);
	if (labels != NULL)
		*labels++ = '\0';
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (strcmp(line, numbers[i].name) == 0 && (numbers[i].label == NULL ||
		    (labels != NULL && strstr(labels, numbers[i].label) != NULL)))
			*(double *)(void *)((char *)f + numbers[i].offset) += value;
	for (size_t i = 0; labels != NULL && i < sizeof(times) / sizeof(times[0]); i++)
		if (strcmp(line, times[i].name) == 0)
			take_time((struct times *)(void *)((char *)f + times[i].offset), labels, value);
}

void
figures_read(const struct conf *conf, struct figures *f)
{
	struct buf text = { 0 };
	char *rest = NULL;

	*f = (struct figures){ .at_ms = clock_ms() };
	f->workers = metrics_read(conf->metrics_file, &text);
	f->daemon = ask_daemon(conf, "/metrics", &text);
	for (char *line = text.data != NULL ? strtok_r(text.data, "\n", &rest) : NULL; line != NULL;
	    line = strtok_r(NULL, "\n", &rest))
		take_line(f, line);
	buf_free(&text);
}

double
times_quantile(const struct times *before, const struct times *now, double share)
{
	double all = now->upto[HISTOGRAM_BOUNDS] - before->upto[HISTOGRAM_BOUNDS], below = 0, low = 0;

	if (all <= 0)
		return -1;
	for (int i = 0; i < HISTOGRAM_BOUNDS; i++) {
		double upto = now->upto[i] - before->upto[i];

		if (upto >= share * all)
			return low + (bounds_ms[i] - low) * (share * all - below) / (upto - below);
		below = upto;
		low = bounds_ms[i];
	}
	return bounds_ms[HISTOGRAM_BOUNDS - 1];
}
