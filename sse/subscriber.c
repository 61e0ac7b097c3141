/* Streams: places in the log, and writing from there. */
#include "subscriber.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

#define SEND_BUFFER	65536	/* bytes the kernel may hold for one stream, doubled by it */
#define STUCK_MS	30000	/* without progress, with something to send */
#define SWEEP_MS	100	/* each sweep visits a tenth of all */
#define SWEEPS		10
#define ASK_NEW		10	/* sweeps between questions about new sessions */
#define ASK_ALL		50	/* and about all of them */
#define NOWHERE		UINT64_MAX	/* as a place in the log: begin with a snapshot */
#define PIECES		32	/* of one write */
#define PRIVATE_AT_ONCE	32768	/* bytes of private frames rendered ahead */
#define RETRY_MS	2000	/* told to browsers, and as much as this on top: */
#define RETRY_JITTER_MS	1000
#define USER_BUCKETS	4096	/* a power of two */

/* Bytes of one subscriber alone. */
struct text {
	size_t len, sent;
	char data[];
};

/* What a signed-in subscriber has besides. */
struct member {
	struct member *next;	/* with the same hash of user */
	struct subscriber *subscriber;
	int64_t user;
	unsigned char session[SESSION_LEN];
	bool confirmed;		/* the database knows the session */
	bool behind;		/* private events after private_seq may wait */
	uint64_t private_seq;
	unsigned long asked;	/* round of the question about it; 0: not yet */
};

struct filter {
	int count;
	int64_t drops[];	/* in order */
};

struct subscriber {
	struct event event;
	struct crowd *crowd;
	int index;		/* of its place */
	bool armed;		/* the socket is full: the event waits for room */
	bool proxied;
	uint32_t offset;	/* bytes already written of the frame after `seq` */
	struct text *text;	/* goes out before the snapshot */
	struct snapshot *snapshot;	/* goes out before the log */
	size_t snapshot_sent;
	struct filter *filter;	/* NULL: all drops */
	struct member *member;	/* NULL: anonymous */
};

/* What a round of writes looks at, side by side for all: most are sent the same
 * bytes, and nothing else of theirs need be touched. */
struct place {
	struct subscriber *subscriber;
	uint64_t seq;		/* last public frame written to its end */
	int64_t moved_ms;	/* when bytes last went out */
	int fd;
	bool plain;		/* certain to want the log and nothing besides, from `seq` on */
};

struct crowd {
	struct event_base *base;
	struct board *board;
	const struct feed *feed;
	struct crowd_watch watch;
	struct event *sweep;
	int64_t beat_ms;
	int64_t now_ms;		/* as the callback began */
	bool asking;		/* a question about sessions is open */
	bool unasked;		/* some members were not asked after */
	unsigned long rounds_asked, sweeps;
	int sweep_at;
	int max;
	struct crowd_stats stats;
	struct member *users[USER_BUCKETS];
	struct place list[];	/* stats.subscribers of them */
};

/* What one write is made of: text, snapshot, and a run of the log. */
struct gathered {
	struct iovec piece[PIECES + 2];
	int pieces;
	size_t len;
	uint64_t until;		/* the frame the log's part ends with */
	unsigned long frames;
};

static void on_subscriber(evutil_socket_t fd, short what, void *arg);

static struct place *
place_of(const struct subscriber *s)
{
	return &s->crowd->list[s->index];
}

/*
 * Members.
 */

static struct member **
bucket(struct crowd *c, int64_t user)
{
	uint64_t h = (uint64_t)user * UINT64_C(0x9e3779b97f4a7c15);

	return &c->users[h >> 40 & (USER_BUCKETS - 1)];
}

static void
member_remove(struct subscriber *s)
{
	struct member *m = s->member, **at;

	if (m == NULL)
		return;
	for (at = bucket(s->crowd, m->user); *at != m; at = &(*at)->next)
		;
	*at = m->next;
	s->member = NULL;
	s->crowd->stats.members--;
	free(m);
}

static bool
member_add(struct subscriber *s, const struct token_claims *claims, uint64_t private_seq)
{
	struct member *m = calloc(1, sizeof(*m)), **at;

	if (m == NULL || !session_id(claims->session, m->session)) {
		free(m);
		return false;
	}
	m->subscriber = s;
	m->user = claims->user;
	m->behind = true;
	m->private_seq = private_seq;
	at = bucket(s->crowd, m->user);
	m->next = *at;
	*at = m;
	s->member = m;
	s->crowd->stats.members++;
	s->crowd->unasked = true;
	return true;
}

/*
 * What one subscriber is sent next.
 */

static struct text *
text_new(const char *data, size_t len)
{
	struct text *t = malloc(sizeof(*t) + len);

	if (t != NULL) {
		t->len = len;
		t->sent = 0;
		memcpy(t->data, data, len);
	}
	return t;
}

static void
snapshot_begin(const struct crowd *c, uint64_t seq, struct buf *out)
{
	char now[TIME_TEXT_LEN];

	time_text(clock_wall_ms(), now);
	buf_printf(out, "id: %s-%" PRIu64 "\nevent: snapshot\ndata: {\"serverTime\":\"%s\",",
	    c->feed->epoch, seq, now);
}

/* Sets the subscriber on the newest state, after `before`. The server's time is its
 * own; the drops it shares with all who get the same state. */
static bool
take_snapshot(struct subscriber *s, struct buf *before)
{
	struct crowd *c = s->crowd;
	uint64_t *seq = &place_of(s)->seq;
	struct buf drops = { 0 };

	if (s->filter == NULL) {
		s->snapshot = board_snapshot(c->board);
		s->snapshot_sent = 0;
		if (s->snapshot == NULL)
			return false;
		*seq = s->snapshot->seq;
	} else {
		board_snapshot_of(c->board, s->filter->drops, s->filter->count, &drops, seq);
	}
	snapshot_begin(c, *seq, before);
	buf_add(before, drops.data != NULL ? drops.data : "", drops.len);
	s->text = before->failed || drops.failed ? NULL : text_new(before->data, before->len);
	s->offset = 0;
	buf_free(&drops);
	c->stats.snapshots++;
	return s->text != NULL;
}

/* Renders the private events that wait, as frames behind the subscriber's place. */
static bool
take_private(struct subscriber *s)
{
	const struct feed *f = s->crowd->feed;
	struct member *m = s->member;
	struct buf out = { 0 };
	bool ok = true;

	for (; m->private_seq < feed_last_private(f) && out.len < PRIVATE_AT_ONCE; m->private_seq++)
		if (ring_entry(&f->private_log, m->private_seq + 1)->tag == m->user)
			feed_private_frame(f, m->private_seq + 1, place_of(s)->seq, &out);
	m->behind = m->private_seq < feed_last_private(f);
	if (out.failed || out.len > 0) {
		s->text = out.failed ? NULL : text_new(out.data, out.len);
		ok = s->text != NULL;
	}
	buf_free(&out);
	return ok;
}

static bool
private_due(const struct subscriber *s)
{
	return s->member != NULL && s->member->confirmed && s->member->behind;
}

/* At the end of a frame, decides what comes before the rest of the log: private
 * events, or a snapshot for one that fell behind. False: it must go. */
static bool
prepare(struct subscriber *s)
{
	const struct feed *f = s->crowd->feed;
	bool behind = !ring_holds_after(&f->public_log, place_of(s)->seq);
	struct buf before = { 0 };
	bool ok;

	if (s->offset > 0)
		return !behind;	/* the rest of its frame is gone */
	if (s->text != NULL || s->snapshot != NULL)
		return true;
	if (private_due(s)) {
		if (ring_holds_after(&f->private_log, s->member->private_seq))
			return take_private(s);
		/* Some are lost: a snapshot says so. */
		s->member->private_seq = feed_last_private(f);
		s->member->behind = false;
		behind = true;
	}
	if (!behind)
		return true;
	ok = take_snapshot(s, &before);
	buf_free(&before);
	return ok;
}

static void
gather_bytes(struct gathered *g, char *data, size_t len)
{
	struct iovec *last = g->pieces > 0 ? &g->piece[g->pieces - 1] : NULL;

	g->len += len;
	if (last != NULL && (char *)last->iov_base + last->iov_len == data)
		last->iov_len += len;
	else
		g->piece[g->pieces++] = (struct iovec){ data, len };
}

static void
gather_log(struct gathered *g, const struct ring *r, uint64_t at, size_t len)
{
	struct iovec piece[2];
	int pieces = ring_pieces(r, at, len, piece);

	for (int i = 0; i < pieces; i++)
		gather_bytes(g, piece[i].iov_base, piece[i].iov_len);
}

/* All frames after `after` up to `last`, but for the first `offset` bytes. */
static void
gather_run(struct gathered *g, const struct ring *r, uint64_t after, uint64_t last, size_t offset)
{
	const struct ring_entry *from = ring_entry(r, after + 1), *to = ring_entry(r, last);

	gather_log(g, r, from->at + offset, (size_t)(to->at + to->len - from->at) - offset);
}

static bool
wants(const struct filter *filter, int64_t drop)
{
	int low = 0, high;

	if (filter == NULL)
		return true;
	for (high = filter->count; low < high; ) {
		int middle = (low + high) / 2;

		if (filter->drops[middle] == drop)
			return true;
		if (filter->drops[middle] < drop)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* Collects what can be written now. The frames between its place and the end are
 * one run of bytes for most. */
static void
gather(struct subscriber *s, struct gathered *g)
{
	const struct ring *r = &s->crowd->feed->public_log;
	uint64_t seq = place_of(s)->seq, last = r->next - 1;
	size_t offset = s->offset;

	g->pieces = 0;
	g->len = 0;
	g->frames = 0;
	g->until = seq;
	if (s->text != NULL)
		gather_bytes(g, s->text->data + s->text->sent, s->text->len - s->text->sent);
	if (s->snapshot != NULL)
		gather_bytes(g, s->snapshot->data + s->snapshot_sent,
		    s->snapshot->len - s->snapshot_sent);
	if (private_due(s))	/* these come first, once the frame begun is ended */
		last = offset > 0 ? seq + 1 : seq;
	if (seq >= last || !ring_holds_after(r, seq))
		return;
	if (s->filter == NULL) {
		gather_run(g, r, seq, last, offset);
		g->until = last;
		g->frames = last - seq;
		return;
	}
	while (g->until < last && g->pieces < PIECES) {
		const struct ring_entry *e = ring_entry(r, g->until + 1);

		if (wants(s->filter, e->tag)) {
			gather_log(g, r, e->at + offset, e->len - offset);
			g->frames++;
		}
		offset = 0;
		g->until++;
	}
}

/* Moves the place behind the first `n` bytes of what was gathered. */
static void
advance(struct subscriber *s, const struct gathered *g, size_t n)
{
	const struct ring *r = &s->crowd->feed->public_log;
	struct place *p = place_of(s);
	size_t take;

	if (s->text != NULL) {
		take = s->text->len - s->text->sent;
		take = n < take ? n : take;
		s->text->sent += take;
		n -= take;
		if (s->text->sent == s->text->len) {
			free(s->text);
			s->text = NULL;
		}
	}
	if (s->snapshot != NULL) {
		take = s->snapshot->len - s->snapshot_sent;
		take = n < take ? n : take;
		s->snapshot_sent += take;
		n -= take;
		if (s->snapshot_sent == s->snapshot->len) {
			snapshot_release(s->snapshot);
			s->snapshot = NULL;
		}
	}
	while (s->text == NULL && s->snapshot == NULL && p->seq < g->until) {
		const struct ring_entry *e = ring_entry(r, p->seq + 1);

		if (wants(s->filter, e->tag)) {
			take = e->len - s->offset;
			if (n < take) {
				s->offset += (uint32_t)n;
				return;
			}
			n -= take;
			s->crowd->stats.deliveries++;
		}
		s->offset = 0;
		p->seq++;
	}
}

/* The common case: everything gathered was written. */
static void
advance_all(struct subscriber *s, const struct gathered *g)
{
	free(s->text);
	s->text = NULL;
	snapshot_release(s->snapshot);
	s->snapshot = NULL;
	place_of(s)->seq = g->until;
	s->offset = 0;
	s->crowd->stats.deliveries += g->frames;
}

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

/* Writes until all is sent or the socket is full. Afterwards a subscriber that is
 * not armed has nothing to be sent. False: it must go. */
static bool
flush(struct subscriber *s)
{
	struct crowd *c = s->crowd;
	struct place *p = place_of(s);
	struct gathered g;
	ssize_t n;

	p->plain = false;
	for (;;) {
		if (!prepare(s)) {
			c->stats.let_go++;
			return false;
		}
		gather(s, &g);
		if (g.len == 0) {
			p->seq = g.until;
			if (private_due(s) || p->seq != feed_last(c->feed))
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
			advance(s, &g, (size_t)n);
			return arm(s);
		}
		advance_all(s, &g);
	}
}

/* The bytes from one frame of the log to its end, for those who want nothing else. */
struct run {
	uint64_t after, last;
	struct iovec piece;
	unsigned long frames;
};

/* False: it is not there, or not in one piece. */
static bool
find_run(const struct ring *r, uint64_t after, struct run *run)
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

/* The common case: one write of a run that it shares with most. False: it must go. */
static bool
flush_run(struct crowd *c, struct place *p, const struct run *run)
{
	ssize_t n = send(p->fd, run->piece.iov_base, run->piece.iov_len, MSG_NOSIGNAL);
	struct gathered g = { .until = run->last };

	c->stats.writes++;
	if (n != (ssize_t)run->piece.iov_len)
		p->plain = false;
	if (n < 0)
		return errno == EINTR ? flush(p->subscriber) : errno == EAGAIN && arm(p->subscriber);
	c->stats.bytes += (unsigned long)n;
	p->moved_ms = c->now_ms;
	if (!p->plain) {
		advance(p->subscriber, &g, (size_t)n);
		return arm(p->subscriber);
	}
	p->seq = run->last;
	c->stats.deliveries += run->frames;
	return true;
}

static void
subscriber_free(struct subscriber *s)
{
	member_remove(s);
	snapshot_release(s->snapshot);
	free(s->text);
	free(s->filter);
	free(s);
}

/* Ends a stream. The last of the list takes its place there, so a walk that may
 * end streams goes from the end to the beginning. */
static void
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
	if (((what & EV_READ) && !still_there(fd)) || ((what & EV_WRITE) && !flush(s)))
		subscriber_end(s);
}

/*
 * All of them.
 */

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
		if (p->plain && (p->seq == run.after || find_run(r, p->seq, &run)))
			ok = flush_run(c, p, &run);
		else if (!s->armed && (p->seq != last || private_due(s)))
			ok = flush(s);
		if (!ok)
			subscriber_end(s);
	}
	note_round(&c->stats, clock_us() - started);
}

/* The newest private event is one for `user`. It waits for a round that is near, and
 * goes out with what that brings. */
static void
tell_private(struct crowd *c, int64_t user, bool soon)
{
	struct member *next;

	for (struct member *m = *bucket(c, user); m != NULL; m = next) {
		struct subscriber *s = m->subscriber;

		next = m->next;
		if (m->user != user)
			continue;
		if (!m->behind) {
			m->behind = true;
			m->private_seq = feed_last_private(c->feed) - 1;
		}
		place_of(s)->plain = false;
		if (m->confirmed && !s->armed && !soon && !flush(s))
			subscriber_end(s);
	}
}

/* No private event goes out until the database has said which sessions are left. */
static void
session_ended(struct crowd *c, int64_t user)
{
	for (struct member *m = *bucket(c, user); m != NULL; m = m->next) {
		if (m->user != user)
			continue;
		m->confirmed = false;
		m->asked = 0;
		if (!m->behind) {
			m->behind = true;
			m->private_seq = feed_last_private(c->feed);
		}
		c->unasked = true;
	}
	crowd_ask(c, false);
}

void
crowd_notice(struct crowd *c, const struct notice *n, bool soon)
{
	c->now_ms = clock_ms();
	if (n->kind == NOTICE_PRIVATE)
		tell_private(c, n->key, soon);
	else if (n->kind == NOTICE_ENDED)
		session_ended(c, n->key);
}

/* Says that the stream is alive where nothing else did; lets go who is stuck. */
static bool
look_after(struct crowd *c, struct subscriber *s)
{
	static const char beat[] = ": beat\n\n";
	int64_t idle = c->now_ms - place_of(s)->moved_ms;

	if (s->armed) {
		c->stats.let_go += idle > STUCK_MS;
		return idle <= STUCK_MS;
	}
	if (idle < c->beat_ms || s->text != NULL)	/* that one waits for its round */
		return true;
	s->text = text_new(beat, sizeof(beat) - 1);
	c->stats.beats++;
	return s->text != NULL && flush(s);
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

/*
 * Beginning a stream.
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
greet(const struct newcomer *n, struct buf *out)
{
	unsigned int r = 0;

	if (getrandom(&r, sizeof(r), GRND_NONBLOCK) != (ssize_t)sizeof(r))
		r = (unsigned int)clock_us();
	buf_printf(out, CROWD_HEAD "%s\r\nretry: %u\n\n", n->fields != NULL ? n->fields : "",
	    RETRY_MS + r % RETRY_JITTER_MS);
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

	greet(n, &out);
	if (!resumed)
		at = (struct position){ NOWHERE, feed_last_private(c->feed) };
	place_of(s)->seq = at.seq;
	if (resumed || n->soon) {
		s->text = out.failed ? NULL : text_new(out.data, out.len);
		ok = s->text != NULL;
	} else {
		ok = take_snapshot(s, &out);
	}
	c->stats.resumed += resumed;
	buf_free(&out);
	/* A session that is no UUID is none: the stream is anonymous. */
	if (ok && n->member)
		member_add(s, &n->claims, at.private_seq);
	return ok;
}

/* Takes the last place of the list; its event is not waited for when this fails. */
static bool
subscriber_begin(struct subscriber *s, const struct newcomer *n)
{
	struct crowd *c = s->crowd;

	c->list[s->index] = (struct place){ .subscriber = s, .moved_ms = c->now_ms, .fd = n->fd };
	return take_filter(s, &n->wanted) && take_place(s, n) &&
	    event_assign(&s->event, c->base, n->fd, EV_READ | EV_PERSIST, on_subscriber, s) == 0 &&
	    event_add(&s->event, NULL) == 0;
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
	if ((place_of(s)->seq != NOWHERE || !n->soon) && !flush(s))
		subscriber_end(s);
	else if (n->member)
		crowd_ask(c, false);
}

/*
 * Sessions.
 */

void
crowd_ask(struct crowd *c, bool all)
{
	struct session_request *request;

	if (c->asking || c->stats.members == 0 || !(all || c->unasked))
		return;
	request = malloc(sizeof(*request) +
	    (size_t)c->stats.members * sizeof(request->sessions[0]));
	if (request == NULL)
		return;
	request->round = ++c->rounds_asked;
	request->count = 0;
	for (int i = 0; i < c->stats.subscribers; i++) {
		struct member *m = c->list[i].subscriber->member;

		if (m == NULL || !(all || m->asked == 0))
			continue;
		m->asked = request->round;
		memcpy(request->sessions[request->count++].id, m->session, SESSION_LEN);
	}
	c->unasked = false;
	c->asking = true;
	c->watch.ask(c->watch.arg, request);
}

static int
session_order(const void *a, const void *b)
{
	return memcmp(a, b, SESSION_LEN);
}

static bool
stands(const struct session_answer *answer, const struct member *m)
{
	const struct session *s = bsearch(m->session, answer->sessions, (size_t)answer->count,
	    sizeof(answer->sessions[0]), session_order);

	return s != NULL && s->user == m->user;
}

/* One answer for one member. False: its stream must go. */
static bool
take_answer(struct crowd *c, struct subscriber *s, const struct session_answer *answer)
{
	struct member *m = s->member;

	if (answer == NULL || !answer->ok) {
		if (!m->confirmed) {
			m->asked = 0;
			c->unasked = true;
		}
	} else if (!stands(answer, m)) {
		member_remove(s);
	} else if (!m->confirmed) {
		m->confirmed = true;
		place_of(s)->plain = false;
		return s->armed || flush(s);
	}
	return true;
}

void
crowd_sessions(struct crowd *c, const struct session_answer *answer)
{
	c->now_ms = clock_ms();
	c->asking = false;
	for (int i = c->stats.subscribers - 1; i >= 0; i--) {
		struct subscriber *s = c->list[i].subscriber;

		if (s->member != NULL && s->member->asked == c->rounds_asked &&
		    !take_answer(c, s, answer))
			subscriber_end(s);
	}
	if (answer != NULL && answer->ok)
		crowd_ask(c, false);
}
