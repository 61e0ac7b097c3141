/* The streams of one event loop, all together. */
#include "crowd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "gather.h"
#include "log.h"
#include "member.h"
#include "subscriber.h"

#define SEND_BUFFER	65536	/* bytes the kernel may hold for one stream, doubled by it */
#define TEXTS_MAX	(16 * 1024 * 1024)	/* bytes that are one subscriber's alone, of all together */
#define SWEEP_MS	100	/* each sweep visits a tenth of all */
#define SWEEPS		10
#define ASK_NEW		10	/* sweeps between questions about new sessions */
#define ASK_ALL		50	/* and about all of them */

static void
note_round(struct crowd_stats *stats, int64_t us)
{
	stats->rounds++;
	stats->steady_us = us < stats->round_us ? us : stats->round_us;
	stats->round_us = us;
	if (us > stats->round_max_us)
		stats->round_max_us = us;
}

void
crowd_round(struct crowd *c)
{
	const struct ring *r = &c->feed->public_log;
	int64_t started = clock_us();
	uint64_t last = feed_last(c->feed);
	struct run run = { .after = NOWHERE };

	c->now_ms = started / 1000;
	for (int i = c->stats.subscribers - 1; i >= 0; i--) {
		struct place *p = &c->list[i];
		struct subscriber *s = p->subscriber;
		bool ok = true;

		if (p->plain && p->seq == last)
			continue;
		if (p->plain && (p->seq == run.after || run_find(r, p->seq, &run)))
			ok = subscriber_flush_run(c, p, &run);
		else if (!s->armed && (p->seq != last || member_private_due(s)))
			ok = subscriber_flush(s);
		if (!ok)
			subscriber_end(s);
	}
	note_round(&c->stats, clock_us() - started);
}

void
crowd_notice(struct crowd *c, const struct notice *n, bool soon)
{
	c->now_ms = clock_ms();
	if (n->kind == NOTICE_PRIVATE)
		members_tell(c, n->key, soon);
	else if (n->kind == NOTICE_ENDED)
		members_session_ended(c, n->key);
}

/* A part of the time between two beats, other for each: those who came together, or had the same
 * comment, would all be told at once, amid the changes. */
static int64_t
spread_ms(const struct crowd *c, uint64_t number)
{
	return (int64_t)(number * UINT64_C(2654435761) % (uint64_t)(c->beat_ms / 2));
}

/* Whether it has heard nothing for so long that it could think the stream dead: no beat of its own
 * and, unless it may have been left out, no comment of the log's. */
static bool
beat_due(const struct crowd *c, const struct subscriber *s)
{
	const struct feed *f = c->feed;
	const struct place *p = place_of(s);

	if (s->filter == NULL && p->seq != NOWHERE && p->seq >= f->commented_seq &&
	    f->commented_ms > s->beaten_ms)
		return c->now_ms - f->commented_ms >= c->beat_ms - spread_ms(c, (uint64_t)s->index);
	return c->now_ms - s->beaten_ms >= c->beat_ms;
}

/* Says that the stream is alive, where changes don't; lets go who is stuck. */
static bool
look_after(struct crowd *c, struct subscriber *s)
{
	const char *beat = s->beats ? c->beat : FEED_COMMENT;
	int64_t idle = c->now_ms - place_of(s)->moved_ms;

	if (s->armed) {
		c->stats.let_go += idle > STUCK_MS;
		return idle <= STUCK_MS;
	}
	if (s->text != NULL || !beat_due(c, s))	/* what waits for its round tells as much */
		return true;
	s->beaten_ms = c->now_ms;
	subscriber_give(s, text_new(beat, strlen(beat)));
	c->stats.beats++;
	return s->text != NULL && subscriber_flush(s);
}

/* Slow readers of old snapshots make way when those take too much room. */
static void
make_room(struct crowd *c)
{
	struct snapshot *newest = board_snapshot(c->board);

	log_error("old snapshots take %zu bytes: their readers are let go",
	    board_stats(c->board)->snapshot_bytes);
	for (int i = c->stats.subscribers - 1; i >= 0; i--) {
		struct subscriber *s = c->list[i].subscriber;

		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): who is freed has left the list */
		if (s->snapshot != NULL && s->snapshot != newest) {
			c->stats.let_go++;
			subscriber_end(s);
		}
	}
	snapshot_release(newest);
}

/* Slow readers of a few drops likewise: the snapshot of each is its own. */
static void
make_room_of_texts(struct crowd *c)
{
	log_error("what slow readers have to take yet is %zu bytes: they are let go", c->text_bytes);
	for (int i = c->stats.subscribers - 1; i >= 0; i--) {
		struct subscriber *s = c->list[i].subscriber;

		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): who is freed has left the list */
		if (s->armed && s->text != NULL) {
			c->stats.let_go++;
			subscriber_end(s);
		}
	}
}

static void
on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct crowd *c = arg;
	int visits = c->stats.subscribers / SWEEPS + 1;

	(void)fd;
	(void)what;
	c->now_ms = clock_ms();
	for (; visits > 0 && c->stats.subscribers > 0; visits--) {
		if (c->sweep_at <= 0 || c->sweep_at > c->stats.subscribers)
			c->sweep_at = c->stats.subscribers;
		c->sweep_at--;
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): who is freed has left the list */
		if (!look_after(c, c->list[c->sweep_at].subscriber))
			subscriber_end(c->list[c->sweep_at].subscriber);
	}
	if (board_crowded(c->board))
		make_room(c);
	if (c->text_bytes > TEXTS_MAX)
		make_room_of_texts(c);
	if (++c->sweeps % ASK_NEW == 0)
		crowd_ask(c, c->sweeps % ASK_ALL == 0);
}

/* A sweep comes by each second or a little later: beats are due before they must be. */
static int64_t
beat_after_ms(long heartbeat_seconds)
{
	int64_t ms = heartbeat_seconds * 1000;

	return ms - (ms > 4000 ? 2000 : ms / 2);
}

struct crowd *
crowd_new(const struct conf *conf, int max, struct event_base *base, struct board *board,
    const struct crowd_watch *watch)
{
	static const struct timeval each = { 0, SWEEP_MS * 1000 };
	struct crowd *c = calloc(1, sizeof(*c) + (size_t)max * sizeof(c->list[0]));

	if (c == NULL)
		return NULL;
	c->base = base;
	c->board = board;
	c->feed = board_feed(board);
	c->watch = *watch;
	c->beat_ms = beat_after_ms(conf->sse_heartbeat_seconds);
	snprintf(c->beat, sizeof(c->beat), "event: beat\ndata: {\"everySeconds\":%ld}\n\n",
	    conf->sse_heartbeat_seconds);
	c->max = max;
	c->sweep = event_new(base, -1, EV_PERSIST, on_sweep, c);
	if (c->sweep == NULL || event_add(c->sweep, &each) != 0) {
		crowd_free(c);
		return NULL;
	}
	return c;
}

void
crowd_free(struct crowd *c)
{
	if (c == NULL)
		return;
	while (c->stats.subscribers > 0)
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): who is freed has left the list */
		subscriber_end(c->list[c->stats.subscribers - 1].subscriber);
	if (c->sweep != NULL)
		event_free(c->sweep);
	free(c);
}

const struct crowd_stats *
crowd_stats(const struct crowd *c)
{
	return &c->stats;
}

void
crowd_add(struct crowd *c, const struct newcomer *n)
{
	static const int buffer = SEND_BUFFER;
	struct subscriber *s = c->stats.subscribers < c->max ? calloc(1, sizeof(*s)) : NULL;

	c->now_ms = clock_ms();
	if (s != NULL) {
		s->crowd = c;
		s->index = c->stats.subscribers;
		s->proxied = n->proxied;
		s->beats = n->wanted.beats;
		s->beaten_ms = c->now_ms - spread_ms(c, c->stats.streams);
		setsockopt(n->fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
	}
	if (s == NULL || !subscriber_begin(s, n)) {
		log_error("no memory for a stream");
		if (s != NULL)
			subscriber_free(s);
		close(n->fd);
		c->watch.left(c->watch.arg);
		return;
	}
	c->stats.subscribers++;
	c->stats.proxied += s->proxied;
	c->stats.streams++;
	if ((place_of(s)->seq != NOWHERE || !n->soon) && !subscriber_flush(s))
		subscriber_end(s);
	else if (n->member)
		crowd_ask(c, false);
	if (c->text_bytes > TEXTS_MAX)	/* a sweep could come too late */
		make_room_of_texts(c);
}
