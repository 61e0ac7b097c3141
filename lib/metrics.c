/* Shared counters in a mapped file. */
#include "metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "log.h"

/* name{labels}, type and help; series of one name stand together. */
static const struct {
	const char *name, *labels, *type, *help;
} table[METRIC_COUNT] = {
	[METRIC_REQUESTS_2XX] = { "lastpair_requests_total", "{status=\"2xx\"}", "counter",
	    "Requests answered by the workers." },
	[METRIC_REQUESTS_3XX] = { "lastpair_requests_total", "{status=\"3xx\"}", NULL, NULL },
	[METRIC_REQUESTS_4XX] = { "lastpair_requests_total", "{status=\"4xx\"}", NULL, NULL },
	[METRIC_REQUESTS_5XX] = { "lastpair_requests_total", "{status=\"5xx\"}", NULL, NULL },
	[METRIC_REQUEST_US] = { "lastpair_request_microseconds_total", "", "counter",
	    "Time spent on them." },
	[METRIC_REQUESTS_TURNED_AWAY] = { "lastpair_requests_turned_away_total", "", "counter",
	    "Requests answered 503 because too many waited for a thread, or for too long." },
	[METRIC_HOLDS] = { "lastpair_holds_total", "", "counter", "Holds made." },
	[METRIC_SOLD_OUT] = { "lastpair_sold_out_total", "", "counter",
	    "Reserves refused because nothing was free." },
	[METRIC_RESERVE_CALLS] = { "lastpair_reserve_calls_total", "", "counter",
	    "Database calls that reserved." },
	[METRIC_RESERVE_MEMBERS] = { "lastpair_reserve_members_total", "", "counter",
	    "Reserves that went in them; by the calls, how many go together." },
	[METRIC_RESERVES_TURNED_AWAY] = { "lastpair_reserves_turned_away_total", "", "counter",
	    "Reserves answered 503 because too many waited, or for too long." },
	[METRIC_RELEASES] = { "lastpair_releases_total", "", "counter", "Holds given back." },
	[METRIC_SALES] = { "lastpair_sales_total", "", "counter", "Purchases." },
	[METRIC_SIGN_INS] = { "lastpair_sign_ins_total", "", "counter", "Sign-ins and sign-ups." },
	[METRIC_SIGN_INS_REFUSED] = { "lastpair_sign_ins_refused_total", "", "counter",
	    "Wrong passwords and accounts that must wait." },
	[METRIC_PUBLISH_DROPPED] = { "lastpair_publish_dropped_total", "", "counter",
	    "Messages that did not reach Redis." },
	[METRIC_EXPIRED] = { "lastpair_expired_total", "", "counter",
	    "Lapsed holds returned by the expiry." },
	[METRIC_EXPIRY_SWEEPS] = { "lastpair_expiry_sweeps_total", "", "counter",
	    "Times the expiry looked for lapsed holds." },
	[METRIC_EXPIRY_LAG_MS] = { "lastpair_expiry_lag_milliseconds", "", "gauge",
	    "How late the newest hold returned by the expiry was." },
	[METRIC_WEBHOOKS_DELIVERED] = { "lastpair_webhooks_delivered_total", "", "counter",
	    "Events delivered to an endpoint." },
	[METRIC_WEBHOOK_FAILURES] = { "lastpair_webhook_failures_total", "", "counter",
	    "Deliveries that an endpoint did not take." },
	[METRIC_WEBHOOKS_GIVEN_UP] = { "lastpair_webhooks_given_up_total", "", "counter",
	    "Events given up after webhook_retry_hours." },
	[METRIC_WEBHOOK_SWEEPS] = { "lastpair_webhook_sweeps_total", "", "counter",
	    "Times the outbox was looked into." },
	[METRIC_WEBHOOK_BACKLOG] = { "lastpair_webhook_backlog", "", "gauge",
	    "Deliveries that wait." },
	[METRIC_WEBHOOK_OLDEST_S] = { "lastpair_webhook_oldest_seconds", "", "gauge",
	    "How long the oldest of them has waited." },
};

static uint64_t own[METRIC_COUNT];
static uint64_t *counters = own;

void
metrics_open(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0660);
	void *map = MAP_FAILED;

	if (fd >= 0 && ftruncate(fd, sizeof(own)) == 0)
		map = mmap(NULL, sizeof(own), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		log_error("metrics: %s: %s; counting for this process alone", path,
		    strerror(errno));
	else
		counters = map;
	if (fd >= 0)
		close(fd);
}

void
metrics_add(enum metric m, unsigned long n)
{
	__atomic_add_fetch(&counters[m], n, __ATOMIC_RELAXED);
}

void
metrics_set(enum metric m, unsigned long n)
{
	__atomic_store_n(&counters[m], n, __ATOMIC_RELAXED);
}

void
metrics_write(struct buf *out)
{
	for (int m = 0; m < METRIC_COUNT; m++) {
		if (table[m].help != NULL)
			buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", table[m].name,
			    table[m].help, table[m].name, table[m].type);
		buf_printf(out, "%s%s %llu\n", table[m].name, table[m].labels,
		    (unsigned long long)__atomic_load_n(&counters[m], __ATOMIC_RELAXED));
	}
}
