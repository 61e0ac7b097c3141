/* Gathering reserves into calls. There is no thread for it: the first to come for a
 * drop makes the call itself, and when it is back hands the drop to one of those that
 * wait, who then calls for all of them. */
#include "combiner.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

#include "clock.h"
#include "metrics.h"

#define ID_LEN		24	/* text of a drop's id */
#define COLUMNS		5	/* arrays of api.reserve() */

/* Rows of one call, shared by its members. */
struct batch {
	atomic_int refs;
	struct db_result *rows;
};

/* One that waits, on the stack of its thread. */
struct member {
	TAILQ_ENTRY(member) next;
	const struct reserve *reserve;
	struct verdict *verdict;
	sem_t turn;		/* posted when it is to lead or has its verdict */
	bool queued;		/* under the lock: in its line still */
	bool lead;		/* it makes the call */
};

TAILQ_HEAD(members, member);

/* A drop with a call in flight, and who waits for the next. */
struct line {
	LIST_ENTRY(line) next;
	int64_t drop;
	struct members members;
};

struct combiner {
	struct db_pool *db;
	struct combiner_limits limits;
	pthread_mutex_t lock;
	LIST_HEAD(, line) lines;
	int waiting;
};

struct combiner *
combiner_new(struct db_pool *db, const struct combiner_limits *limits)
{
	struct combiner *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->db = db;
	c->limits = *limits;
	pthread_mutex_init(&c->lock, NULL);
	LIST_INIT(&c->lines);
	return c;
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
format_arrays(struct member *const *m, int count, char *arrays[COLUMNS])
{
	const char **items = calloc((size_t)count, sizeof(*items));
	bool ok = items != NULL;

	for (int c = 0; c < COLUMNS && ok; c++) {
		for (int i = 0; i < count; i++)
			items[i] = column(m[i]->reserve, c);
		arrays[c] = db_array(items, count);
		ok = arrays[c] != NULL;
	}
	free(items);
	return ok;
}

static enum db_status
call(struct combiner *c, struct member *const *m, int count, struct db_result **rows)
{
	char drop[ID_LEN], *arrays[COLUMNS] = { NULL };
	const char *params[1 + COLUMNS] = { drop };
	enum db_status status = DB_UNAVAILABLE;

	*rows = NULL;
	snprintf(drop, sizeof(drop), "%lld", (long long)m[0]->reserve->drop);
	if (format_arrays(m, count, arrays)) {
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

/* Calls for the members together and hands each its verdict. A call that fails for what
 * one of them brought is made again for each alone; the ids of their holds tell the
 * database what it has done already. */
static void
decide(struct combiner *c, struct member *const *m, int count)
{
	struct db_result *rows;
	enum db_status status = call(c, m, count, &rows);
	struct batch *batch = NULL;

	if (status == DB_OK && db_rows(rows) != count + 1)
		status = DB_FAILED;
	if (status == DB_OK && (batch = malloc(sizeof(*batch))) == NULL)
		status = DB_UNAVAILABLE;	/* held, and told so when it comes again */
	if (batch == NULL)
		db_result_free(rows);
	if ((status == DB_INVALID || status == DB_FAILED) && count > 1) {
		for (int i = 0; i < count; i++)
			decide(c, m + i, 1);
		return;
	}
	if (batch != NULL)
		*batch = (struct batch){ .refs = count, .rows = rows };
	for (int i = 0; i < count; i++)
		*m[i]->verdict = (struct verdict){ .status = status, .row = i,
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
leave_line(struct combiner *c, struct line *line, struct member *m)
{
	TAILQ_REMOVE(&line->members, m, next);
	m->queued = false;
	c->waiting--;
}

static bool
has_user(struct member *const *m, int count, int64_t user)
{
	for (int i = 0; i < count; i++)
		if (m[i]->reserve->user == user)
			return true;
	return false;
}

/* Adds to the leader in all[0] those that may go with it, in the order they came; the
 * function wants each user once, so another reserve of the same user waits for the
 * next call. Returns how many they are. */
static int
take_members(struct combiner *c, struct line *line, struct member **all)
{
	struct member *m, *after;
	int count = 1;

	pthread_mutex_lock(&c->lock);
	for (m = TAILQ_FIRST(&line->members); m != NULL && count < c->limits.batch_max; m = after) {
		after = TAILQ_NEXT(m, next);
		if (has_user(all, count, m->reserve->user))
			continue;
		leave_line(c, line, m);
		all[count++] = m;
	}
	pthread_mutex_unlock(&c->lock);
	return count;
}

/* Hands the drop to the first that waits, or is done with it. */
static void
pass_on(struct combiner *c, struct line *line)
{
	struct member *m;

	pthread_mutex_lock(&c->lock);
	m = TAILQ_FIRST(&line->members);
	if (m != NULL) {
		leave_line(c, line, m);
		m->lead = true;
	} else {
		LIST_REMOVE(line, next);
	}
	pthread_mutex_unlock(&c->lock);
	if (m != NULL)
		sem_post(&m->turn);
	else
		free(line);
}

/* Calls for `m` and for those that wait behind it. To wait a moment for more company was
 * tried: the calls get larger, and there are fewer answers a second. */
static void
lead(struct combiner *c, struct line *line, struct member *m)
{
	struct member *all[COMBINER_BATCH_MAX];
	int count;

	all[0] = m;
	count = take_members(c, line, all);
	decide(c, all, count);
	pass_on(c, line);
	for (int i = 1; i < count; i++)
		sem_post(&all[i]->turn);
}

/* Waits to lead or for a verdict; false when neither began in time and it has left. */
static bool
wait_turn(struct combiner *c, struct line *line, struct member *m)
{
	int64_t until_ms = clock_ms() + c->limits.wait_ms;
	struct timespec until = { until_ms / 1000, until_ms % 1000 * 1000000 };
	bool left;

	while (sem_clockwait(&m->turn, CLOCK_MONOTONIC, &until) != 0) {
		if (errno == EINTR)
			continue;
		pthread_mutex_lock(&c->lock);
		left = m->queued;
		if (left)
			leave_line(c, line, m);
		pthread_mutex_unlock(&c->lock);
		if (left)
			return false;
		while (sem_wait(&m->turn) != 0)	/* the call it is in has an end of its own */
			;
		break;
	}
	return true;
}

/* Joins the drop's line, or begins one to lead. False: too many wait. */
static bool
join(struct combiner *c, struct member *m, struct line **line)
{
	bool ok = true;

	pthread_mutex_lock(&c->lock);
	*line = line_find(c, m->reserve->drop);
	if (*line == NULL) {
		*line = malloc(sizeof(**line));
		ok = *line != NULL;
		if (ok) {
			(*line)->drop = m->reserve->drop;
			TAILQ_INIT(&(*line)->members);
			LIST_INSERT_HEAD(&c->lines, *line, next);
			m->lead = true;
		}
	} else if (c->waiting >= c->limits.waiting_max) {
		ok = false;
	} else {
		TAILQ_INSERT_TAIL(&(*line)->members, m, next);
		m->queued = true;
		c->waiting++;
	}
	pthread_mutex_unlock(&c->lock);
	return ok;
}

void
combiner_reserve(struct combiner *c, const struct reserve *r, struct verdict *v)
{
	struct member m = { .reserve = r, .verdict = v };
	struct line *line;

	*v = (struct verdict){ .status = DB_UNAVAILABLE };
	sem_init(&m.turn, 0, 0);
	if (!join(c, &m, &line) || (!m.lead && !wait_turn(c, line, &m)))
		metrics_add(METRIC_RESERVES_TURNED_AWAY, 1);
	else if (m.lead)
		lead(c, line, &m);
	sem_destroy(&m.turn);
}
