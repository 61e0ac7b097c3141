/* lastpair-api: the FastCGI worker. Start reading here: one thread watches all connections
 * and takes requests from them (watch()); what needs the database goes on on a thread of the
 * pool. Each request takes one path: begin(), its handler, finish(). */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"
#include "connection.h"
#include "failpoint.h"
#include "log.h"
#include "metrics.h"
#include "options.h"
#include "pool.h"
#include "reply.h"
#include "routes.h"

#define MAX_CLIENTS	8192	/* connections; the web server's own limits are narrower */
#define MAX_EVENTS	64
#define SWEEP_MS	100	/* between two looks at what has waited too long */
#define DRAIN_MS	15000	/* for ending what is in hand */
#define IDLE_MS		500	/* a connection on which nothing comes while draining */
#define LEAVE_MS	1100	/* in which the web server leaves its connections by itself; one that is
				 * closed from here may have a request on its way (keepalive_time and
				 * keepalive_timeout in nginx's site, together less than this) */
#define SIGNIN_WAIT_MS	10000	/* for a thread of the pool that hashes passwords */
#define SIGNIN_QUEUE	64	/* requests for each of those threads */
#define KEEP_FREE	(4 << 20)	/* bytes that an arena may keep at its end */

static const char usage[] =
"Usage: lastpair-api [-c FILE] [--pool NAME]\n"
"Answers the store's HTTP API as a FastCGI worker on the listening socket that it is\n"
"given as descriptor 0 (by spawn-fcgi or a socket unit, say). SIGTERM: answers the\n"
"requests in hand, then ends. SIGHUP or SIGUSR2: reads the settings again. SIGUSR1:\n"
"opens the log file again.\n\n"
"  --pool NAME  which pool of workers this is: api, or auth, which has signin_threads";

struct worker {
	struct ctx ctx;
	const char *name;	/* of its pool */
	const char *conf_path;
	struct pool *pool;
	atomic_int queue_max;	/* requests that may wait for a thread of it; a reload changes it */
	int wait_ms;		/* and how long */
	enum metric_wait thread_wait;	/* where that is counted */
	int epoll, signals;
	bool listening;
	atomic_bool draining;	/* ends after what is in hand */
	_Atomic int64_t leave_ms;	/* when draining: from then on connections are closed from here */
	pthread_mutex_t lock;
	LIST_HEAD(, client) clients;
	int client_count;
};

/* A connection. While a request is in hand nothing is heard of it, and it belongs to the
 * thread that has the request; then to the one that watches. */
struct client {
	LIST_ENTRY(client) next;
	struct worker *worker;
	struct conn *conn;
	struct arena *arena;
	struct job job;
	struct req *req;
	const struct route *route;
	int64_t began_us;
	int64_t idle_since_ms;	/* 0 while a request is in hand; under the lock */
};

/*
 * Clients.
 */

static void
client_free(struct client *c)
{
	struct worker *w = c->worker;

	pthread_mutex_lock(&w->lock);
	LIST_REMOVE(c, next);
	w->client_count--;
	pthread_mutex_unlock(&w->lock);
	arena_free(c->arena);
	conn_free(c->conn);
	free(c);
}

/* Waits for the next request of a client. */
static void
client_watch(struct client *c)
{
	struct worker *w = c->worker;
	struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT,
	    .data.ptr = c };
	int fd = conn_fd(c->conn);
	bool ok;

	pthread_mutex_lock(&w->lock);
	c->idle_since_ms = clock_ms();
	ok = epoll_ctl(w->epoll, EPOLL_CTL_MOD, fd, &event) == 0 ||
	    (errno == ENOENT && epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &event) == 0);
	pthread_mutex_unlock(&w->lock);
	if (!ok) {
		log_error("epoll_ctl: %s", strerror(errno));
		client_free(c);
	}
}

/*
 * A request.
 */

/* Verifies the token and finds its session's id. */
static enum status
take_session(struct ctx *ctx, struct req *req)
{
	struct token_claims *claims = arena_alloc(req->arena, sizeof(*claims));
	const char *token;

	req->host_cookie = ctx->conf.cookie_secure;
	token = req_token(req);
	if (token == NULL || !token_verify(ctx->keys, token, clock_db_ms() / 1000, claims)) {
		req->ask_time = claims->untimely;
		return UNAUTHENTICATED;
	}
	if (req->by_cookie && req->method != GET && req_cross_site(req))
		return CROSS_SITE;
	req->session = claims->session;
	req->user = claims->user;
	return OK;
}

/* Whether a refusal tells of the question, so that it first has to be seen who asks. */
static bool
tells(enum access access, enum status status)
{
	return access != OPEN && (status == INVALID || status == NOT_FOUND);
}

/* Who may not ask at all is told so, rather than what is wrong with the question. */
static enum status
refuse_first(struct ctx *ctx, struct req *req, enum access access, enum status status)
{
	struct json_object *me, *user = NULL, *role = NULL;
	struct db_result *rows;
	bool admin;

	if (!tells(access, status) ||
	    db_rows_of(ctx->db, req, FN_ME, 1, (const char *[]){ req->session }, &rows) != OK)
		return status;
	if (db_text(rows, 0, 1) != NULL)
		return UNAUTHENTICATED;
	me = json_tokener_parse(db_text(rows, 0, 2));
	json_object_object_get_ex(me, "user", &user);
	json_object_object_get_ex(user, "role", &role);
	admin = role != NULL && strcmp(json_object_get_string(role), "admin") == 0;
	json_object_put(me);
	return access == ADMIN && !admin ? FORBIDDEN : status;
}

/* Sends the answer, tells the world what it changed, and waits for the client's next. */
static void
finish(struct client *c, enum status status)
{
	struct worker *w = c->worker;
	struct req *req = c->req;
	struct buf out = { 0 };
	int64_t took_us;
	bool kept, last = w->draining && clock_ms() > w->leave_ms;
	int http;

	req->status = status;
	reply_write(req, &out);
	FAILPOINT("reply", req->route);
	http = reply_http_status(req);
	took_us = clock_us() - c->began_us;
	metrics_request(route_figures(c->route), http, took_us);	/* who has the answer finds it counted */
	kept = conn_answer(c->conn, &out, last);
	if (!kept && !last)
		log_error("%s: the answer could not be sent", req->id);
	buf_free(&out);

	FAILPOINT("publish", req->route);
	publish_lines(w->ctx.publisher, req->events);	/* now that nobody waits for it */
	log_request(&(struct log_request){ .id = req->id, .pool = w->name,
	    .method = req->method_text, .route = req->route, .status = http, .us = took_us });
	arena_reset(c->arena);
	if (kept)
		client_watch(c);
	else
		client_free(c);
}

/* On a thread of the pool. */
static void
refuse(void *arg)
{
	struct client *c = arg;

	finish(c, refuse_first(&c->worker->ctx, c->req, c->route->access, c->req->status));
}

/* What a handler came to, on whatever thread; what it may take to refuse needs one that may
 * wait. */
static void
settle(struct client *c, enum status status)
{
	if (!tells(c->route->access, status)) {
		finish(c, status);
		return;
	}
	c->req->status = status;
	c->job.run = refuse;
	pool_push(c->worker->pool, &c->job);
}

static void
resume(struct req *req, enum status status)
{
	settle(req->resume_arg, status);
}

/* On a thread of the pool. */
static void
handle(void *arg)
{
	struct client *c = arg;
	struct worker *w = c->worker;

	metrics_waited(w->thread_wait, clock_us() - c->began_us);
	if (clock_ms() - c->job.since_ms > w->wait_ms) {
		metrics_add(METRIC_REQUESTS_TURNED_AWAY, 1);
		finish(c, UNAVAILABLE);
		return;
	}
	finish(c, refuse_first(&w->ctx, c->req, c->route->access,
	    c->route->handle(&w->ctx, c->req)));
}

/* Goes on on a thread of the pool, if not too many wait for one already. */
static void
await(struct client *c, void (*run)(void *arg))
{
	struct worker *w = c->worker;

	if (pool_waiting(w->pool) >= w->queue_max) {
		metrics_add(METRIC_REQUESTS_TURNED_AWAY, 1);
		finish(c, UNAVAILABLE);
		return;
	}
	c->job.run = run;
	pool_push(w->pool, &c->job);
}

/* All that has to be said before the handler: OK when it is its turn. */
static enum status
check(struct client *c)
{
	struct req *req = c->req;
	enum status status;

	c->route = route_find(req, &status);
	if (c->route == NULL)
		return status;
	if (c->route->access != OPEN) {
		status = take_session(&c->worker->ctx, req);
		if (status != OK)
			return status;
	} else if (req->method != GET && req->authorization == NULL && req_cross_site(req)) {
		return CROSS_SITE;	/* or another page could sign this browser in as it likes */
	}
	return conn_body(c->conn, req, c->route->max_body);
}

/* From where all has been said that has to be said before the handler. */
static void
proceed(struct client *c, enum status status)
{
	struct worker *w = c->worker;

	if (status != OK) {
		finish(c, status);
	} else if (c->route->handle == reservation_create) {	/* it waits in no thread */
		status = c->route->handle(&w->ctx, c->req);
		if (status != PENDING)	/* or it is somebody else's already */
			settle(c, status);
	} else {
		await(c, handle);
	}
}

/* On a thread of the pool. A token that has ended, or not begun, as far as this worker knows the
 * database's time is refused only after that was asked for anew. */
static void
ask_time(void *arg)
{
	struct client *c = arg;

	proceed(c, db_ask_time(c->worker->ctx.db) == DB_OK ? check(c) : UNAVAILABLE);
}

/* Takes the next request of a client up to where it may have to wait for something. */
static void
begin(struct client *c)
{
	enum status status;

	c->began_us = clock_us();
	if (!conn_request(c->conn, c->arena, &c->req)) {
		client_free(c);
		return;
	}
	c->req->resume = resume;
	c->req->resume_arg = c;
	status = check(c);
	if (status == UNAUTHENTICATED && c->req->ask_time)
		await(c, ask_time);
	else
		proceed(c, status);
}

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
	struct client *c;

	if (conn == NULL) {
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
			log_error("accept: %s", strerror(errno));
			listen_on(w, false);	/* until the next sweep: out of descriptors, say */
		}
		return;
	}
	c = calloc(1, sizeof(*c));
	if (c == NULL) {
		conn_free(conn);
		return;
	}
	c->worker = w;
	c->job.arg = c;
	c->conn = conn;
	c->arena = arena_new();
	pthread_mutex_lock(&w->lock);
	LIST_INSERT_HEAD(&w->clients, c, next);
	w->client_count++;
	pthread_mutex_unlock(&w->lock);
	client_watch(c);
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
	struct client *c = event->data.ptr;

	if (event->data.ptr == w) {
		welcome(w);
	} else if (event->data.ptr == &w->signals) {
		take_signal(w);
	} else {
		pthread_mutex_lock(&w->lock);
		c->idle_since_ms = 0;
		pthread_mutex_unlock(&w->lock);
		if (event->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
			client_free(c);
		else
			begin(c);
	}
}

static int
client_count(struct worker *w)
{
	int n;

	pthread_mutex_lock(&w->lock);
	n = w->client_count;
	pthread_mutex_unlock(&w->lock);
	return n;
}

/* Closes the connections on which nothing has come for a while; how many there were. */
static int
close_idle(struct worker *w)
{
	int64_t now = clock_ms();
	struct client *c, *after;
	LIST_HEAD(, client) idle = LIST_HEAD_INITIALIZER(idle);
	int left;

	pthread_mutex_lock(&w->lock);
	for (c = LIST_FIRST(&w->clients); c != NULL; c = after) {
		after = LIST_NEXT(c, next);
		if (now > w->leave_ms && c->idle_since_ms != 0 && now - c->idle_since_ms > IDLE_MS) {
			LIST_REMOVE(c, next);
			LIST_INSERT_HEAD(&idle, c, next);
		}
	}
	left = w->client_count;
	pthread_mutex_unlock(&w->lock);
	while ((c = LIST_FIRST(&idle)) != NULL)
		client_free(c);	/* NOLINT(clang-analyzer-unix.Malloc): who is freed has left the list */
	return left;
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
		if (close_idle(w) == 0)
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
