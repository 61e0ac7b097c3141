/* The path of a request: begin(), its handler, finish(). begin() runs on the thread that
 * watches; what needs the database goes on on a thread of the pool, but for a reserve, which
 * waits in the combiner. */
#include "client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "clock.h"
#include "failpoint.h"
#include "log.h"
#include "reply.h"
#include "routes.h"

#define IDLE_MS 500	/* a connection on which nothing comes while draining */

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
 * For the thread that watches.
 */

void
client_new(struct worker *w, struct conn *conn)
{
	struct client *c = calloc(1, sizeof(*c));

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

void
client_heard(struct client *c, uint32_t events)
{
	struct worker *w = c->worker;

	pthread_mutex_lock(&w->lock);
	c->idle_since_ms = 0;
	pthread_mutex_unlock(&w->lock);
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		client_free(c);
	else
		begin(c);
}

int
client_count(struct worker *w)
{
	int n;

	pthread_mutex_lock(&w->lock);
	n = w->client_count;
	pthread_mutex_unlock(&w->lock);
	return n;
}

int
client_close_idle(struct worker *w)
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
