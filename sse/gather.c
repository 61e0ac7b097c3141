/* What a subscriber is sent next: text of its own, a snapshot that it shares, then the log. */
#include "gather.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "member.h"

#define PRIVATE_AT_ONCE	32768	/* bytes of private frames rendered ahead */

struct text *
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

	time_text(clock_db_ms(), now);
	buf_printf(out, "id: %s-%" PRIu64 "\nevent: snapshot\ndata: {\"serverTime\":\"%s\",",
	    c->feed->epoch, seq, now);
}

/* The server's time is its own; the drops it shares with all who get the same state. */
bool
gather_snapshot(struct subscriber *s, struct buf *before)
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
	subscriber_give(s, before->failed || drops.failed ? NULL : text_new(before->data, before->len));
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
		subscriber_give(s, out.failed ? NULL : text_new(out.data, out.len));
		ok = s->text != NULL;
	}
	buf_free(&out);
	return ok;
}

bool
gather_prepare(struct subscriber *s)
{
	const struct feed *f = s->crowd->feed;
	bool behind = !ring_holds_after(&f->public_log, place_of(s)->seq);
	struct buf before = { 0 };
	bool ok;

	if (s->offset > 0)
		return !behind;	/* the rest of its frame is gone */
	if (s->text != NULL || s->snapshot != NULL)
		return true;
	if (member_private_due(s)) {
		if (ring_holds_after(&f->private_log, s->member->private_seq))
			return take_private(s);
		/* Some are lost: a snapshot says so. */
		s->member->private_seq = feed_last_private(f);
		s->member->behind = false;
		behind = true;
	}
	if (!behind)
		return true;
	s->crowd->stats.skipped += place_of(s)->seq != NOWHERE;
	ok = gather_snapshot(s, &before);
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

void
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

void
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
	if (member_private_due(s))	/* these come first, once the frame begun is ended */
		last = offset > 0 ? seq + 1 : seq;
	if (seq >= last || !ring_holds_after(r, seq))
		return;
	if (s->filter == NULL) {
		gather_run(g, r, seq, last, offset);
		g->until = last;
		g->frames = last - seq;
		return;
	}
	while (g->until < last && g->pieces < GATHER_PIECES) {
		const struct ring_entry *e = ring_entry(r, g->until + 1);

		if (wants(s->filter, e->tag)) {
			gather_log(g, r, e->at + offset, e->len - offset);
			g->frames++;
		}
		offset = 0;
		g->until++;
	}
}

void
gather_advance(struct subscriber *s, const struct gathered *g, size_t n)
{
	const struct ring *r = &s->crowd->feed->public_log;
	struct place *p = place_of(s);
	size_t take;

	if (s->text != NULL) {
		take = s->text->len - s->text->sent;
		take = n < take ? n : take;
		s->text->sent += take;
		n -= take;
		if (s->text->sent == s->text->len)
			subscriber_give(s, NULL);
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

void
gather_advance_all(struct subscriber *s, const struct gathered *g)
{
	subscriber_give(s, NULL);
	snapshot_release(s->snapshot);
	s->snapshot = NULL;
	place_of(s)->seq = g->until;
	s->offset = 0;
	s->crowd->stats.deliveries += g->frames;
}
