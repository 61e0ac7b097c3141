/* An event loop of its own, and its mail. */
#include "loop.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base.h"
#include "log.h"

#define TELL_MS	100	/* between looks at its figures */

enum mail_kind { MAIL_NOTICE, MAIL_NEWCOMER };

struct mail {
	struct mail *next;
	enum mail_kind kind;
	bool soon;
	union {
		struct notice notice;
		struct newcomer newcomer;
	};
	char text[];	/* what they point to */
};

struct loop {
	struct event_base *base;
	struct board *board;
	struct crowd *crowd;
	struct event *woken, *telling;
	int wake;		/* an eventfd */
	int asked;
	bool started;
	pthread_t thread;
	atomic_int streams;

	bool gap;	/* only the main thread: a notice could not be posted */
	bool deaf;	/* only the loop's: a notice could not be taken */

	pthread_mutex_t lock;
	struct mail *first, **last;
	bool round, ending;
	bool lost;		/* as `deaf`, for the main thread */
	bool answered;
	struct session_request *question;
	struct session_answer *answer;
	struct loop_stats stats;
};

/*
 * In the main thread.
 */

static void
put(struct loop *l, struct mail *m)
{
	m->next = NULL;
	pthread_mutex_lock(&l->lock);
	*l->last = m;
	l->last = &m->next;
	pthread_mutex_unlock(&l->lock);
}

/* Copies a notice with its texts; NULL when memory is out. */
static struct mail *
notice_mail(const struct notice *n)
{
	size_t name_len = n->name != NULL ? strlen(n->name) + 1 : 0;
	struct mail *m = malloc(sizeof(*m) + name_len + n->len);

	if (m == NULL)
		return NULL;
	m->kind = MAIL_NOTICE;
	m->notice = *n;
	if (name_len > 0)
		m->notice.name = memcpy(m->text, n->name, name_len);
	if (n->len > 0)
		m->notice.data = memcpy(m->text + name_len, n->data, n->len);
	return m;
}

void
loop_post(struct loop *l, const struct notice *n, bool soon)
{
	struct mail *m;

	if (l->gap && n->kind != NOTICE_RENEWED)
		return;
	m = notice_mail(n);
	l->gap = m == NULL;
	if (m == NULL) {
		log_error("no memory for a notice");
		return;
	}
	m->soon = soon;
	put(l, m);
}

bool
loop_deaf(struct loop *l)
{
	bool lost;

	pthread_mutex_lock(&l->lock);
	lost = l->lost;
	pthread_mutex_unlock(&l->lock);
	return lost || l->gap;
}

void
loop_wake(struct loop *l, bool round)
{
	pthread_mutex_lock(&l->lock);
	l->round = l->round || round;
	pthread_mutex_unlock(&l->lock);
	eventfd_write(l->wake, 1);
}

void
loop_add(struct loop *l, const struct newcomer *n)
{
	size_t last_len = n->last != NULL ? strlen(n->last) + 1 : 0;
	struct mail *m = malloc(sizeof(*m) + last_len);

	if (m == NULL) {
		log_error("no memory for a stream");
		close(n->fd);
		return;
	}
	m->kind = MAIL_NEWCOMER;
	m->newcomer = *n;
	if (last_len > 0)
		m->newcomer.last = memcpy(m->text, n->last, last_len);
	atomic_fetch_add(&l->streams, 1);
	put(l, m);
	loop_wake(l, false);
}

int
loop_streams(const struct loop *l)
{
	return atomic_load(&l->streams);
}

struct session_request *
loop_question(struct loop *l)
{
	struct session_request *question;

	pthread_mutex_lock(&l->lock);
	question = l->question;
	l->question = NULL;
	pthread_mutex_unlock(&l->lock);
	return question;
}

void
loop_answer(struct loop *l, const struct session_answer *answer)
{
	struct session_answer *copy = session_answer_copy(answer);

	pthread_mutex_lock(&l->lock);
	session_answer_free(l->answer);
	l->answer = copy;
	l->answered = true;
	pthread_mutex_unlock(&l->lock);
	loop_wake(l, false);
}

void
loop_stats(struct loop *l, struct loop_stats *stats)
{
	pthread_mutex_lock(&l->lock);
	*stats = l->stats;
	pthread_mutex_unlock(&l->lock);
}

/*
 * In the loop's own.
 */

static void
on_ask(void *arg, struct session_request *request)
{
	struct loop *l = arg;

	pthread_mutex_lock(&l->lock);
	free(l->question);
	l->question = request;
	pthread_mutex_unlock(&l->lock);
	eventfd_write(l->asked, 1);
}

static void
on_left(void *arg)
{
	struct loop *l = arg;

	atomic_fetch_sub(&l->streams, 1);
}

static void
tell_stats(struct loop *l)
{
	pthread_mutex_lock(&l->lock);
	l->stats.crowd = *crowd_stats(l->crowd);
	l->stats.board = *board_stats(l->board);
	pthread_mutex_unlock(&l->lock);
}

static void
on_telling(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	tell_stats(arg);
}

/* After a notice that was lost the numbers would be wrong: nothing counts until they
 * are told anew. */
static void
take_notice(struct loop *l, const struct mail *m)
{
	bool taken;

	if (l->deaf && m->notice.kind != NOTICE_RENEWED)
		return;
	taken = board_take(l->board, &m->notice);
	if (taken == l->deaf) {
		l->deaf = !taken;
		pthread_mutex_lock(&l->lock);
		l->lost = l->deaf;
		pthread_mutex_unlock(&l->lock);
	}
	if (taken)
		crowd_notice(l->crowd, &m->notice, m->soon);
}

static void
take_mail(struct loop *l, struct mail *m)
{
	struct mail *next;

	for (; m != NULL; m = next) {
		next = m->next;
		if (m->kind == MAIL_NOTICE)
			take_notice(l, m);
		else
			crowd_add(l->crowd, &m->newcomer);
		free(m);
	}
}

static void
on_woken(evutil_socket_t fd, short what, void *arg)
{
	struct loop *l = arg;
	struct mail *mail;
	struct session_answer *answer;
	bool round, answered, ending;
	eventfd_t count;

	(void)what;
	eventfd_read(fd, &count);
	pthread_mutex_lock(&l->lock);
	mail = l->first;
	l->first = NULL;
	l->last = &l->first;
	answer = l->answer;
	l->answer = NULL;
	answered = l->answered;
	round = l->round;
	ending = l->ending;
	l->answered = l->round = false;
	pthread_mutex_unlock(&l->lock);
	take_mail(l, mail);
	if (answered)
		crowd_sessions(l->crowd, answer);
	session_answer_free(answer);
	if (round) {
		crowd_round(l->crowd);
		tell_stats(l);
	}
	if (ending)
		event_base_loopbreak(l->base);
}

static void *
run(void *arg)
{
	struct loop *l = arg;

	event_base_dispatch(l->base);
	return NULL;
}

/*
 * Beginning and end.
 */

static void
throw_away(struct mail *m)
{
	struct mail *next;

	for (; m != NULL; m = next) {
		next = m->next;
		if (m->kind == MAIL_NEWCOMER)
			close(m->newcomer.fd);
		free(m);
	}
}

void
loop_free(struct loop *l)
{
	if (l == NULL)
		return;
	if (l->started) {
		pthread_mutex_lock(&l->lock);
		l->ending = true;
		pthread_mutex_unlock(&l->lock);
		eventfd_write(l->wake, 1);
		pthread_join(l->thread, NULL);
	}
	throw_away(l->first);
	crowd_free(l->crowd);
	board_free(l->board);
	if (l->woken != NULL)
		event_free(l->woken);
	if (l->telling != NULL)
		event_free(l->telling);
	if (l->base != NULL)
		event_base_free(l->base);
	if (l->wake >= 0)
		close(l->wake);
	free(l->question);
	session_answer_free(l->answer);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

static bool
make_parts(struct loop *l, const struct conf *conf, int max)
{
	static const struct timeval each = { 0, TELL_MS * 1000 };

	l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	l->base = base_new();
	l->board = board_new((size_t)conf->sse_log_kib * 1024);
	if (l->wake < 0 || l->base == NULL || l->board == NULL)
		return false;
	l->crowd = crowd_new(conf, max, l->base, l->board, &(struct crowd_watch){
	    .ask = on_ask, .left = on_left, .arg = l });
	l->woken = event_new(l->base, l->wake, EV_READ | EV_PERSIST, on_woken, l);
	l->telling = event_new(l->base, -1, EV_PERSIST, on_telling, l);
	return l->crowd != NULL && l->woken != NULL && l->telling != NULL &&
	    event_add(l->woken, NULL) == 0 && event_add(l->telling, &each) == 0;
}

struct loop *
loop_new(const struct conf *conf, int max, int asked)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (l == NULL) {
		log_error("no memory");
		return NULL;
	}
	l->wake = -1;
	l->asked = asked;
	l->last = &l->first;
	pthread_mutex_init(&l->lock, NULL);
	l->started = make_parts(l, conf, max) && pthread_create(&l->thread, NULL, run, l) == 0;
	if (!l->started) {
		log_error("can't start an event loop");
		loop_free(l);
		return NULL;
	}
	return l;
}
