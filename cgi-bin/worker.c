/* lastpair-api: the FastCGI worker. Start reading here: several threads accept requests,
 * each request takes one path through serve(). */
#include <fcgiapp.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "metrics.h"
#include "options.h"
#include "reply.h"
#include "routes.h"

#define FCGI_SOCKET 0	/* where the supervisor hands over the listening socket */

static const char usage[] =
"Usage: lastpair-api [-c FILE] [--pool NAME]\n"
"Answers the store's HTTP API as a FastCGI worker on the listening socket that it is\n"
"given as descriptor 0 (by spawn-fcgi or a socket unit, say). SIGTERM: answers the\n"
"requests in hand, then ends.\n\n"
"  --pool NAME  which pool of workers this is: api, or auth, which has signin_threads";

struct worker {
	struct ctx ctx;
	const char *pool;
};

static const char *
param(const FCGX_Request *fcgi, const char *name)
{
	return FCGX_GetParam(name, fcgi->envp);
}

static const char *
param_or(const FCGX_Request *fcgi, const char *name, const char *fallback)
{
	const char *s = param(fcgi, name);

	return s != NULL ? s : fallback;
}

/* For what is still needed, by the log, when the request's own memory is gone. */
static const char *
param_kept(struct arena *arena, const FCGX_Request *fcgi, const char *name)
{
	const char *s = param_or(fcgi, name, "-");

	return arena_strndup(arena, s, strlen(s));
}

/* Method and path. A method that is none of ours fits no route. */
static void
take_target(struct req *req, const FCGX_Request *fcgi)
{
	static const struct {
		const char *name;
		enum method method;
	} methods[] = { { "GET", GET }, { "HEAD", GET }, { "POST", POST }, { "PATCH", PATCH },
	    { "DELETE", DELETE } };

	req->method_text = param_kept(req->arena, fcgi, "REQUEST_METHOD");
	req->path = param_or(fcgi, "DOCUMENT_URI", "");
	req->query = param_or(fcgi, "QUERY_STRING", "");
	req->head = strcmp(req->method_text, "HEAD") == 0;
	req->method = METHOD_COUNT;
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (strcmp(req->method_text, methods[i].name) == 0)
			req->method = methods[i].method;
}

static void
take_headers(struct req *req, const FCGX_Request *fcgi)
{
	req->id = param_kept(req->arena, fcgi, "REQUEST_ID");
	req->address = param_or(fcgi, "REMOTE_ADDR", "");
	req->authorization = param(fcgi, "HTTP_AUTHORIZATION");
	req->cookie = param(fcgi, "HTTP_COOKIE");
	req->origin = param(fcgi, "HTTP_ORIGIN");
	req->host = param(fcgi, "HTTP_HOST");
	req->fetch_site = param(fcgi, "HTTP_SEC_FETCH_SITE");
	req->if_none_match = param(fcgi, "HTTP_IF_NONE_MATCH");
	req->key = param(fcgi, "HTTP_IDEMPOTENCY_KEY");
	req->tls = strcmp(param_or(fcgi, "HTTPS", ""), "on") == 0;
}

/* Reads the body, up to `max` bytes. */
static enum status
take_body(struct req *req, const FCGX_Request *fcgi, size_t max)
{
	unsigned long len = strtoul(param_or(fcgi, "CONTENT_LENGTH", "0"), NULL, 10);
	char *body;

	if (len > max)
		return max == 0 ? req_wrong(req, "", "This request takes no body.") :
		    PAYLOAD_TOO_LARGE;
	body = arena_alloc(req->arena, len + 1);
	req->body = body;
	while (req->body_len < len) {
		int n = FCGX_GetStr(body + req->body_len, (int)(len - req->body_len), fcgi->in);

		if (n <= 0)
			return req_wrong(req, "", "The body ends too early.");
		req->body_len += (size_t)n;
	}
	return OK;
}

/* Verifies the token and finds its session's id. */
static enum status
take_session(struct ctx *ctx, struct req *req)
{
	struct token_claims *claims = arena_alloc(req->arena, sizeof(*claims));
	const char *token = req_token(req);

	if (token == NULL || !token_verify(ctx->keys, token, (int64_t)time(NULL), claims))
		return UNAUTHENTICATED;
	if (req->by_cookie && req->method != GET && req_cross_site(req))
		return CROSS_SITE;
	req->session = claims->session;
	req->user = claims->user;
	return OK;
}

/* Who may not ask at all is told so, rather than what is wrong with the question. */
static enum status
refuse_first(struct ctx *ctx, struct req *req, enum access access, enum status status)
{
	struct json_object *me, *user = NULL, *role = NULL;
	struct db_result *rows;
	bool admin;

	if (access == OPEN || (status != INVALID && status != NOT_FOUND) ||
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

/* The whole of a request, but for sending the answer. */
static enum status
serve(struct ctx *ctx, struct req *req, const FCGX_Request *fcgi)
{
	const struct route *route;
	enum status status;

	take_headers(req, fcgi);
	take_target(req, fcgi);
	route = route_find(req, &status);
	if (route == NULL)
		return status;
	if (route->access != OPEN) {
		status = take_session(ctx, req);
		if (status != OK)
			return status;
	} else if (req->method != GET && req->authorization == NULL && req_cross_site(req)) {
		return CROSS_SITE;	/* or another page could sign this browser in as it likes */
	}
	status = take_body(req, fcgi, route->max_body);
	if (status != OK)
		return status;
	status = route->handle(ctx, req);
	return refuse_first(ctx, req, route->access, status);
}

static void
handle(struct worker *w, struct arena *arena, FCGX_Request *fcgi)
{
	struct req *req = arena_alloc(arena, sizeof(*req));
	int64_t began_us = clock_us();
	struct buf out = { 0 };
	int http;
	int64_t took_us;

	req->arena = req->form.arena = arena;
	req->route = "-";
	req->status = serve(&w->ctx, req, fcgi);
	reply_write(req, &out);
	if (out.failed || FCGX_PutStr(out.data, (int)out.len, fcgi->out) < 0)
		log_error("%s: the answer could not be sent", req->id);
	buf_free(&out);
	http = reply_http_status(req);
	FCGX_Finish_r(fcgi);

	publish_lines(w->ctx.publisher, req->events);	/* now that nobody waits for it */
	took_us = clock_us() - began_us;
	metrics_add(http < 300 ? METRIC_REQUESTS_2XX : http < 400 ? METRIC_REQUESTS_3XX :
	    http < 500 ? METRIC_REQUESTS_4XX : METRIC_REQUESTS_5XX, 1);
	metrics_add(METRIC_REQUEST_US, (unsigned long)took_us);
	log_info("%s %s %s %s %d %lld.%03lld ms", req->id, w->pool, req->method_text, req->route,
	    http, (long long)took_us / 1000, (long long)took_us % 1000);
}

/* One thread of the worker. */
struct thread {
	struct worker *worker;
	pthread_t id;
	atomic_bool busy;	/* with a request */
	atomic_bool ended;
	_Atomic int64_t idle_since_ms;
};

static atomic_bool draining;

static void *
accept_loop(void *arg)
{
	struct thread *t = arg;
	struct arena *arena = arena_new();
	FCGX_Request fcgi;

	FCGX_InitRequest(&fcgi, FCGI_SOCKET, FCGI_FAIL_ACCEPT_ON_INTR);
	for (;;) {
		t->idle_since_ms = clock_ms();
		t->busy = false;
		if (FCGX_Accept_r(&fcgi) < 0) {
			if (draining)
				break;
			clock_sleep_ms(100);	/* out of descriptors, say */
			continue;
		}
		t->busy = true;
		if (draining)
			fcgi.keepConnection = 0;
		handle(t->worker, arena, &fcgi);
		arena_reset(arena);
	}
	FCGX_Free(&fcgi, 1);
	arena_free(arena);
	t->ended = true;
	return NULL;
}

/* --pool NAME */
static const char *
pool_name(const struct options *o, int argc, char **argv, int i)
{
	if (i == argc)
		return "api";
	if (strcmp(argv[i], "--pool") != 0 || i + 2 != argc)
		options_wrong(o, "what is '%s'?", argv[i]);
	return argv[i + 1];
}

static struct thread *
start_threads(struct worker *w, long count)
{
	struct thread *threads = calloc((size_t)count, sizeof(*threads));

	for (long i = 0; threads != NULL && i < count; i++) {
		threads[i].worker = w;
		if (pthread_create(&threads[i].id, NULL, accept_loop, &threads[i]) != 0)
			return NULL;
	}
	return threads;
}

/* Lets each thread answer what it has in hand and what comes on a connection that nginx
 * keeps open, then ends it. A thread waits in accept() or for the next request on such a
 * connection: after IDLE_MS of that nothing is coming, and a signal ends the wait. */
static void
drain(struct thread *threads, long count)
{
	enum { IDLE_MS = 500, GIVE_UP_MS = 15000 };
	int64_t deadline = clock_ms() + GIVE_UP_MS;
	long left = count;

	draining = true;
	FCGX_ShutdownPending();
	while (left > 0 && clock_ms() < deadline) {
		clock_sleep_ms(20);
		left = 0;
		for (long i = 0; i < count; i++) {
			struct thread *t = &threads[i];

			left += !t->ended;
			if (!t->ended && !t->busy && clock_ms() - t->idle_since_ms > IDLE_MS)
				pthread_kill(t->id, SIGUSR1);
		}
	}
	if (left > 0) {
		log_error("%ld requests did not end in %d ms", left, GIVE_UP_MS);
		_exit(EXIT_FAILURE);
	}
	for (long i = 0; i < count; i++)
		pthread_join(threads[i].id, NULL);
	free(threads);
}

static bool
ctx_open(struct ctx *ctx)
{
	ctx->keys = token_keys_load(ctx->conf.signing_key_file,
	    ctx->conf.signing_key_previous_file);
	if (ctx->keys == NULL)
		return false;
	metrics_open(ctx->conf.metrics_file);
	ctx->db = db_pool_new(&ctx->conf, ctx->conf.database_user_api,
	    (int)ctx->conf.database_pool);
	ctx->combiner = combiner_new(ctx->db, &(struct combiner_limits){
	    .batch_max = (int)ctx->conf.reserve_batch,
	    .waiting_max = (int)ctx->conf.reserve_queue, .wait_ms = DB_WAIT_MS });
	ctx->publisher = publisher_new(&ctx->conf);
	return ctx->db != NULL && ctx->combiner != NULL && ctx->publisher != NULL;
}

static void
ctx_close(struct ctx *ctx)
{
	publisher_free(ctx->publisher);
	combiner_free(ctx->combiner);
	db_pool_free(ctx->db);
	token_keys_free(ctx->keys);
	conf_free(&ctx->conf);
}

/* Signals are taken by the main thread alone, so that none breaks into a request. */
static sigset_t
block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return set;
}

int
main(int argc, char **argv)
{
	struct options o = { .program = "lastpair-api", .usage = usage };
	struct worker w = { 0 };
	struct thread *threads;
	long count;
	sigset_t signals;
	int caught, i = options_parse(&o, argc, argv);

	w.pool = pool_name(&o, argc, argv, i);
	options_conf(&o, &w.ctx.conf);
	log_open("lastpair-api");
	signals = block_signals();
	/* FCGX_Init() takes SIGUSR1 for itself: it interrupts a wait for a request. */
	if (FCGX_Init() != 0 || FCGX_IsCGI()) {
		fputs("lastpair-api: descriptor 0 is no listening socket; start it by spawn-fcgi\n",
		    stderr);
		return EXIT_FAILURE;
	}
	if (!ctx_open(&w.ctx))
		return EXIT_FAILURE;
	count = strcmp(w.pool, "auth") == 0 ? w.ctx.conf.signin_threads :
	    w.ctx.conf.worker_threads;
	mallopt(M_ARENA_MAX, (int)count);	/* so that threads don't wait for each other's */
	threads = start_threads(&w, count);
	if (threads == NULL) {
		log_error("can't start %ld threads", count);
		return EXIT_FAILURE;
	}
	sigwait(&signals, &caught);
	drain(threads, count);
	ctx_close(&w.ctx);
	return EXIT_SUCCESS;
}
