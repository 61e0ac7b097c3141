/* Gathering reserves into calls. The first to come for a drop gives it a line, and the pool
 * the job of calling; when a call is back, the next goes to another thread, while this one
 * tells the members of its own. */
#include "combiner.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "metrics.h"

#define ID_LEN		24	/* text of a drop's id */
#define COLUMNS		5	/* arrays of api.reserve() */

/* Rows of one call, shared by its members. */
struct batch {
	atomic_int refs;
	struct db_result *rows;
};

TAILQ_HEAD(reserves, reserve);

/* A drop with a call in flight or about to begin, and who waits for the next. */
struct line {
	struct job job;		/* the next call */
	LIST_ENTRY(line) next;
	struct combiner *combiner;
	int64_t drop;
	struct reserves waiting;
	int waiting_count;
};

struct combiner {
	struct db_pool *db;
	struct pool *pool;
	struct combiner_limits limits;
	pthread_mutex_t lock;
	LIST_HEAD(, line) lines;
	int waiting;
	int64_t call_us;	/* that a call takes lately */
};

struct combiner *
combiner_new(struct db_pool *db, struct pool *pool, const struct combiner_limits *limits)
{
	struct combiner *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->db = db;
	c->pool = pool;
	c->limits = *limits;
	pthread_mutex_init(&c->lock, NULL);
	LIST_INIT(&c->lines);
	return c;
}

void
combiner_limit(struct combiner *c, const struct combiner_limits *limits)
{
	pthread_mutex_lock(&c->lock);
	c->limits = *limits;
	pthread_mutex_unlock(&c->lock);
}

void
combiner_free(struct combiner *c)
{
	if (c == NULL)
		return;
	pthread_mutex_destroy(&c->lock);
	free(c);
}

void
verdict_free(struct verdict *v)
{
	if (v->batch != NULL && atomic_fetch_sub(&v->batch->refs, 1) == 1) {
		db_result_free(v->batch->rows);
		free(v->batch);
	}
	v->batch = NULL;
	v->rows = NULL;
}

/*
 * A call.
 */

static const char *
column(const struct reserve *r, int i)
{
	const char *const columns[COLUMNS] = { r->id, r->session, r->size, r->key, r->request };

	return columns[i];
}

/* Formats the members as api.reserve()'s arrays; false when memory is out. */
static bool
format_arrays(struct reserve *const *r, int count, char *arrays[COLUMNS])
{
	const char **items = calloc((size_t)count, sizeof(*items));
	bool ok = items != NULL;

	for (int c = 0; c < COLUMNS && ok; c++) {
		for (int i = 0; i < count; i++)
			items[i] = column(r[i], c);
		arrays[c] = db_array(items, count);
		ok = arrays[c] != NULL;
	}
	free(items);
	return ok;
}

static enum db_status
call(struct combiner *c, struct reserve *const *r, int count, struct db_result **rows)
{
	char drop[ID_LEN], *arrays[COLUMNS] = { NULL };
	const char *params[1 + COLUMNS] = { drop };
	enum db_status status = DB_UNAVAILABLE;

	*rows = NULL;
	snprintf(drop, sizeof(drop), "%lld", (long long)r[0]->drop);
	if (format_arrays(r, count, arrays)) {
		for (int i = 0; i < COLUMNS; i++)
			params[1 + i] = arrays[i];
		status = db_call(c->db, FN_RESERVE, 1 + COLUMNS, params, rows);
	}
	for (int i = 0; i < COLUMNS; i++)
		free(arrays[i]);
	metrics_add(METRIC_RESERVE_CALLS, 1);
	metrics_add(METRIC_RESERVE_MEMBERS, (unsigned long)count);
	return status;
}

/* Calls for the members together and notes what became of each. A call that fails for what
 * one of them brought is made again for each alone; the ids of their holds tell the
 * database what it has done already. */
static void
decide(struct combiner *c, struct reserve *const *r, int count)
{
	struct db_result *rows;
	enum db_status status = call(c, r, count, &rows);
	struct batch *batch = NULL;

	if (status == DB_OK && db_rows(rows) != count + 1)
		status = DB_FAILED;
	if (status == DB_OK && (batch = malloc(sizeof(*batch))) == NULL)
		status = DB_UNAVAILABLE;	/* held, and told so when it comes again */
	if (batch == NULL)
		db_result_free(rows);
	if ((status == DB_INVALID || status == DB_FAILED) && count > 1) {
		for (int i = 0; i < count; i++)
			decide(c, r + i, 1);
		return;
	}
	if (batch != NULL)
		*batch = (struct batch){ .refs = count, .rows = rows };
	for (int i = 0; i < count; i++)
		r[i]->verdict = (struct verdict){ .status = status, .row = i,
		    .shared_row = count, .batch = batch,
		    .rows = batch != NULL ? batch->rows : NULL };
}

/*
 * Who goes with whom.
 */

static struct line *
line_find(struct combiner *c, int64_t drop)
{
	struct line *line;

	LIST_FOREACH(line, &c->lines, next)
		if (line->drop == drop)
			return line;
	return NULL;
}

static void
leave(struct combiner *c, struct line *line, struct reserve *r)
{
	TAILQ_REMOVE(&line->waiting, r, next);
	line->waiting_count--;
	c->waiting--;
}

static bool
has_user(struct reserve *const *r, int count, int64_t user)
{
	for (int i = 0; i < count; i++)
		if (r[i]->user == user)
			return true;
	return false;
}

/* Takes those that may go together, in the order they came; the function wants each user
 * once, so another reserve of the same user waits for the next call. Returns how many they
 * are. */
static int
take_members(struct combiner *c, struct line *line, struct reserve **all)
{
	struct reserve *r, *after;
	int count = 0;

	pthread_mutex_lock(&c->lock);
	for (r = TAILQ_FIRST(&line->waiting); r != NULL && count < c->limits.batch_max; r = after) {
		after = TAILQ_NEXT(r, next);
		if (has_user(all, count, r->user))
			continue;
		leave(c, line, r);
		all[count++] = r;
	}
	pthread_mutex_unlock(&c->lock);
	return count;
}

/* Keeps in mind how long calls take: each counts for an eighth, so that one that was held up
 * turns nobody away. */
static void
learn(struct combiner *c, int64_t took_us)
{
	int64_t most_us = c->limits.soon_ms * INT64_C(2000);

	c->call_us += ((took_us < most_us ? took_us : most_us) - c->call_us) / 8;
}

/* The next call of a drop, or the end of its line. */
static void
pass_on(struct combiner *c, struct line *line, int64_t took_us)
{
	bool more;

	pthread_mutex_lock(&c->lock);
	learn(c, took_us);
	more = !TAILQ_EMPTY(&line->waiting);
	if (!more)
		LIST_REMOVE(line, next);
	pthread_mutex_unlock(&c->lock);
	if (more)
		pool_push_first(c->pool, &line->job);
	else
		free(line);
}

/* Calls for all that wait. To wait a moment for more company was tried: the calls get
 * larger, and there are fewer answers a second. */
static void
lead(void *arg)
{
	struct line *line = arg;
	struct combiner *c = line->combiner;
	struct reserve *all[COMBINER_BATCH_MAX];
	int count = take_members(c, line, all);
	int64_t began_us = clock_us();

	for (int i = 0; i < count; i++)
		metrics_waited(WAIT_RESERVE, (began_us / 1000 - all[i]->since_ms) * 1000);
	if (count > 0)	/* or they were turned away meanwhile */
		decide(c, all, count);
	pass_on(c, line, clock_us() - began_us);
	for (int i = 0; i < count; i++)
		all[i]->done(all[i]);
}

static struct line *
line_new(struct combiner *c, int64_t drop)
{
	struct line *line = calloc(1, sizeof(*line));

	if (line == NULL)
		return NULL;
	line->job = (struct job){ .run = lead, .arg = line };
	line->combiner = c;
	line->drop = drop;
	TAILQ_INIT(&line->waiting);
	LIST_INSERT_HEAD(&c->lines, line, next);
	return line;
}

/* Whether one more in a line can be decided soon enough: after the call in flight come as many
 * as it takes for those before it, then its own. */
static bool
has_room(const struct combiner *c, const struct line *line)
{
	int batch = c->limits.batch_max;

	if (c->waiting >= c->limits.waiting_max)
		return false;
	return line->waiting_count < batch || c->limits.soon_ms == 0 ||
	    (line->waiting_count / batch + 1) * c->call_us <= c->limits.soon_ms * INT64_C(1000);
}

bool
combiner_join(struct combiner *c, struct reserve *r)
{
	struct line *line, *begun = NULL;

	r->since_ms = clock_ms();
	r->verdict = (struct verdict){ .status = DB_UNAVAILABLE };
	pthread_mutex_lock(&c->lock);
	line = line_find(c, r->drop);
	if (line != NULL && !has_room(c, line))
		line = NULL;
	else if (line == NULL)
		line = begun = line_new(c, r->drop);
	if (line != NULL) {
		TAILQ_INSERT_TAIL(&line->waiting, r, next);
		line->waiting_count++;
		c->waiting++;
	}
	pthread_mutex_unlock(&c->lock);
	if (begun != NULL)
		pool_push_first(c->pool, &begun->job);
	if (line == NULL)
		metrics_add(METRIC_RESERVES_TURNED_AWAY, 1);
	return line != NULL;
}

void
combiner_turn_away(struct combiner *c)
{
	int64_t late = clock_ms() - c->limits.wait_ms;
	struct reserves away = TAILQ_HEAD_INITIALIZER(away);
	struct reserve *r;
	struct line *line;

	pthread_mutex_lock(&c->lock);
	LIST_FOREACH(line, &c->lines, next) {
		while ((r = TAILQ_FIRST(&line->waiting)) != NULL && r->since_ms <= late) {
			leave(c, line, r);
			TAILQ_INSERT_TAIL(&away, r, next);
		}
	}
	pthread_mutex_unlock(&c->lock);
	while ((r = TAILQ_FIRST(&away)) != NULL) {
		TAILQ_REMOVE(&away, r, next);
		metrics_add(METRIC_RESERVES_TURNED_AWAY, 1);
		r->done(r);
	}
}
