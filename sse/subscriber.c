/* Streams: places in the log, and writing from there. */
#include "subscriber.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "gather.h"
#include "member.h"

#define RETRY_MS	2000	/* told to browsers, and as much as this on top: */
#define RETRY_JITTER_MS	1000

static void on_subscriber(evutil_socket_t fd, short what, void *arg);

/*
 * Writing.
 */

/* Makes the event wait for `events`; false when memory is out. */
static bool
watch_for(struct subscriber *s, short events)
{
	event_del(&s->event);
	return event_assign(&s->event, s->crowd->base, place_of(s)->fd,
	    (short)(events | EV_PERSIST), on_subscriber, s) == 0 &&
	    event_add(&s->event, NULL) == 0;
}

static bool
arm(struct subscriber *s)
{
	if (s->armed)
		return true;
	s->armed = true;
	place_of(s)->moved_ms = s->crowd->now_ms;
	s->crowd->stats.blocked++;
	return watch_for(s, EV_READ | EV_WRITE);
}

static bool
disarm(struct subscriber *s)
{
	if (!s->armed)
		return true;
	s->armed = false;
	s->crowd->stats.blocked--;
	return watch_for(s, EV_READ);
}

/* One write of what was gathered, or of as much as there is room for. */
static ssize_t
write_gathered(int fd, struct gathered *g)
{
	struct msghdr m = { .msg_iov = g->piece, .msg_iovlen = (size_t)g->pieces };
	ssize_t n;

	do
		n = g->pieces == 1 ? send(fd, g->piece[0].iov_base, g->piece[0].iov_len, MSG_NOSIGNAL) :
		    sendmsg(fd, &m, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n;
}

bool
subscriber_flush(struct subscriber *s)
{
	struct crowd *c = s->crowd;
	struct place *p = place_of(s);
	struct gathered g;
	ssize_t n;

	p->plain = false;
	for (;;) {
		if (!gather_prepare(s)) {
			c->stats.let_go++;
			return false;
		}
		gather(s, &g);
		if (g.len == 0) {
			p->seq = g.until;
			if (member_private_due(s) || p->seq != feed_last(c->feed))
				continue;
			p->plain = s->filter == NULL;
			return disarm(s);
		}
		n = write_gathered(p->fd, &g);
		c->stats.writes++;
		if (n < 0)
			return errno == EAGAIN && arm(s);
		c->stats.bytes += (unsigned long)n;
		p->moved_ms = c->now_ms;
		if ((size_t)n < g.len) {
			gather_advance(s, &g, (size_t)n);
			return arm(s);
		}
		gather_advance_all(s, &g);
	}
}

bool
run_find(const struct ring *r, uint64_t after, struct run *run)
{
	struct gathered g = { 0 };
	uint64_t last = r->next - 1;

	if (after >= last || !ring_holds_after(r, after))
		return false;
	gather_run(&g, r, after, last, 0);
	if (g.pieces != 1)	/* it goes around the end of the ring */
		return false;
	*run = (struct run){ after, last, g.piece[0], last - after };
	return true;
}

bool
subscriber_flush_run(struct crowd *c, struct place *p, const struct run *run)
{
	ssize_t n = send(p->fd, run->piece.iov_base, run->piece.iov_len, MSG_NOSIGNAL);
	struct gathered g = { .until = run->last };

	c->stats.writes++;
	if (n != (ssize_t)run->piece.iov_len)
		p->plain = false;
	if (n < 0)
		return errno == EINTR ? subscriber_flush(p->subscriber) : errno == EAGAIN && arm(p->subscriber);
	c->stats.bytes += (unsigned long)n;
	p->moved_ms = c->now_ms;
	if (!p->plain) {
		gather_advance(p->subscriber, &g, (size_t)n);
		return arm(p->subscriber);
	}
	p->seq = run->last;
	c->stats.deliveries += run->frames;
	return true;
}

/*
 * Its beginning and its end.
 */

static bool
take_filter(struct subscriber *s, const struct wanted *wanted)
{
	size_t len = (size_t)wanted->count * sizeof(wanted->drops[0]);

	if (wanted->count == 0)
		return true;
	s->filter = malloc(sizeof(*s->filter) + len);
	if (s->filter == NULL)
		return false;
	s->filter->count = wanted->count;
	memcpy(s->filter->drops, wanted->drops, len);
	return true;
}

/* Browsers that lost their streams all at once come back at different times. */
static void
greet(const struct crowd *c, const struct newcomer *n, struct buf *out)
{
	unsigned int r = 0;

	if (getrandom(&r, sizeof(r), GRND_NONBLOCK) != (ssize_t)sizeof(r))
		r = (unsigned int)clock_us();
	buf_printf(out, CROWD_HEAD "%s\r\nretry: %u\n\n", n->fields != NULL ? n->fields : "",
	    RETRY_MS + r % RETRY_JITTER_MS);
	if (n->wanted.beats)	/* so that it knows how long a silence may last */
		buf_puts(out, c->beat);
}

/* Finds its place and has the first bytes ready. A newcomer while changes wait for
 * a round that is near gets its snapshot in that round, so that it holds them. */
static bool
take_place(struct subscriber *s, const struct newcomer *n)
{
	struct crowd *c = s->crowd;
	struct position at;
	struct buf out = { 0 };
	bool resumed = feed_resume(c->feed, n->last, n->member, &at), ok;

	greet(c, n, &out);
	if (!resumed)
		at = (struct position){ NOWHERE, feed_last_private(c->feed) };
	place_of(s)->seq = at.seq;
	if (resumed || n->soon) {
		subscriber_give(s, out.failed ? NULL : text_new(out.data, out.len));
		ok = s->text != NULL;
	} else {
		ok = gather_snapshot(s, &out);
	}
	c->stats.resumed += resumed;
	buf_free(&out);
	/* A session that is no UUID is none: the stream is anonymous. */
	if (ok && n->member)
		member_add(s, &n->claims, at.private_seq);
	return ok;
}

bool
subscriber_begin(struct subscriber *s, const struct newcomer *n)
{
	struct crowd *c = s->crowd;

	c->list[s->index] = (struct place){ .subscriber = s, .moved_ms = c->now_ms, .fd = n->fd };
	return take_filter(s, &n->wanted) && take_place(s, n) &&
	    event_assign(&s->event, c->base, n->fd, EV_READ | EV_PERSIST, on_subscriber, s) == 0 &&
	    event_add(&s->event, NULL) == 0;
}

void
subscriber_give(struct subscriber *s, struct text *t)
{
	size_t *held = &s->crowd->text_bytes;

	*held -= s->text != NULL ? s->text->len : 0;
	*held += t != NULL ? t->len : 0;
	free(s->text);
	s->text = t;
}

void
subscriber_free(struct subscriber *s)
{
	member_remove(s);
	snapshot_release(s->snapshot);
	subscriber_give(s, NULL);
	free(s->filter);
	free(s);
}

void
subscriber_end(struct subscriber *s)
{
	struct crowd *c = s->crowd;
	struct place *p = place_of(s);

	if (s->armed)
		c->stats.blocked--;
	c->stats.proxied -= s->proxied;
	event_del(&s->event);
	close(p->fd);
	*p = c->list[--c->stats.subscribers];
	p->subscriber->index = s->index;
	subscriber_free(s);
	c->watch.left(c->watch.arg);
}

/* A subscriber has nothing to say; its bytes are read to see it leave. */
static bool
still_there(evutil_socket_t fd)
{
	char ignored[512];
	ssize_t n = read(fd, ignored, sizeof(ignored));

	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static void
on_subscriber(evutil_socket_t fd, short what, void *arg)
{
	struct subscriber *s = arg;

	s->crowd->now_ms = clock_ms();
	if (((what & EV_READ) && !still_there(fd)) || ((what & EV_WRITE) && !subscriber_flush(s)))
		subscriber_end(s);
}
