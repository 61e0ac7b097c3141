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
#define WIDEST_TICK_MS	1000
#define WAIT_FOR_TICK_MS 100	/* a newcomer waits for a tick no longer than this */
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
	int index;
	bool armed;		/* the socket is full: the event waits for room */
	uint32_t offset;	/* bytes already written of the frame after `seq` */
	uint64_t seq;		/* last public frame written to its end */
	int64_t moved_ms;	/* when bytes last went out */
	struct text *text;	/* goes out before the snapshot */
	struct snapshot *snapshot;	/* goes out before the log */
	size_t snapshot_sent;
	struct filter *filter;	/* NULL: all drops */
	struct member *member;	/* NULL: anonymous */
};

struct crowd {
	struct event_base *base;
	struct hub *hub;
	const struct feed *feed;
	struct reader *reader;
	struct event *tick, *sweep;
	int64_t tick_ms, beat_ms;
	int64_t round_started_ms;
	int64_t now_ms;		/* as the callback began */
	bool ticking;
	bool unasked;		/* some members were not asked after */
	unsigned long rounds_asked;
	int sweep_at;
	int max;
	struct crowd_stats stats;
	struct member *users[USER_BUCKETS];
	struct subscriber *list[];	/* stats.subscribers of them */
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
	struct buf drops = { 0 };

	if (s->filter == NULL) {
		s->snapshot = hub_snapshot(c->hub);
		s->snapshot_sent = 0;
		if (s->snapshot == NULL)
			return false;
		s->seq = s->snapshot->seq;
	} else {
		hub_snapshot_of(c->hub, s->filter->drops, s->filter->count, &drops, &s->seq);
	}
	snapshot_begin(c, s->seq, before);
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
			feed_private_frame(f, m->private_seq + 1, s->seq, &out);
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
	bool behind = !ring_holds_after(&f->public_log, s->seq);
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
	uint64_t last = r->next - 1;
	size_t offset = s->offset;

	g->pieces = 0;
	g->len = 0;
	g->frames = 0;
	g->until = s->seq;
	if (s->text != NULL)
		gather_bytes(g, s->text->data + s->text->sent, s->text->len - s->text->sent);
	if (s->snapshot != NULL)
		gather_bytes(g, s->snapshot->data + s->snapshot_sent,
		    s->snapshot->len - s->snapshot_sent);
	if (private_due(s))	/* these come first, once the frame begun is ended */
		last = offset > 0 ? s->seq + 1 : s->seq;
	if (s->seq >= last || !ring_holds_after(r, s->seq))
		return;
	if (s->filter == NULL) {
		const struct ring_entry *from = ring_entry(r, s->seq + 1);
		const struct ring_entry *to = ring_entry(r, last);

		gather_log(g, r, from->at + offset, (size_t)(to->at + to->len - from->at) - offset);
		g->until = last;
		g->frames = last - s->seq;
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
	while (s->text == NULL && s->snapshot == NULL && s->seq < g->until) {
		const struct ring_entry *e = ring_entry(r, s->seq + 1);

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
		s->seq++;
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
	s->seq = g->until;
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
	return event_assign(&s->event, s->crowd->base, event_get_fd(&s->event),
	    (short)(events | EV_PERSIST), on_subscriber, s) == 0 &&
	    event_add(&s->event, NULL) == 0;
}

static bool
arm(struct subscriber *s)
{
	if (s->armed)
		return true;
	s->armed = true;
	s->moved_ms = s->crowd->now_ms;
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

/* Writes until all is sent or the socket is full. Afterwards a subscriber that is
 * not armed has nothing to be sent. False: it must go. */
static bool
flush(struct subscriber *s)
{
	struct crowd *c = s->crowd;
	evutil_socket_t fd = event_get_fd(&s->event);
	struct gathered g;
	ssize_t n;

	for (;;) {
		if (!prepare(s)) {
			c->stats.let_go++;
			return false;
		}
		gather(s, &g);
		if (g.len == 0) {
			s->seq = g.until;
			if (private_due(s) || s->seq != feed_last(c->feed))
				continue;
			return disarm(s);
		}
		do
			n = g.pieces == 1 ? write(fd, g.piece[0].iov_base, g.piece[0].iov_len) :
			    writev(fd, g.piece, g.pieces);
		while (n < 0 && errno == EINTR);
		c->stats.writes++;
		if (n < 0)
			return errno == EAGAIN && arm(s);
		c->stats.bytes += (unsigned long)n;
		s->moved_ms = c->now_ms;
		if ((size_t)n < g.len) {
			advance(s, &g, (size_t)n);
			return arm(s);
		}
		advance_all(s, &g);
	}
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
	struct subscriber *last = c->list[--c->stats.subscribers];

	c->list[s->index] = last;
	last->index = s->index;
	if (s->armed)
		c->stats.blocked--;
	event_del(&s->event);
	close(event_get_fd(&s->event));
	subscriber_free(s);
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

/* A round of writes. Those whose sockets are full come by themselves. */
static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct crowd *c = arg;
	int64_t started = clock_us();
	uint64_t last;

	(void)fd;
	(void)what;
	c->ticking = false;
	c->now_ms = c->round_started_ms = started / 1000;
	hub_flush(c->hub);
	last = feed_last(c->feed);
	for (int i = c->stats.subscribers - 1; i >= 0; i--) {
		struct subscriber *s = c->list[i];

		if (!s->armed && s->seq != last && !flush(s))
			subscriber_end(s);
	}
	c->stats.rounds++;
	c->stats.round_us = clock_us() - started;
	if (c->stats.round_us > c->stats.round_max_us)
		c->stats.round_max_us = c->stats.round_us;
}

/* Something is to be sent: at once when the last round is a tick ago, else when it
 * will be. A tick is as long as set, or as two rounds take, so that load makes
 * updates rarer and never late. */
static void
on_changed(void *arg)
{
	struct crowd *c = arg;
	int64_t tick = 2 * c->stats.round_us / 1000, wait;
	struct timeval tv;

	if (c->ticking)
		return;
	tick = tick > WIDEST_TICK_MS ? WIDEST_TICK_MS : tick;
	tick = tick < c->tick_ms ? c->tick_ms : tick;
	wait = c->round_started_ms + tick - clock_ms();
	wait = wait > 0 ? wait : 0;
	tv = (struct timeval){ wait / 1000, wait % 1000 * 1000 };
	c->stats.tick_ms = tick;
	c->ticking = event_add(c->tick, &tv) == 0;
}

static void
on_told(void *arg, int64_t user, uint64_t seq)
{
	struct crowd *c = arg;
	struct member *next;

	c->now_ms = clock_ms();
	for (struct member *m = *bucket(c, user); m != NULL; m = next) {
		struct subscriber *s = m->subscriber;

		next = m->next;
		if (m->user != user)
			continue;
		if (!m->behind) {
			m->behind = true;
			m->private_seq = seq - 1;
		}
		if (m->confirmed && !s->armed && !flush(s))
			subscriber_end(s);
	}
}

/* No private event goes out until the database has said which sessions are left. */
static void
on_ended(void *arg, int64_t user)
{
	struct crowd *c = arg;

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

/* Says that the stream is alive where nothing else did; lets go who is stuck. */
static bool
look_after(struct crowd *c, struct subscriber *s)
{
	static const char beat[] = ": beat\n\n";
	int64_t idle = c->now_ms - s->moved_ms;

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
	struct snapshot *newest = hub_snapshot(c->hub);

	log_error("old snapshots take %zu bytes: their readers are let go",
	    hub_stats(c->hub)->snapshot_bytes);
	for (int i = c->stats.subscribers - 1; i >= 0; i--) {
		struct subscriber *s = c->list[i];

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
		if (!look_after(c, c->list[c->sweep_at]))
			subscriber_end(c->list[c->sweep_at]);
	}
	if (hub_crowded(c->hub))
		make_room(c);
}

/* A sweep comes by each second or a little later: beats are due before they must be. */
static int64_t
beat_after_ms(long heartbeat_seconds)
{
	int64_t ms = heartbeat_seconds * 1000;

	return ms - (ms > 4000 ? 2000 : ms / 2);
}

struct crowd *
crowd_new(const struct conf *conf, int max, struct event_base *base, struct hub *hub,
    struct reader *reader)
{
	static const struct timeval each = { 0, SWEEP_MS * 1000 };
	struct crowd *c = calloc(1, sizeof(*c) + (size_t)max * sizeof(c->list[0]));

	if (c == NULL)
		return NULL;
	c->base = base;
	c->hub = hub;
	c->feed = hub_feed(hub);
	c->reader = reader;
	c->tick_ms = c->stats.tick_ms = conf->sse_tick_ms;
	c->beat_ms = beat_after_ms(conf->sse_heartbeat_seconds);
	c->round_started_ms = clock_ms() - c->tick_ms;
	c->max = max;
	c->tick = evtimer_new(base, on_tick, c);
	c->sweep = event_new(base, -1, EV_PERSIST, on_sweep, c);
	if (c->tick == NULL || c->sweep == NULL || event_add(c->sweep, &each) != 0) {
		crowd_free(c);
		return NULL;
	}
	hub_watch(hub, &(struct hub_watch){ .changed = on_changed, .told = on_told,
	    .ended = on_ended, .arg = c });
	return c;
}

void
crowd_free(struct crowd *c)
{
	if (c == NULL)
		return;
	while (c->stats.subscribers > 0)
		subscriber_end(c->list[c->stats.subscribers - 1]);
	if (c->tick != NULL)
		event_free(c->tick);
	if (c->sweep != NULL)
		event_free(c->sweep);
	free(c);
}

bool
crowd_full(const struct crowd *c)
{
	return c->stats.subscribers >= c->max;
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
greet(struct buf *out)
{
	unsigned int r = 0;

	if (getrandom(&r, sizeof(r), GRND_NONBLOCK) != (ssize_t)sizeof(r))
		r = (unsigned int)clock_us();
	buf_printf(out, CROWD_HEAD "retry: %u\n\n", RETRY_MS + r % RETRY_JITTER_MS);
}

/* Finds its place and has the first bytes ready. A newcomer while changes wait for
 * the next round gets its snapshot in that round, so that it holds them. */
static bool
take_place(struct subscriber *s, const char *last, const struct token_claims *claims)
{
	struct crowd *c = s->crowd;
	struct position at;
	struct buf out = { 0 };
	bool resumed = feed_resume(c->feed, last, claims != NULL, &at), ok;

	greet(&out);
	if (!resumed)
		at = (struct position){ NOWHERE, feed_last_private(c->feed) };
	s->seq = at.seq;
	if (resumed || (c->ticking && c->stats.tick_ms <= WAIT_FOR_TICK_MS)) {
		s->text = out.failed ? NULL : text_new(out.data, out.len);
		ok = s->text != NULL;
	} else {
		ok = take_snapshot(s, &out);
	}
	c->stats.resumed += resumed;
	buf_free(&out);
	/* A session that is no UUID is none: the stream is anonymous. */
	if (ok && claims != NULL)
		member_add(s, claims, at.private_seq);
	return ok;
}

void
crowd_add(struct crowd *c, int fd, const struct wanted *wanted, const char *last,
    const struct token_claims *claims)
{
	static const int buffer = SEND_BUFFER;
	struct subscriber *s = calloc(1, sizeof(*s));

	c->now_ms = clock_ms();
	if (s == NULL) {
		log_error("no memory for a stream");
		close(fd);
		return;
	}
	s->crowd = c;
	s->moved_ms = c->now_ms;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
	if (!take_filter(s, wanted) || !take_place(s, last, claims) ||
	    event_assign(&s->event, c->base, fd, EV_READ | EV_PERSIST, on_subscriber, s) != 0 ||
	    event_add(&s->event, NULL) != 0) {
		log_error("no memory for a stream");
		subscriber_free(s);
		close(fd);
		return;
	}
	s->index = c->stats.subscribers++;
	c->list[s->index] = s;
	c->stats.streams++;
	if ((s->seq != NOWHERE || !c->ticking) && !flush(s))
		subscriber_end(s);
	else if (claims != NULL)
		crowd_ask(c, false);
}

/*
 * Sessions.
 */

void
crowd_ask(struct crowd *c, bool all)
{
	struct session_request *request;

	if (reader_asking(c->reader) || c->stats.members == 0 || !(all || c->unasked))
		return;
	request = malloc(sizeof(*request) +
	    (size_t)c->stats.members * sizeof(request->sessions[0]));
	if (request == NULL)
		return;
	request->round = ++c->rounds_asked;
	request->count = 0;
	for (int i = 0; i < c->stats.subscribers; i++) {
		struct member *m = c->list[i]->member;

		if (m == NULL || !(all || m->asked == 0))
			continue;
		m->asked = request->round;
		memcpy(request->sessions[request->count++].id, m->session, SESSION_LEN);
	}
	c->unasked = false;
	reader_sessions(c->reader, request);
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

void
crowd_sessions(struct crowd *c, const struct session_answer *answer)
{
	c->now_ms = clock_ms();
	for (int i = c->stats.subscribers - 1; i >= 0; i--) {
		struct subscriber *s = c->list[i];
		struct member *m = s->member;

		if (m == NULL || m->asked != answer->round)
			continue;
		if (!answer->ok) {
			if (!m->confirmed) {
				m->asked = 0;
				c->unasked = true;
			}
		} else if (!stands(answer, m)) {
			member_remove(s);
		} else if (!m->confirmed) {
			m->confirmed = true;
			if (!s->armed && !flush(s))
				subscriber_end(s);
		}
	}
	if (answer->ok)
		crowd_ask(c, false);
}
