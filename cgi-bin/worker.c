/* lastpair-api: the FastCGI worker. Start reading here: one thread watches all connections
 * (watch()) and takes requests from them; client.c has the path that each of them takes. */
#include "worker.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "client.h"
#include "clock.h"
#include "connection.h"
#include "log.h"
#include "options.h"
#include "routes.h"

#define MAX_CLIENTS	8192	/* connections; the web server's own limits are narrower */
#define MAX_EVENTS	64
#define SWEEP_MS	100	/* between two looks at what has waited too long */
#define DRAIN_MS	15000	/* for ending what is in hand */
#define LEAVE_MS	1100	/* in which the web server leaves its connections by itself; one that is
				 * closed from here may have a request on its way (keepalive_time and
				 * keepalive_timeout in nginx's site, together less than this) */
#define SIGNIN_WAIT_MS	10000	/* for a thread of the pool that hashes passwords */
#define SIGNIN_QUEUE	64	/* requests for each of those threads */
#define KEEP_FREE	(1 << 20)	/* bytes that an arena may keep at its end */

static const char usage[] =
"Usage: lastpair-api [-c FILE] [--pool NAME]\n"
"Answers the store's HTTP API as a FastCGI worker on the listening socket that it is\n"
"given as descriptor 0 (by spawn-fcgi or a socket unit, say). SIGTERM: answers the\n"
"requests in hand, then ends. SIGHUP or SIGUSR2: reads the settings again. SIGUSR1:\n"
"opens the log file again.\n\n"
"  --pool NAME  which pool of workers this is: api, or auth, which has signin_threads";

/*
 * Watching.
 */

/* Listens for new connections, or no longer. */
static void
listen_on(struct worker *w, bool on)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLEXCLUSIVE, .data.ptr = w };

	if (w->listening == on)
		return;
	if (epoll_ctl(w->epoll, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, CONN_LISTENER, &event) != 0)
		log_error("epoll_ctl: %s", strerror(errno));
	w->listening = on;
}

/* Takes one connection, so that each of the workers gets its share. */
static void
welcome(struct worker *w)
{
	struct conn *conn = conn_accept();

	if (conn != NULL) {
		client_new(w, conn);
	} else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
		log_error("accept: %s", strerror(errno));
		listen_on(w, false);	/* until the next sweep: out of descriptors, say */
	}
}

/* What the settings say of limits, which can change while it runs. */
static struct combiner_limits
take_limits(struct worker *w)
{
	const struct conf *conf = &w->ctx.conf;

	if (strcmp(w->name, "auth") != 0)
		w->queue_max = (int)conf->worker_queue;
	return (struct combiner_limits){ .batch_max = (int)conf->reserve_batch,
	    .waiting_max = (int)conf->reserve_queue, .wait_ms = DB_WAIT_MS,
	    .soon_ms = (int)conf->reserve_wait_ms };
}

static void
reload(struct worker *w)
{
	struct combiner_limits limits;

	if (!conf_reload(&w->ctx.conf, w->conf_path))
		return;
	limits = take_limits(w);
	combiner_limit(w->ctx.combiner, &limits);
	log_set((enum log_level)w->ctx.conf.log_level, (enum log_format)w->ctx.conf.log_format);
}

static void
take_signal(struct worker *w)
{
	struct signalfd_siginfo info;

	if (read(w->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	switch (info.ssi_signo) {
	case SIGHUP:
	case SIGUSR2:
		reload(w);
		return;
	case SIGUSR1:
		log_reopen();
		return;
	default:
		if (!w->draining)
			w->leave_ms = clock_ms() + LEAVE_MS;
		w->draining = true;
	}
}

static void
heard(struct worker *w, const struct epoll_event *event)
{
	if (event->data.ptr == w) {
		welcome(w);
	} else if (event->data.ptr == &w->signals) {
		take_signal(w);
	} else {
		client_heard(event->data.ptr, event->events);
	}
}

/* Takes what comes, until a signal says to end; then what is in hand, and what still comes on
 * connections that the web server keeps. False when that takes too long. */
static bool
watch(struct worker *w)
{
	struct epoll_event events[MAX_EVENTS];
	int64_t swept_ms = 0, until_ms = 0, now;
	int n;

	for (;;) {
		n = epoll_wait(w->epoll, events, MAX_EVENTS, SWEEP_MS);
		for (int i = 0; i < n; i++)
			heard(w, &events[i]);
		now = clock_ms();
		if (now - swept_ms < SWEEP_MS && !w->draining)
			continue;
		swept_ms = now;
		combiner_turn_away(w->ctx.combiner);
		listen_on(w, !w->draining && client_count(w) < MAX_CLIENTS);
		if (!w->draining)
			continue;
		if (until_ms == 0)
			until_ms = now + DRAIN_MS;
		if (client_close_idle(w) == 0)
			return true;
		if (now > until_ms)
			return false;
	}
}

/*
 * The process.
 */

/* --pool NAME */
static const char *
pool_name(const struct options *o, int argc, char **argv, int i)
{
	if (i == argc)
		return "api";
	if (strcmp(argv[i], "--pool") != 0 || i + 2 != argc)
		options_wrong(o, "what is '%s'?", argv[i]);
	if (argv[i + 1][0] == '\0' || strlen(argv[i + 1]) > 32 ||
	    argv[i + 1][strspn(argv[i + 1], "abcdefghijklmnopqrstuvwxyz0123456789-_")] != '\0')
		options_wrong(o, "a pool's name is of small letters, digits, - and _");
	return argv[i + 1];
}

/* Asks for short slices of the processor, for this thread and those it starts: who wakes up
 * meanwhile then waits for a tenth of a millisecond, not for some. Kernels before Linux 6.12
 * decide that for themselves (sched_setattr(2)). */
static void
yield_often(void)
{
	struct {	/* sched_attr, which glibc 2.36 does not have */
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime_ns, deadline_ns, period_ns;
	} attr = { .size = sizeof(attr) };

	if (syscall(SYS_sched_getattr, 0, &attr, sizeof(attr), 0) == 0) {
		attr.runtime_ns = 100000;
		syscall(SYS_sched_setattr, 0, &attr, 0);
	}
}

static bool
ctx_open(struct worker *w)
{
	struct ctx *ctx = &w->ctx;
	bool auth = strcmp(w->name, "auth") == 0;
	struct combiner_limits limits = take_limits(w);
	int threads = (int)(auth ? ctx->conf.signin_threads : ctx->conf.worker_threads);

	ctx->keys = token_keys_load(ctx->conf.signing_key_file,
	    ctx->conf.signing_key_previous_file);
	if (ctx->keys == NULL)
		return false;
	if (auth)	/* hashing passwords stands back behind everything else */
		yield_often();
	mallopt(M_ARENA_MAX, threads + 1);	/* so that threads don't wait for each other's */
	mallopt(M_MXFAST, 0);	/* libfcgi's buffers, of each request, would sweep up what is small */
	mallopt(M_TRIM_THRESHOLD, KEEP_FREE);	/* and give their pages back in between */
	if (auth)
		w->queue_max = SIGNIN_QUEUE * threads;
	w->wait_ms = auth ? SIGNIN_WAIT_MS : DB_WAIT_MS;
	w->thread_wait = auth ? WAIT_THREAD_AUTH : WAIT_THREAD_API;
	metrics_open(ctx->conf.metrics_file);
	routes_open();
	ctx->db = db_pool_new(ctx->conf.database, ctx->conf.database_user_api,
	    (int)ctx->conf.database_pool);
	if (ctx->conf.read_database[0] != '\0' && (ctx->standby = db_pool_new(
	    ctx->conf.read_database, ctx->conf.database_user_api,
	    (int)ctx->conf.database_pool)) == NULL)
		return false;
	w->pool = pool_new(threads);
	ctx->combiner = combiner_new(ctx->db, w->pool, &limits);
	ctx->publisher = publisher_new(&ctx->conf);
	return ctx->db != NULL && w->pool != NULL && ctx->combiner != NULL &&
	    ctx->publisher != NULL;
}

static void
ctx_close(struct worker *w)
{
	pool_free(w->pool);
	publisher_free(w->ctx.publisher);
	combiner_free(w->ctx.combiner);
	db_pool_free(w->ctx.standby);
	db_pool_free(w->ctx.db);
	token_keys_free(w->ctx.keys);
	conf_free(&w->ctx.conf);
}

/* Signals are taken by the watching thread, from a descriptor, so that none breaks into a
 * request. */
static bool
watch_open(struct worker *w)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = &w->signals };
	struct rlimit files;
	sigset_t set;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGQUIT);	/* what Debian's multiwatch sends when told to send SIGTERM */
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	pthread_mutex_init(&w->lock, NULL);
	w->signals = signalfd(-1, &set, SFD_CLOEXEC);
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	return w->signals >= 0 && w->epoll >= 0 &&
	    epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->signals, &event) == 0;
}

int
main(int argc, char **argv)
{
	struct options o = { .program = "lastpair-api", .usage = usage };
	struct worker w = { 0 };
	int i = options_parse(&o, argc, argv);

	w.name = pool_name(&o, argc, argv, i);
	options_conf(&o, &w.ctx.conf);
	options_log(&o, &w.ctx.conf);
	w.conf_path = o.conf_path;
	if (!conn_init()) {
		fputs("lastpair-api: descriptor 0 is no listening socket; start it by spawn-fcgi\n",
		    stderr);
		return EXIT_FAILURE;
	}
	if (!watch_open(&w)) {
		log_error("can't watch for requests: %s", strerror(errno));
		return EXIT_FAILURE;
	}
	if (!ctx_open(&w) || !log_to(w.ctx.conf.log_dir, w.name))
		return EXIT_FAILURE;
	listen_on(&w, true);
	if (!watch(&w)) {
		log_error("%d requests did not end in %d ms", client_count(&w), DRAIN_MS);
		_exit(EXIT_FAILURE);
	}
	ctx_close(&w);
	close(w.epoll);
	close(w.signals);
	return EXIT_SUCCESS;
}
