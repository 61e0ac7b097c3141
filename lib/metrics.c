/* Shared figures in a mapped file. */
#include "metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "histogram.h"
#include "log.h"

#define ROUTES		64	/* the first stands for whatever fits no route */
#define METHOD_LEN	8
#define PATTERN_LEN	56
#define OPEN_TRIES	200
#define OPEN_WAIT_MS	5	/* for another process that opens it */
#define CLAIM_SPINS	1000000	/* while another process writes down a route: microseconds */

static const struct {
	const char *name, *type, *help;
} table[METRIC_COUNT] = {
	[METRIC_REQUESTS_TURNED_AWAY] = { "lastpair_requests_turned_away_total", "counter",
	    "Requests answered 503 because too many waited for a thread, or for too long." },
	[METRIC_HOLDS] = { "lastpair_holds_total", "counter", "Holds made." },
	[METRIC_SOLD_OUT] = { "lastpair_sold_out_total", "counter",
	    "Reserves refused because nothing was free." },
	[METRIC_RESERVE_CALLS] = { "lastpair_reserve_calls_total", "counter",
	    "Database calls that reserved." },
	[METRIC_RESERVE_MEMBERS] = { "lastpair_reserve_members_total", "counter",
	    "Reserves that went in them; by the calls, how many go together." },
	[METRIC_RESERVES_TURNED_AWAY] = { "lastpair_reserves_turned_away_total", "counter",
	    "Reserves answered 503 because too many waited, or for too long." },
	[METRIC_RELEASES] = { "lastpair_releases_total", "counter", "Holds given back." },
	[METRIC_SALES] = { "lastpair_sales_total", "counter", "Purchases." },
	[METRIC_SIGN_INS] = { "lastpair_sign_ins_total", "counter", "Sign-ins and sign-ups." },
	[METRIC_SIGN_INS_REFUSED] = { "lastpair_sign_ins_refused_total", "counter",
	    "Wrong passwords and accounts that must wait." },
	[METRIC_PUBLISH_DROPPED] = { "lastpair_publish_dropped_total", "counter",
	    "Messages that did not reach Redis." },
	[METRIC_EXPIRED] = { "lastpair_expired_total", "counter",
	    "Lapsed holds returned by the expiry." },
	[METRIC_EXPIRY_SWEEPS] = { "lastpair_expiry_sweeps_total", "counter",
	    "Times the expiry looked for lapsed holds." },
	[METRIC_EXPIRY_SWEPT_AT] = { "lastpair_expiry_last_sweep_timestamp_seconds", "gauge",
	    "When it did so last." },
	[METRIC_WEBHOOKS_DELIVERED] = { "lastpair_webhooks_delivered_total", "counter",
	    "Events delivered to an endpoint." },
	[METRIC_WEBHOOK_FAILURES] = { "lastpair_webhook_failures_total", "counter",
	    "Deliveries that an endpoint did not take." },
	[METRIC_WEBHOOKS_GIVEN_UP] = { "lastpair_webhooks_given_up_total", "counter",
	    "Events given up after webhook_retry_hours." },
	[METRIC_WEBHOOK_SWEEPS] = { "lastpair_webhook_sweeps_total", "counter",
	    "Times the outbox was looked into." },
	[METRIC_WEBHOOK_BACKLOG] = { "lastpair_webhook_backlog", "gauge",
	    "Deliveries that wait." },
	[METRIC_WEBHOOK_OLDEST_S] = { "lastpair_webhook_oldest_seconds", "gauge",
	    "How long the oldest of them has waited." },
};

/* Series of one name stand together; the first of them has the help. */
static const struct {
	const char *name, *labels, *help;
} waits[WAIT_COUNT] = {
	[WAIT_THREAD_API] = { "lastpair_thread_wait_seconds", "pool=\"api\"",
	    "From a request's arrival until a thread of the pool took it." },
	[WAIT_THREAD_AUTH] = { "lastpair_thread_wait_seconds", "pool=\"auth\"", NULL },
	[WAIT_RESERVE] = { "lastpair_reserve_wait_seconds", "",
	    "From a reserve's arrival until its call to the database began." },
	[WAIT_CONNECTION] = { "lastpair_connection_wait_seconds", "",
	    "How long calls waited for a connection to the database." },
	[WAIT_EXPIRY] = { "lastpair_expiry_lag_seconds", "",
	    "From a hold's deadline until the expiry returned it; of those returned together, the oldest." },
};

/* What the store answers with; anything else counts as the last. */
static const int statuses[] = { 200, 201, 204, 304, 400, 401, 403, 404, 405, 409, 410, 413, 422,
	429, 500, 503, 0 };

#define STATUSES (sizeof(statuses) / sizeof(statuses[0]))

struct route {
	uint32_t claimed;	/* NOBODY, CLAIMED or READY: the texts are there */
	char method[METHOD_LEN], pattern[PATTERN_LEN];
	uint64_t answers[STATUSES];
	struct histogram took;
};

enum { NOBODY, CLAIMED, READY };

struct figures {
	uint64_t layout;	/* what the rest means; see layout() */
	uint64_t counters[METRIC_COUNT];
	struct histogram waits[WAIT_COUNT];
	struct route routes[ROUTES];
};

static struct figures own;
static struct figures *figures = &own;

static uint64_t
hash(uint64_t h, const char *s)
{
	for (; *s != '\0'; s++)	/* FNV-1a */
		h = (h ^ (unsigned char)*s) * UINT64_C(0x100000001b3);
	return h ^ 0xff;
}

/* Tells a file of this build's figures from another's. Never 0, which is an empty file's. */
static uint64_t
layout(void)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325) ^ sizeof(struct figures);

	for (int m = 0; m < METRIC_COUNT; m++)
		h = hash(h, table[m].name);
	for (int w = 0; w < WAIT_COUNT; w++)
		h = hash(hash(h, waits[w].name), waits[w].labels);
	return h | 1;
}

/* Opens and locks the file that `path` names now; not one that was replaced meanwhile. */
static int
open_locked(const char *path)
{
	struct stat here, there;
	int fd;

	for (int i = 0; i < OPEN_TRIES; i++) {
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0660);
		if (fd < 0)
			return -1;
		if (flock(fd, LOCK_EX | LOCK_NB) != 0)
			clock_sleep_ms(OPEN_WAIT_MS);
		else if (fstat(fd, &here) == 0 && stat(path, &there) == 0 &&
		    here.st_ino == there.st_ino && here.st_dev == there.st_dev)
			return fd;
		close(fd);
	}
	errno = EAGAIN;
	return -1;
}

static struct figures *
map(int fd, int protection)
{
	void *at = mmap(NULL, sizeof(own), protection, MAP_SHARED, fd, 0);

	return at != MAP_FAILED ? at : NULL;
}

/* The figures of an open, locked file, which is begun if it is empty. NULL with errno 0: it is
 * of another build. */
static struct figures *
take(int fd)
{
	struct figures *f;
	struct stat st;

	if (fstat(fd, &st) != 0 || (st.st_size == 0 && ftruncate(fd, sizeof(own)) != 0))
		return NULL;
	errno = 0;
	if (st.st_size != 0 && st.st_size != (off_t)sizeof(own))
		return NULL;
	f = map(fd, PROT_READ | PROT_WRITE);
	if (f == NULL)
		return NULL;
	if (f->layout == 0)
		f->layout = layout();
	if (f->layout == layout())
		return f;
	munmap(f, sizeof(own));
	errno = 0;
	return NULL;
}

void
metrics_open(const char *path)
{
	struct figures *f = NULL;
	int fd, why = 0;

	for (int i = 0; i < OPEN_TRIES && f == NULL; i++) {
		fd = open_locked(path);
		why = errno;
		if (fd < 0)
			break;
		f = take(fd);
		why = errno;
		if (f == NULL && why == 0 && unlink(path) != 0)
			why = errno;
		flock(fd, LOCK_UN);	/* a mapping would keep it */
		close(fd);
		if (why != 0)
			break;
	}
	if (f == NULL)
		log_error("metrics: %s: %s; counting for this process alone", path,
		    strerror(why != 0 ? why : EAGAIN));
	else
		figures = f;
}

void
metrics_add(enum metric m, unsigned long n)
{
	__atomic_add_fetch(&figures->counters[m], n, __ATOMIC_RELAXED);
}

void
metrics_set(enum metric m, unsigned long n)
{
	__atomic_store_n(&figures->counters[m], n, __ATOMIC_RELAXED);
}

void
metrics_waited(enum metric_wait w, int64_t us)
{
	histogram_add(&figures->waits[w], us);
}

/* Whether this place is, or now becomes, the route's. */
static bool
claim(struct route *r, const char *method, const char *pattern)
{
	uint32_t state = NOBODY;

	if (__atomic_compare_exchange_n(&r->claimed, &state, CLAIMED, false, __ATOMIC_ACQ_REL,
	    __ATOMIC_ACQUIRE)) {
		strncpy(r->method, method, METHOD_LEN - 1);
		strncpy(r->pattern, pattern, PATTERN_LEN - 1);
		__atomic_store_n(&r->claimed, READY, __ATOMIC_RELEASE);
		return true;
	}
	for (int i = 0; state != READY && i < CLAIM_SPINS; i++)
		state = __atomic_load_n(&r->claimed, __ATOMIC_ACQUIRE);
	return state == READY && strncmp(r->method, method, METHOD_LEN - 1) == 0 &&
	    strncmp(r->pattern, pattern, PATTERN_LEN - 1) == 0;
}

int
metrics_route(const char *method, const char *pattern)
{
	for (int i = METRICS_NO_ROUTE + 1; i < ROUTES; i++)
		if (claim(&figures->routes[i], method, pattern))
			return i;
	return METRICS_NO_ROUTE;
}

void
metrics_request(int route, int status, int64_t us)
{
	struct route *r = &figures->routes[route];
	size_t i = 0;

	while (i < STATUSES - 1 && statuses[i] != status)
		i++;
	__atomic_add_fetch(&r->answers[i], 1, __ATOMIC_RELAXED);
	histogram_add(&r->took, us);
}

/*
 * Telling them.
 */

static unsigned long long
value(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static void
head(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* `method="...",route="..."`, or NULL when nobody has this place. */
static const char *
route_labels(const struct figures *f, int i, char *out, size_t size)
{
	if (i == METRICS_NO_ROUTE)
		return "method=\"\",route=\"none\"";
	if (__atomic_load_n(&f->routes[i].claimed, __ATOMIC_ACQUIRE) != READY)
		return NULL;
	snprintf(out, size, "method=\"%s\",route=\"%s\"", f->routes[i].method,
	    f->routes[i].pattern);
	return out;
}

/* What was never answered is left out, but for failures: who watches for those has to see them
 * rise from nought. */
static void
write_answers(const struct figures *f, struct buf *out)
{
	char text[128];
	const char *labels;

	head(out, "lastpair_requests_total", "counter", "Requests answered by the workers.");
	for (int i = 0; i < ROUTES; i++) {
		labels = route_labels(f, i, text, sizeof(text));
		for (size_t s = 0; labels != NULL && s < STATUSES; s++) {
			unsigned long long n = value(&f->routes[i].answers[s]);

			if (n > 0 && statuses[s] == 0)
				buf_printf(out, "lastpair_requests_total{%s,status=\"other\"} %llu\n", labels, n);
			else if (n > 0 || statuses[s] >= 500)
				buf_printf(out, "lastpair_requests_total{%s,status=\"%d\"} %llu\n", labels,
				    statuses[s], n);
		}
	}
}

static void
write_durations(const struct figures *f, struct buf *out)
{
	char text[128];
	const char *labels;

	head(out, "lastpair_request_duration_seconds", "histogram",
	    "From a request's arrival at the worker until its answer was made.");
	for (int i = 0; i < ROUTES; i++) {
		labels = route_labels(f, i, text, sizeof(text));
		if (labels != NULL && histogram_count(&f->routes[i].took) > 0)
			histogram_write(&f->routes[i].took, "lastpair_request_duration_seconds",
			    labels, out);
	}
}

static void
write_all(const struct figures *f, struct buf *out)
{
	write_answers(f, out);
	write_durations(f, out);
	for (int w = 0; w < WAIT_COUNT; w++) {
		if (waits[w].help != NULL)
			head(out, waits[w].name, "histogram", waits[w].help);
		histogram_write(&f->waits[w], waits[w].name, waits[w].labels, out);
	}
	for (int m = 0; m < METRIC_COUNT; m++) {
		head(out, table[m].name, table[m].type, table[m].help);
		buf_printf(out, "%s %llu\n", table[m].name, value(&f->counters[m]));
	}
}

void
metrics_write(struct buf *out)
{
	write_all(figures, out);
}

bool
metrics_read(const char *path, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct figures *f = NULL;
	struct stat st;
	bool ok;

	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size == (off_t)sizeof(own))
		f = map(fd, PROT_READ);
	if (fd >= 0)
		close(fd);
	if (f == NULL)
		return false;
	ok = f->layout == layout();
	if (ok)
		write_all(f, out);
	munmap(f, sizeof(own));
	return ok;
}
