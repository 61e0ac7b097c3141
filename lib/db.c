/* PostgreSQL: a pool of connections in pipeline mode. */
#include "db.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "connect.h"
#include "failpoint.h"
#include "log.h"
#include "metrics.h"

#define MAX_PARAMS	16
#define TRIES		4	/* of one call, whatever the reasons */
#define RETRY_CONNECT_MS 200	/* between attempts while the server is away */

/* Functions that answer a request return lastpair.reply; its messages come as lines. */
#define REPLY "SELECT status, code, body, array_to_string(events, E'\\n') FROM "

/* The time of those who go by this clock, see db_ask_time(). */
#define NOW_MS "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"

/* What may be called. `writes`: api.durable() goes with it. `again`: number of a
 * boolean parameter, added at the end, that is true when the call is sent again
 * after a lost connection (for functions without an id or key to know it by). */
static const struct function {
	const char *name, *sql;
	int params;
	bool writes, again;
} functions[FN_COUNT] = {
	[FN_PING] = { "ping", "SELECT " NOW_MS, 0, false, false },
	[FN_REGISTER] = { "register",
	    "SELECT * FROM api.register($1,$2,$3,$4,$5,$6)", 6, true, false },
	[FN_LOGIN_START] = { "login_start",
	    "SELECT * FROM api.login_start($1,$2,$3,$4)", 4, true, false },
	[FN_LOGIN] = { "login",
	    "SELECT * FROM api.login($1,$2,$3,$4,$5,$6)", 6, true, false },
	[FN_LOGOUT] = { "logout", REPLY "api.logout($1,$2)", 1, true, true },
	[FN_ME] = { "me", REPLY "api.me($1)", 1, false, false },
	[FN_DROP_LIST] = { "drop_list",
	    "SELECT * FROM api.drop_list($1,$2,$3)", 3, false, false },
	[FN_DROP_LIST_STANDBY] = { "drop_list_standby",	/* no row: it is too far behind */
	    "SELECT l.* FROM (SELECT WHERE api.behind_ms() <= 2000 OFFSET 0) fresh, "
	    "api.drop_list($1,$2,$3) l", 3, false, false },
	[FN_DROP_GET] = { "drop_get", REPLY "api.drop_get($1)", 1, false, false },
	[FN_DROP_CREATE] = { "drop_create",
	    REPLY "api.drop_create($1,$2,$3,$4)", 4, true, false },
	[FN_DROP_UPDATE] = { "drop_update",
	    REPLY "api.drop_update($1,$2,$3)", 3, true, false },
	[FN_DROP_RESTOCK] = { "drop_restock",
	    REPLY "api.drop_restock($1,$2,$3,$4,$5,$6)", 6, true, false },
	[FN_RESERVE] = { "reserve",
	    REPLY "api.reserve($1,$2,$3,$4,$5,$6,$7)", 6, true, true },
	[FN_RESERVATION_LIST] = { "reservation_list",
	    REPLY "api.reservation_list($1)", 1, false, false },
	[FN_RESERVATION_GET] = { "reservation_get",
	    REPLY "api.reservation_get($1,$2)", 2, false, false },
	[FN_RELEASE] = { "release", REPLY "api.release($1,$2,$3)", 2, true, true },
	[FN_PURCHASE] = { "purchase",
	    REPLY "api.purchase($1,$2,$3,$4,$5)", 5, true, false },
	[FN_PURCHASE_LIST] = { "purchase_list",
	    REPLY "api.purchase_list($1)", 1, false, false },
	[FN_PURCHASES_CSV] = { "purchases_csv",
	    REPLY "api.purchases_csv($1,$2)", 2, false, false },
	[FN_DROP_PURCHASES] = { "drop_purchases",
	    REPLY "api.drop_purchases($1,$2,$3,$4,$5)", 5, false, false },
	[FN_DROP_FIGURES] = { "drop_figures",
	    REPLY "api.drop_figures($1,$2)", 2, false, false },
	[FN_ADMIN_ACTIONS] = { "admin_actions",
	    REPLY "api.admin_actions($1,$2,$3,$4)", 4, false, false },
	[FN_EXPIRE] = { "expire",
	    "SELECT expired, wait_ms, lag_ms, array_to_string(events, E'\\n') FROM api.expire($1)",
	    1, true, false },
	[FN_EXPIRY_LOCK] = { "expiry_lock", "SELECT api.expiry_lock()", 0, false, false },
	[FN_HEARTBEAT] = { "heartbeat", "SELECT api.heartbeat()", 0, false, false },
	[FN_HOUSEKEEP] = { "housekeep", "SELECT api.housekeep($1)", 1, true, false },
	[FN_OVERDUE] = { "overdue", "SELECT api.overdue()", 0, false, false },
	[FN_WEBHOOK_LOCK] = { "webhook_lock", "SELECT api.webhook_lock()", 0, false, false },
	[FN_WEBHOOK_OPENINGS] = { "webhook_openings", "SELECT api.webhook_openings()", 0, true, false },
	[FN_WEBHOOK_DUE] = { "webhook_due",
	    "SELECT * FROM api.webhook_due($1,$2)", 2, true, false },
	/* A mark that is lost only sends an event twice: nobody waits for the disk. */
	[FN_WEBHOOK_DONE] = { "webhook_done",
	    "SELECT api.webhook_done($1,$2,$3,$4,$5)", 5, false, false },
	[FN_WEBHOOK_BACKLOG] = { "webhook_backlog",
	    "SELECT * FROM api.webhook_backlog()", 0, false, false },
	[FN_WEBHOOK_HOUSEKEEP] = { "webhook_housekeep",
	    "SELECT api.webhook_housekeep($1,$2)", 2, false, false },
	[FN_STREAM_POLL] = { "stream_poll",
	    "SELECT * FROM api.stream_poll($1,$2)", 2, false, false },
	[FN_STREAM_SESSIONS] = { "stream_sessions",
	    "SELECT * FROM api.stream_sessions($1)", 1, false, false },
	[FN_STREAM_ORIGIN] = { "stream_origin",
	    "SELECT api.stream_origin(), " NOW_MS, 0, false, false },
};

struct connection {
	struct connection *next_idle;
	PGconn *pg;			/* NULL: not connected */
	bool prepared[FN_COUNT];
	bool durable_prepared;
	bool warned;			/* by the server, since this was last set to false */
	int64_t connected_ms;
};

struct db_pool {
	pthread_mutex_t lock;
	pthread_cond_t idle_again;
	struct connection *idle;
	_Atomic int64_t refused_at_ms;	/* when connecting last failed; 0: it did not */
	_Atomic int64_t lost_at_ms;	/* when a connection was last lost */
	_Atomic unsigned long generation;
	struct server_list *servers;
	char *user;
	int size;
	struct connection all[];
};

/* What became of one attempt. */
enum outcome {
	DONE,
	REFUSED,	/* the server would not take a value */
	BROKEN,		/* a defect in the function */
	CONFLICT,	/* rolled back, worth another try */
	BUSY,		/* rolled back for want of room or time */
	STALE,		/* another connection is needed; nothing was done */
	LOST,		/* the connection died; what was done is unknown */
};

int
db_rows(const struct db_result *r)
{
	return PQntuples((const PGresult *)r);
}

const char *
db_text(const struct db_result *r, int row, int column)
{
	const PGresult *res = (const PGresult *)r;

	return PQgetisnull(res, row, column) ? NULL : PQgetvalue(res, row, column);
}

long long
db_number(const struct db_result *r, int row, int column)
{
	const char *s = db_text(r, row, column);

	return s != NULL ? strtoll(s, NULL, 10) : 0;
}

void
db_result_free(struct db_result *r)
{
	PQclear((PGresult *)r);
}

struct db_pool *
db_pool_new(const char *database, const char *user, int size)
{
	struct db_pool *pool = calloc(1, sizeof(*pool) + (size_t)size * sizeof(pool->all[0]));

	if (pool == NULL)
		return NULL;
	pool->user = strdup(user);
	pool->servers = server_list_new(database);
	if (pool->user == NULL || pool->servers == NULL) {
		server_list_free(pool->servers);
		free(pool->user);
		free(pool);
		return NULL;
	}
	pool->size = size;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->idle_again, NULL);
	for (int i = 0; i < size; i++) {
		pool->all[i].next_idle = pool->idle;
		pool->idle = &pool->all[i];
	}
	return pool;
}

static void
disconnect(struct connection *c)
{
	PQfinish(c->pg);
	c->pg = NULL;
	memset(c->prepared, 0, sizeof(c->prepared));
	c->durable_prepared = false;
}

void
db_pool_free(struct db_pool *pool)
{
	if (pool == NULL)
		return;
	for (int i = 0; i < pool->size; i++)
		disconnect(&pool->all[i]);
	pthread_cond_destroy(&pool->idle_again);
	pthread_mutex_destroy(&pool->lock);
	server_list_free(pool->servers);
	free(pool->user);
	free(pool);
}

unsigned long
db_pool_generation(const struct db_pool *pool)
{
	return pool->generation;
}

/* Waits for a connection nobody uses; NULL when none came free in time. */
static struct connection *
borrow(struct db_pool *pool)
{
	int64_t began_us = clock_us(), deadline = began_us / 1000 + DB_WAIT_MS;
	struct timespec until = { deadline / 1000, deadline % 1000 * 1000000 };
	struct connection *c;
	int rc = 0;

	pthread_mutex_lock(&pool->lock);
	while (pool->idle == NULL && rc == 0)
		rc = pthread_cond_clockwait(&pool->idle_again, &pool->lock, CLOCK_MONOTONIC,
		    &until);
	c = pool->idle;
	if (c != NULL)
		pool->idle = c->next_idle;
	pthread_mutex_unlock(&pool->lock);
	metrics_waited(WAIT_CONNECTION, clock_us() - began_us);
	return c;
}

static void
give_back(struct db_pool *pool, struct connection *c)
{
	pthread_mutex_lock(&pool->lock);
	c->next_idle = pool->idle;
	pool->idle = c;
	pthread_cond_signal(&pool->idle_again);
	pthread_mutex_unlock(&pool->lock);
}

/* Waits until the socket is ready; false at the deadline. */
static bool
wait_for(PGconn *pg, short events, int64_t deadline_ms)
{
	struct pollfd p = { .fd = PQsocket(pg), .events = events };
	int rc;

	do {
		int64_t left = deadline_ms - clock_ms();

		if (left <= 0 || p.fd < 0)
			return false;
		rc = poll(&p, 1, (int)left);
	} while (rc < 0 && errno == EINTR);
	return rc > 0;
}

/* Says once per outage that the server is away, and once that it is back. */
static void
note_connected(struct db_pool *pool, bool connected, const char *message)
{
	bool first;

	pthread_mutex_lock(&pool->lock);
	first = (pool->refused_at_ms != 0) == connected;
	pool->refused_at_ms = connected ? 0 : clock_ms();
	if (connected)
		pool->generation++;
	pthread_mutex_unlock(&pool->lock);
	if (first && connected)
		log_info("PostgreSQL is back");
	else if (first)
		log_error("can't reach PostgreSQL: %s", message);
}

/* A warning with a commit says that it is not as safe as it should be: when a wait for the
 * synchronous standby is cancelled, PostgreSQL warns and reports success. */
static void
on_notice(void *arg, const PGresult *res)
{
	struct connection *c = arg;
	const char *severity = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);

	if (severity == NULL || strcmp(severity, "WARNING") != 0)
		return;
	c->warned = true;
	log_error("PostgreSQL warns: %s", PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY));
}

static bool
connect_now(struct db_pool *pool, struct connection *c)
{
	int64_t deadline = clock_ms() + DB_CONNECT_MS;
	int64_t refused = pool->refused_at_ms;
	char why[256];

	if (refused != 0 && clock_ms() - refused < RETRY_CONNECT_MS)
		return false;
	c->connected_ms = clock_ms();
	c->pg = server_connect(pool->servers, pool->user, deadline, why, sizeof(why));
	if (c->pg != NULL && (PQsetnonblocking(c->pg, 1) != 0 || !PQenterPipelineMode(c->pg))) {
		snprintf(why, sizeof(why), "no pipeline mode");
		disconnect(c);
	}
	if (c->pg == NULL) {
		note_connected(pool, false, why);
		return false;
	}
	PQsetNoticeReceiver(c->pg, on_notice, c);
	note_connected(pool, true, NULL);
	return true;
}

#ifdef LP_FAILPOINTS
/* `executed`: the server has done the statement, and its transaction is open. `sent`: it will
 * do it, and commit. */
static void
fail_at_server(PGconn *pg, const char *point, const char *name)
{
	if (!failpoint_armed(point, name))
		return;
	if (strcmp(point, "executed") == 0 && PQsendFlushRequest(pg) && PQflush(pg) == 0)
		wait_for(pg, POLLIN, clock_ms() + DB_CALL_MS);
	else
		PQflush(pg);
	failpoint(point, name);
}
#else
#define fail_at_server(pg, point, name) ((void)0)
#endif

/* Sends one statement, prepared on its first use on this connection, and the
 * sync point that ends its transaction. */
static bool
send_statement(PGconn *pg, const char *name, const char *sql, bool *prepared, int count,
    const char *const *params)
{
	if (!*prepared && !PQsendPrepare(pg, name, sql, 0, NULL))
		return false;
	if (!PQsendQueryPrepared(pg, name, count, params, NULL, NULL, 0))
		return false;
	fail_at_server(pg, "executed", name);
	return PQpipelineSync(pg);
}

/* Pushes out what is queued and reads until a result is there. A server that
 * answers before it has read everything must not block both sides. */
static bool
pump(PGconn *pg, int64_t deadline_ms)
{
	int unsent = PQflush(pg);

	while (unsent >= 0 && (unsent > 0 || PQisBusy(pg))) {
		if (!wait_for(pg, (short)(POLLIN | (unsent > 0 ? POLLOUT : 0)), deadline_ms) ||
		    !PQconsumeInput(pg))
			return false;
		unsent = PQflush(pg);
	}
	return unsent == 0;
}

static enum outcome
judge(const struct function *f, PGconn *pg, const PGresult *res)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);

	/* A server that is shut down at once may leave no SQLSTATE and a connection
	 * that still calls itself fine. */
	if (PQstatus(pg) != CONNECTION_OK || state == NULL || strncmp(state, "08", 2) == 0 ||
	    (strncmp(state, "57P", 3) == 0))
		return LOST;
	if (strcmp(state, "40001") == 0 || strcmp(state, "40P01") == 0)
		return CONFLICT;
	/* 25006: the server has become a standby, or was made read-only. */
	if (strcmp(state, "26000") == 0 || strcmp(state, "0A000") == 0 ||
	    strcmp(state, "25006") == 0)
		return STALE;
	if (strncmp(state, "22", 2) == 0)
		return REFUSED;
	if (strncmp(state, "53", 2) == 0 || strncmp(state, "58", 2) == 0 ||
	    strcmp(state, "57014") == 0 || strcmp(state, "55P03") == 0) {
		log_error("%s: %s", f->name, PQresultErrorMessage(res));
		return BUSY;
	}
	log_error("%s: %s", f->name, PQresultErrorMessage(res));
	return BROKEN;
}

/* Reads up to and over the next sync point; keeps the rows in *rows and notes in
 * *prepared that the statement is now known, whether or not it then succeeded. */
static enum outcome
read_to_sync(const struct function *f, PGconn *pg, int64_t deadline_ms, bool *prepared,
    PGresult **rows)
{
	enum outcome outcome = DONE;

	for (;;) {
		PGresult *res;

		if (!pump(pg, deadline_ms))
			return LOST;
		res = PQgetResult(pg);
		if (res == NULL) {	/* the end of one statement's results */
			if (PQstatus(pg) != CONNECTION_OK)
				return LOST;
			continue;
		}
		switch (PQresultStatus(res)) {
		case PGRES_PIPELINE_SYNC:
			PQclear(res);
			return outcome;
		case PGRES_TUPLES_OK:
			PQclear(*rows);
			*rows = res;
			break;
		case PGRES_COMMAND_OK:	/* only preparing answers so */
			*prepared = true;
			PQclear(res);
			break;
		case PGRES_PIPELINE_ABORTED:
			PQclear(res);
			break;
		default:
			outcome = judge(f, pg, res);
			PQclear(res);
			if (outcome == LOST)
				return LOST;
		}
	}
}

static enum outcome
attempt(struct connection *c, const struct function *f, int count, const char *const *params,
    PGresult **rows)
{
	size_t fn = (size_t)(f - functions);
	int64_t deadline = clock_ms() + DB_CALL_MS;
	PGresult *nothing = NULL;
	enum outcome outcome, flushed;

	c->warned = false;
	if (!send_statement(c->pg, f->name, f->sql, &c->prepared[fn], count, params))
		return LOST;
	if (f->writes && !send_statement(c->pg, "durable", "SELECT api.durable()",
	    &c->durable_prepared, 0, NULL))
		return LOST;
	fail_at_server(c->pg, "sent", f->name);
	outcome = read_to_sync(f, c->pg, deadline, &c->prepared[fn], rows);
	FAILPOINT("committed", f->name);
	if (outcome == LOST || !f->writes)
		return outcome;

	flushed = read_to_sync(f, c->pg, deadline, &c->durable_prepared, &nothing);
	PQclear(nothing);
	if ((flushed != DONE || c->warned) && outcome == DONE)
		return LOST;	/* not known to be on disk: not to be acknowledged */
	return outcome;
}

/* An idle connection has nothing to read unless the server hung up on it. One that was made
 * before another was lost may lead to the same server that is away without a word. */
static bool
in_doubt(struct db_pool *pool, const struct connection *c)
{
	struct pollfd p = { .fd = PQsocket(c->pg), .events = POLLIN };

	return poll(&p, 1, 0) != 0 ||
	    c->connected_ms <= pool->lost_at_ms;
}

/* Borrows, connects if need be, tries once, gives back. */
static enum outcome
try_once(struct db_pool *pool, const struct function *f, int count, const char *const *params,
    PGresult **rows, bool *reached)
{
	struct connection *c = borrow(pool);
	enum outcome outcome;

	*reached = false;
	if (c == NULL) {
		log_error("%s: no connection came free in %d ms", f->name, DB_WAIT_MS);
		return LOST;
	}
	if (c->pg != NULL && in_doubt(pool, c))
		disconnect(c);
	if (c->pg == NULL && !connect_now(pool, c)) {
		give_back(pool, c);
		return LOST;
	}
	*reached = true;
	outcome = attempt(c, f, count, params, rows);
	if (outcome == LOST)
		pool->lost_at_ms = clock_ms();
	if (outcome == LOST || outcome == STALE)
		disconnect(c);
	give_back(pool, c);
	return outcome;
}

enum db_status
db_call(struct db_pool *pool, enum db_fn fn, int count, const char *const *params,
    struct db_result **result)
{
	const struct function *f = &functions[fn];
	const char *sent[MAX_PARAMS];
	int lost = 0;

	*result = NULL;
	if (count != f->params || count >= MAX_PARAMS)
		abort();	/* a call that does not fit its function */
	for (int i = 0; i < count; i++)
		sent[i] = params[i];
	if (f->again)
		sent[count++] = "f";

	for (int tries = 0; tries < TRIES; tries++) {
		PGresult *rows = NULL;
		bool reached;
		enum outcome outcome = try_once(pool, f, count, sent, &rows, &reached);

		if (outcome == DONE && rows != NULL) {
			*result = (struct db_result *)rows;
			return DB_OK;
		}
		PQclear(rows);
		switch (outcome) {
		case REFUSED:
			return DB_INVALID;
		case BUSY:
			return DB_UNAVAILABLE;
		case DONE:
		case BROKEN:
			return DB_FAILED;
		case LOST:
			if (!reached || ++lost > 1)
				return DB_UNAVAILABLE;
			if (f->again)
				sent[count - 1] = "t";
			break;
		case CONFLICT:
			clock_sleep_ms(tries * 5);
			break;
		case STALE:
			break;
		}
	}
	log_error("%s: gave up after %d tries", f->name, TRIES);
	return DB_UNAVAILABLE;
}

enum db_status
db_lock(struct db_pool *pool, enum db_fn fn, struct db_lock *lock)
{
	struct db_result *rows;
	enum db_status status;

	if (lock->held && lock->generation == db_pool_generation(pool))
		return DB_OK;
	status = db_call(pool, fn, 0, NULL, &rows);
	lock->held = status == DB_OK && strcmp(db_text(rows, 0, 0), "t") == 0;
	lock->generation = db_pool_generation(pool);
	db_result_free(rows);
	return status;
}

enum db_status
db_ask_time(struct db_pool *pool)
{
	struct db_result *rows;
	enum db_status status = db_call(pool, FN_PING, 0, NULL, &rows);

	if (status == DB_OK)
		clock_db_is(db_number(rows, 0, 0));
	db_result_free(rows);
	return status;
}

char *
db_array(const char *const *items, int count)
{
	struct buf b = { 0 };

	buf_puts(&b, "{");
	for (int i = 0; i < count; i++) {
		if (i > 0)
			buf_puts(&b, ",");
		if (items[i] == NULL) {
			buf_puts(&b, "NULL");
			continue;
		}
		buf_puts(&b, "\"");
		for (const char *s = items[i]; *s != '\0'; s++) {
			if (*s == '"' || *s == '\\')
				buf_puts(&b, "\\");
			buf_add(&b, s, 1);
		}
		buf_puts(&b, "\"");
	}
	buf_puts(&b, "}");
	if (b.failed) {
		buf_free(&b);
		return NULL;
	}
	return b.data;
}
