/* All loops. */
#include "crew.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

#define SHARE		6	/* rounds take a sixth of the time in the long run */
#define PROXIED		7	/* as often as itself a write to the web server is counted: that
				 * one takes six times as long to pass it on */
#define CREDIT_US	150000	/* that rounds may be ahead of their share, after a quiet time */
#define WIDEST_TICK_MS	1000
#define SOON_MS		100	/* a round in that time is worth waiting for */
#define NOBODY		(-1)

struct crew {
	struct hub *hub;
	struct reader *reader;
	struct event *tick;
	int64_t least_tick_ms, tick_ms;
	int64_t round_started_ms;
	int64_t owed_us, owed_at_us;	/* time taken by rounds beyond their share, and when */
	bool settled;		/* the last round is in it */
	bool ticking;		/* a round is due */
	bool flushing;		/* notices come from a round that is beginning */
	int max, most;		/* streams: now, and for which there is room */
	int streams;		/* of the main loop */
	struct crowd *crowd;	/* the main loop's */
	struct session_request *question;	/* its question; NULL: none waits */
	int asker;		/* whose question the reader has: the index of a loop, `others` for
				 * the main one, or NOBODY */
	int last_asker;
	int asked_fd;
	struct event *asked;
	int others;
	struct loop *loops[];
};

/*
 * Rounds.
 */

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct crew *w = arg;

	(void)fd;
	(void)what;
	w->ticking = false;
	w->settled = false;
	w->round_started_ms = clock_ms();
	w->flushing = true;
	hub_flush(w->hub);
	w->flushing = false;
	for (int i = 0; i < w->others; i++)
		loop_wake(w->loops[i], true);
	crowd_round(w->crowd);
	hub_written(w->hub);
}

/* What a loop's rounds take, with what they make the web server do. One round that was
 * held up says nothing of load, so it is the shorter of two. */
static int64_t
round_us(const struct crowd_stats *s)
{
	return s->steady_us + (s->subscribers == 0 ? 0 :
	    s->steady_us * (PROXIED - 1) * s->proxied / s->subscribers);
}

static int64_t
longest_round_us(const struct crew *w)
{
	int64_t longest = round_us(crowd_stats(w->crowd));

	for (int i = 0; i < w->others; i++) {
		struct loop_stats stats;

		loop_stats(w->loops[i], &stats);
		if (round_us(&stats.crowd) > longest)
			longest = round_us(&stats.crowd);
	}
	return longest;
}

/* The time that must pass before rounds have taken no more than their share. It is paid off
 * as time goes by, at least within the widest tick. */
static int64_t
owed_ms(struct crew *w)
{
	int64_t now = clock_us();

	w->owed_us -= (now - w->owed_at_us) / SHARE;
	w->owed_at_us = now;
	if (w->owed_us < -CREDIT_US)
		w->owed_us = -CREDIT_US;
	if (!w->settled)
		w->owed_us += longest_round_us(w);
	w->settled = true;
	if (w->owed_us > WIDEST_TICK_MS * 1000 / SHARE)
		w->owed_us = WIDEST_TICK_MS * 1000 / SHARE;
	return w->owed_us > 0 ? w->owed_us * SHARE / 1000 : 0;
}

/* Something is to be sent: at once when the last round is a tick ago, else when it
 * will be. A tick is as long as set; where rounds take more than their share it is longer,
 * so that load makes updates rarer and never late, and leaves the machine to those who sell. */
static void
on_changed(void *arg)
{
	struct crew *w = arg;
	int64_t tick, wait, owed;
	struct timeval tv;

	if (w->ticking)
		return;
	owed = owed_ms(w);
	tick = owed > w->least_tick_ms ? owed : w->least_tick_ms;
	wait = w->round_started_ms + w->least_tick_ms - clock_ms();
	wait = wait > owed ? wait : owed;
	wait = wait > 0 ? wait : 0;
	tv = (struct timeval){ wait / 1000, wait % 1000 * 1000 };
	w->tick_ms = tick;
	w->ticking = event_add(w->tick, &tv) == 0;
}

static bool
soon(const struct crew *w)
{
	return w->ticking && w->tick_ms <= SOON_MS;
}

static void
on_posted(void *arg, const struct notice *n)
{
	struct crew *w = arg;

	for (int i = 0; i < w->others; i++) {
		loop_post(w->loops[i], n, soon(w));
		if (!w->flushing)
			loop_wake(w->loops[i], false);
	}
	crowd_notice(w->crowd, n, soon(w));
}

void
crew_mend(struct crew *w)
{
	bool deaf = false;

	for (int i = 0; i < w->others; i++)
		deaf = deaf || loop_deaf(w->loops[i]);
	if (deaf) {
		hub_renew(w->hub);
		log_info("a loop has lost what was sent: epoch %s begins",
		    board_feed(hub_board(w->hub))->epoch);
	}
}

/*
 * Streams.
 */

static void
on_left(void *arg)
{
	struct crew *w = arg;

	w->streams--;
}

void
crew_limit(struct crew *w, int64_t tick_ms, int max)
{
	w->least_tick_ms = tick_ms;
	w->max = max < w->most ? max : w->most;
}

bool
crew_full(const struct crew *w)
{
	int streams = w->streams;

	for (int i = 0; i < w->others; i++)
		streams += loop_streams(w->loops[i]);
	return streams >= w->max;
}

void
crew_add(struct crew *w, struct newcomer *n)
{
	int least = w->streams;
	struct loop *to = NULL;

	for (int i = 0; i < w->others; i++) {
		int streams = loop_streams(w->loops[i]);

		if (streams < least) {
			least = streams;
			to = w->loops[i];
		}
	}
	n->soon = soon(w);
	if (to != NULL) {
		loop_add(to, n);
	} else {
		w->streams++;
		crowd_add(w->crowd, n);
	}
}

/*
 * Questions about sessions: the reader takes one at a time.
 */

static void
ask_next(struct crew *w)
{
	for (int turn = 1; w->asker == NOBODY && turn <= w->others + 1; turn++) {
		int i = (w->last_asker + turn) % (w->others + 1);
		struct session_request *question;

		if (i < w->others) {
			question = loop_question(w->loops[i]);
		} else {
			question = w->question;
			w->question = NULL;
		}
		if (question != NULL && reader_sessions(w->reader, question))
			w->asker = w->last_asker = i;
	}
}

static void
on_asked(evutil_socket_t fd, short what, void *arg)
{
	eventfd_t count;

	(void)what;
	eventfd_read(fd, &count);
	ask_next(arg);
}

static void
on_ask(void *arg, struct session_request *request)
{
	struct crew *w = arg;

	free(w->question);
	w->question = request;
	ask_next(w);
}

void
crew_sessions(struct crew *w, const struct session_answer *answer)
{
	int asker = w->asker;

	w->asker = NOBODY;
	if (asker == w->others)
		crowd_sessions(w->crowd, answer);
	else if (asker != NOBODY)
		loop_answer(w->loops[asker], answer);
	ask_next(w);
}

/*
 * Figures, beginning and end.
 */

static void
add_crowd(struct crowd_stats *sum, const struct crowd_stats *c)
{
	sum->subscribers += c->subscribers;
	sum->proxied += c->proxied;
	sum->members += c->members;
	sum->blocked += c->blocked;
	sum->streams += c->streams;
	sum->resumed += c->resumed;
	sum->snapshots += c->snapshots;
	sum->deliveries += c->deliveries;
	sum->bytes += c->bytes;
	sum->writes += c->writes;
	sum->beats += c->beats;
	sum->let_go += c->let_go;
	sum->skipped += c->skipped;
	sum->rounds += c->rounds;
	if (c->round_us > sum->round_us)
		sum->round_us = c->round_us;
	if (c->round_max_us > sum->round_max_us)
		sum->round_max_us = c->round_max_us;
}

void
crew_stats(const struct crew *w, struct crew_stats *stats)
{
	*stats = (struct crew_stats){ .threads = w->others + 1, .max = w->max, .tick_ms = w->tick_ms,
	    .crowd = *crowd_stats(w->crowd), .board = *board_stats(hub_board(w->hub)) };
	for (int i = 0; i < w->others; i++) {
		struct loop_stats loop;

		loop_stats(w->loops[i], &loop);
		add_crowd(&stats->crowd, &loop.crowd);
		stats->board.snapshots += loop.board.snapshots;
		stats->board.snapshot_bytes += loop.board.snapshot_bytes;
	}
}

void
crew_free(struct crew *w)
{
	if (w == NULL)
		return;
	for (int i = 0; i < w->others; i++)
		loop_free(w->loops[i]);
	crowd_free(w->crowd);
	if (w->tick != NULL)
		event_free(w->tick);
	if (w->asked != NULL)
		event_free(w->asked);
	if (w->asked_fd >= 0)
		close(w->asked_fd);
	free(w->question);
	free(w);
}

static bool
make_parts(struct crew *w, const struct conf *conf, struct event_base *base)
{
	w->asked_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	w->crowd = crowd_new(conf, w->max, base, hub_board(w->hub), &(struct crowd_watch){
	    .ask = on_ask, .left = on_left, .arg = w });
	w->tick = evtimer_new(base, on_tick, w);
	w->asked = event_new(base, w->asked_fd, EV_READ | EV_PERSIST, on_asked, w);
	return w->asked_fd >= 0 && w->crowd != NULL && w->tick != NULL && w->asked != NULL &&
	    event_add(w->asked, NULL) == 0;
}

struct crew *
crew_new(const struct conf *conf, int max, struct event_base *base, struct hub *hub,
    struct reader *reader)
{
	int others = (int)conf->sse_threads - 1;
	struct crew *w = calloc(1, sizeof(*w) + (size_t)others * sizeof(w->loops[0]));

	if (w == NULL) {
		log_error("no memory");
		return NULL;
	}
	w->hub = hub;
	w->reader = reader;
	w->least_tick_ms = w->tick_ms = conf->sse_tick_ms;
	w->round_started_ms = clock_ms() - w->tick_ms;
	w->max = w->most = max;
	w->asker = NOBODY;
	w->asked_fd = -1;
	if (!make_parts(w, conf, base)) {
		log_error("no memory");
		crew_free(w);
		return NULL;
	}
	for (; w->others < others; w->others++) {
		w->loops[w->others] = loop_new(conf, max, w->asked_fd);
		if (w->loops[w->others] == NULL) {
			crew_free(w);
			return NULL;
		}
	}
	hub_watch(hub, &(struct hub_watch){ .changed = on_changed, .posted = on_posted, .arg = w });
	return w;
}
