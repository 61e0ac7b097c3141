/* The thread that reads PostgreSQL. */
#include "reader.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "db.h"
#include "json.h"
#include "log.h"
#include "uuid.h"

#define TRIES		3	/* of one poll while the connection keeps changing */
#define NUMBER_LEN	24
#define GOODBYE_MS	500

struct reader {
	const struct conf *conf;
	struct db_pool *pool;
	struct event *ready;
	int wake;		/* an eventfd: an answer is there */
	struct reader_watch watch;

	/* Only the loop's thread. */
	bool polling, asking;

	/* Only the reader's thread. What the last answer was read from. */
	char *origin;
	unsigned long generation;

	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more;
	bool ending;
	struct poll_request *poll_request;
	struct poll_answer *poll_answer;
	struct session_request *session_request;
	struct session_answer *session_answer;
};

static void
poll_answer_free(struct poll_answer *a)
{
	if (a == NULL)
		return;
	for (int i = 0; i < a->count; i++)
		drop_news_free(&a->news[i]);
	free(a->news);
	free(a);
}

static void
poll_answer_clear(struct poll_answer *a)
{
	for (int i = 0; i < a->count; i++)
		drop_news_free(&a->news[i]);
	free(a->news);
	a->news = NULL;
	a->count = 0;
}

void
session_answer_free(struct session_answer *a)
{
	if (a == NULL)
		return;
	free(a->sessions);
	free(a);
}

struct session_answer *
session_answer_copy(const struct session_answer *a)
{
	struct session_answer *copy = a != NULL ? malloc(sizeof(*copy)) : NULL;

	if (copy == NULL)
		return NULL;
	*copy = *a;
	copy->sessions = malloc((size_t)a->count * sizeof(*a->sessions) + 1);
	if (copy->sessions == NULL) {
		free(copy);
		return NULL;
	}
	if (a->count > 0)
		memcpy(copy->sessions, a->sessions, (size_t)a->count * sizeof(*a->sessions));
	return copy;
}

bool
session_id(const char *text, unsigned char id[SESSION_LEN])
{
	int nibbles = 0;

	if (!uuid_valid(text))
		return false;
	for (; *text != '\0'; text++) {
		int v;

		if (*text == '-')
			continue;
		v = *text <= '9' ? *text - '0' : (*text | 0x20) - 'a' + 10;
		if (nibbles % 2 == 0)
			id[nibbles / 2] = (unsigned char)(v << 4);
		else
			id[nibbles / 2] |= (unsigned char)v;
		nibbles++;
	}
	return true;
}

static void
session_text(const unsigned char id[SESSION_LEN], char out[UUID_TEXT_LEN])
{
	for (int i = 0; i < SESSION_LEN; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*out++ = '-';
		snprintf(out, 3, "%02x", id[i]);
		out += 2;
	}
}

/* Makes a PostgreSQL array of `count` texts of at most `len` bytes (the NUL
 * included) that lie in a row; NULL when memory is out. */
static char *
array_of(const char *texts, size_t len, int count)
{
	const char **items = malloc((size_t)(count > 0 ? count : 1) * sizeof(*items));
	char *array;

	if (items == NULL)
		return NULL;
	for (int i = 0; i < count; i++)
		items[i] = texts + (size_t)i * len;
	array = db_array(items, count);
	free(items);
	return array;
}

/* The drops' numbers, or their versions, as an array. */
static char *
known_array(const struct poll_request *request, int count, bool versions)
{
	char *texts = malloc((size_t)(count > 0 ? count : 1) * NUMBER_LEN), *array;

	if (texts == NULL)
		return NULL;
	for (int i = 0; i < count; i++)
		snprintf(texts + (size_t)i * NUMBER_LEN, NUMBER_LEN, "%" PRId64,
		    versions ? request->known[i].version : request->known[i].drop);
	array = array_of(texts, NUMBER_LEN, count);
	free(texts);
	return array;
}

static int
known_order(const void *a, const void *b)
{
	const struct known *x = a, *y = b;

	return (x->drop > y->drop) - (x->drop < y->drop);
}

static int64_t
known_version(const struct poll_request *request, int64_t drop)
{
	struct known key = { .drop = drop };
	const struct known *k = bsearch(&key, request->known, (size_t)request->count,
	    sizeof(key), known_order);

	return k != NULL ? k->version : -1;
}

/* Takes one row. A drop that can't be read still counts as open. */
static void
take_row(const struct db_result *rows, int row, struct drop_news *news)
{
	const char *text = db_text(rows, row, 2), *why = "";
	struct json_object *o;
	bool ok = true;

	*news = (struct drop_news){ 0 };
	if (text != NULL) {
		o = json_parse_object(text, strlen(text), &why);
		ok = o != NULL && drop_news_parse(o, news);
		json_object_put(o);
	}
	if (!ok) {
		log_error("drop %lld can't be read from the database: %s",
		    db_number(rows, row, 0), why);
		drop_news_free(news);
	}
	news->drop = db_number(rows, row, 0);
	news->version = db_number(rows, row, 1);
}

/* Calls the poll with the first `count` known drops (all of them or none). */
static bool
read_drops(struct reader *r, const struct poll_request *request, int count,
    struct poll_answer *answer)
{
	char *drops = known_array(request, count, false);
	char *versions = known_array(request, count, true);
	const char *params[] = { drops, versions };
	struct db_result *rows = NULL;
	bool ok = drops != NULL && versions != NULL &&
	    db_call(r->pool, FN_STREAM_POLL, 2, params, &rows) == DB_OK;

	free(drops);
	free(versions);
	if (!ok)
		return false;
	answer->news = calloc((size_t)db_rows(rows) + 1, sizeof(answer->news[0]));
	if (answer->news != NULL)
		for (; answer->count < db_rows(rows); answer->count++)
			take_row(rows, answer->count, &answer->news[answer->count]);
	db_result_free(rows);
	return answer->news != NULL;
}

/* Whether a version is lower than one that was known when the question was sent:
 * then the server has lost commits. */
static bool
went_back(const struct poll_request *request, const struct poll_answer *answer)
{
	for (int i = 0; i < answer->count; i++)
		if (answer->news[i].version < known_version(request, answer->news[i].drop))
			return true;
	return false;
}

/* The server's origin, malloc'd; NULL when it can't be asked. */
static char *
read_origin(struct reader *r)
{
	struct db_result *rows;
	const char *s;
	char *origin = NULL;

	if (db_call(r->pool, FN_STREAM_ORIGIN, 0, NULL, &rows) != DB_OK)
		return NULL;
	s = db_rows(rows) == 1 ? db_text(rows, 0, 0) : NULL;
	if (s != NULL) {
		origin = strdup(s);
		clock_db_is(db_number(rows, 0, 1));
	}
	db_result_free(rows);
	return origin;
}

/* Reads the drops, in full when the server is not the one, or not on the
 * connection, that the last answer came from. What is read must all come from one
 * connection, or it proves nothing; false: it did not. */
static bool
poll_once(struct reader *r, const struct poll_request *request, struct poll_answer *answer)
{
	char *origin = read_origin(r);
	unsigned long generation = db_pool_generation(r->pool);

	if (origin == NULL)
		return true;
	answer->renewed = r->origin == NULL || strcmp(r->origin, origin) != 0 ||
	    r->generation != generation;
	answer->ok = read_drops(r, request, answer->renewed ? 0 : request->count, answer);
	if (answer->ok && !answer->renewed && went_back(request, answer)) {
		poll_answer_clear(answer);
		answer->renewed = true;
		answer->ok = read_drops(r, request, 0, answer);
	}
	if (answer->ok && db_pool_generation(r->pool) != generation) {
		poll_answer_clear(answer);
		answer->ok = false;
		free(origin);
		return false;
	}
	if (answer->ok) {
		free(r->origin);
		r->origin = origin;
		r->generation = generation;
	} else {
		poll_answer_clear(answer);
		free(origin);
	}
	return true;
}

static struct poll_answer *
do_poll(struct reader *r, const struct poll_request *request)
{
	struct poll_answer *answer = calloc(1, sizeof(*answer));

	if (answer == NULL)
		return NULL;
	answer->number = request->number;
	for (int tries = 0; tries < TRIES; tries++)
		if (poll_once(r, request, answer))
			break;
	return answer;
}

static int
session_order(const void *a, const void *b)
{
	return memcmp(a, b, SESSION_LEN);
}

static bool
take_sessions(const struct db_result *rows, struct session_answer *answer)
{
	answer->sessions = calloc((size_t)db_rows(rows) + 1, sizeof(answer->sessions[0]));
	if (answer->sessions == NULL)
		return false;
	for (int i = 0; i < db_rows(rows); i++) {
		struct session *s = &answer->sessions[answer->count];
		const char *id = db_text(rows, i, 0);

		if (id == NULL || !session_id(id, s->id))
			continue;
		s->user = db_number(rows, i, 1);
		answer->count++;
	}
	qsort(answer->sessions, (size_t)answer->count, sizeof(answer->sessions[0]),
	    session_order);
	return true;
}

static struct session_answer *
do_sessions(struct reader *r, const struct session_request *request)
{
	struct session_answer *answer = calloc(1, sizeof(*answer));
	char *texts = malloc((size_t)request->count * UUID_TEXT_LEN + 1), *array = NULL;
	const char *params[1];
	struct db_result *rows = NULL;

	if (texts != NULL) {
		for (int i = 0; i < request->count; i++)
			session_text(request->sessions[i].id, texts + (size_t)i * UUID_TEXT_LEN);
		array = array_of(texts, UUID_TEXT_LEN, request->count);
	}
	params[0] = array;
	if (answer != NULL) {
		answer->round = request->round;
		answer->ok = array != NULL &&
		    db_call(r->pool, FN_STREAM_SESSIONS, 1, params, &rows) == DB_OK &&
		    take_sessions(rows, answer);
	}
	db_result_free(rows);
	free(array);
	free(texts);
	return answer;
}

/* The thread: takes one question, works on it unlocked, leaves the answer. */
static void *
run(void *arg)
{
	struct reader *r = arg;

	pthread_mutex_lock(&r->lock);
	for (;;) {
		struct session_request *sessions = r->session_request;
		struct poll_request *poll = sessions == NULL ? r->poll_request : NULL;
		struct session_answer *session_answer = NULL;
		struct poll_answer *poll_answer = NULL;

		if (r->ending)
			break;
		if (sessions == NULL && poll == NULL) {
			pthread_cond_wait(&r->more, &r->lock);
			continue;
		}
		if (sessions != NULL)
			r->session_request = NULL;
		else
			r->poll_request = NULL;
		pthread_mutex_unlock(&r->lock);
		if (sessions != NULL)
			session_answer = do_sessions(r, sessions);
		else
			poll_answer = do_poll(r, poll);
		free(sessions);
		free(poll);
		pthread_mutex_lock(&r->lock);
		if (session_answer != NULL)
			r->session_answer = session_answer;
		if (poll_answer != NULL)
			r->poll_answer = poll_answer;
		eventfd_write(r->wake, sessions != NULL ? 1 : UINT64_C(1) << 32);
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

/* In the loop: hands out the answers. A poll that memory was short for is simply
 * asked for again. */
static void
on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct reader *r = arg;
	struct poll_answer *poll;
	struct session_answer *sessions;
	eventfd_t count = 0;

	(void)what;
	if (eventfd_read(fd, &count) != 0)
		return;
	pthread_mutex_lock(&r->lock);
	poll = r->poll_answer;
	sessions = r->session_answer;
	r->poll_answer = NULL;
	r->session_answer = NULL;
	pthread_mutex_unlock(&r->lock);
	if (count >> 32)
		r->polling = false;
	if (poll != NULL)
		r->watch.polled(r->watch.arg, poll);
	if (count & UINT32_MAX) {
		r->asking = false;
		r->watch.sessions(r->watch.arg, sessions);
	}
	poll_answer_free(poll);
	session_answer_free(sessions);
}

static void
reader_clean(struct reader *r)
{
	if (r->ready != NULL)
		event_free(r->ready);
	if (r->wake >= 0)
		close(r->wake);
	db_pool_free(r->pool);
	free(r->origin);
	free(r->poll_request);
	free(r->session_request);
	poll_answer_free(r->poll_answer);
	session_answer_free(r->session_answer);
	free(r);
}

struct reader *
reader_new(const struct conf *conf, struct event_base *base, const struct reader_watch *watch)
{
	struct reader *r = calloc(1, sizeof(*r));
	const char *step = "memory";

	if (r == NULL) {
		log_error("no memory");
		return NULL;
	}
	r->conf = conf;
	r->watch = *watch;
	r->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->wake < 0) {
		step = "eventfd";
		goto fail;
	}
	r->pool = db_pool_new(conf->database, conf->database_user_sse, 1);
	r->ready = event_new(base, r->wake, EV_READ | EV_PERSIST, on_ready, r);
	if (r->pool == NULL || r->ready == NULL || event_add(r->ready, NULL) != 0)
		goto fail;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->more, NULL);
	if (pthread_create(&r->thread, NULL, run, r) != 0) {
		step = "thread";
		goto fail;
	}
	return r;
fail:
	log_error("can't start the database reader: %s", step);
	reader_clean(r);
	return NULL;
}

bool
reader_free(struct reader *r)
{
	int64_t until = clock_ms() + GOODBYE_MS;
	struct timespec deadline = { until / 1000, until % 1000 * 1000000 };

	if (r == NULL)
		return true;
	pthread_mutex_lock(&r->lock);
	r->ending = true;
	pthread_cond_signal(&r->more);
	pthread_mutex_unlock(&r->lock);
	if (pthread_clockjoin_np(r->thread, NULL, CLOCK_MONOTONIC, &deadline) != 0)
		return false;
	pthread_cond_destroy(&r->more);
	pthread_mutex_destroy(&r->lock);
	reader_clean(r);
	return true;
}

bool
reader_poll(struct reader *r, struct poll_request *request)
{
	if (request == NULL || r->polling) {
		free(request);
		return false;
	}
	r->polling = true;
	pthread_mutex_lock(&r->lock);
	r->poll_request = request;
	pthread_cond_signal(&r->more);
	pthread_mutex_unlock(&r->lock);
	return true;
}

bool
reader_sessions(struct reader *r, struct session_request *request)
{
	if (request == NULL || r->asking) {
		free(request);
		return false;
	}
	r->asking = true;
	pthread_mutex_lock(&r->lock);
	r->session_request = request;
	pthread_cond_signal(&r->more);
	pthread_mutex_unlock(&r->lock);
	return true;
}

bool
reader_polling(const struct reader *r)
{
	return r->polling;
}
