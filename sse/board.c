/* The log of events, and the newest state as it was sent. */
#include "board.h"

#include <stdlib.h>
#include <string.h>

#define REPLAY_SLACK	16384		/* bytes of log behind a snapshot still given out */
#define HELD_SLACK	(16 * 1024 * 1024)	/* bytes of old snapshots, besides eight */

/* The stock of one drop, as the stream has it. */
struct card {
	int64_t drop;
	size_t len, cap;
	char *text;
};

struct board {
	struct feed feed;
	struct board_stats stats;
	bool ready;
	struct card *cards;	/* in order of drop */
	int count, cap;
	struct snapshot *snapshot;	/* the newest; NULL: render it anew */
	struct buf scratch;
};

static void
forget_snapshot(struct board *b)
{
	snapshot_release(b->snapshot);
	b->snapshot = NULL;
}

static void
forget_cards(struct board *b)
{
	for (int i = 0; i < b->count; i++)
		free(b->cards[i].text);
	b->count = 0;
	forget_snapshot(b);
}

struct board *
board_new(size_t log_bytes)
{
	struct board *b = calloc(1, sizeof(*b));

	if (b != NULL && !feed_init(&b->feed, log_bytes)) {
		free(b);
		return NULL;
	}
	return b;
}

void
board_free(struct board *b)
{
	if (b == NULL)
		return;
	forget_cards(b);
	free(b->cards);
	feed_free(&b->feed);
	buf_free(&b->scratch);
	free(b);
}

bool
board_ready(const struct board *b)
{
	return b->ready;
}

const struct feed *
board_feed(const struct board *b)
{
	return &b->feed;
}

const struct board_stats *
board_stats(const struct board *b)
{
	return &b->stats;
}

void
board_lost(struct board *b)
{
	b->feed.lost++;
}

/* Where the card of `drop` is, or would be. */
static int
place(const struct board *b, int64_t drop)
{
	int low = 0, high = b->count;

	while (low < high) {
		int middle = (low + high) / 2;

		if (b->cards[middle].drop < drop)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct card *
card_find(const struct board *b, int64_t drop)
{
	int i = place(b, drop);

	return i < b->count && b->cards[i].drop == drop ? &b->cards[i] : NULL;
}

/* Puts an empty card where it belongs; NULL when memory is out. */
static struct card *
card_add(struct board *b, int64_t drop)
{
	int i = place(b, drop);

	if (b->count == b->cap) {
		int cap = b->cap > 0 ? b->cap * 2 : 64;
		struct card *grown = realloc(b->cards, (size_t)cap * sizeof(*grown));

		if (grown == NULL)
			return NULL;
		b->cards = grown;
		b->cap = cap;
	}
	memmove(&b->cards[i + 1], &b->cards[i], (size_t)(b->count - i) * sizeof(*b->cards));
	b->cards[i] = (struct card){ .drop = drop };
	b->count++;
	return &b->cards[i];
}

/* Stock changes in place most of the time: its text is as long as before. */
static bool
show(struct board *b, const struct notice *n)
{
	struct card *c = card_find(b, n->key);

	if (c == NULL) {
		c = card_add(b, n->key);
		forget_snapshot(b);	/* or one would stay without the drop for a while */
	}
	if (c == NULL)
		return false;
	if (n->len > c->cap) {
		char *grown = realloc(c->text, n->len);

		if (grown == NULL)
			return false;
		c->text = grown;
		c->cap = n->len;
	}
	if (n->len > 0)
		memcpy(c->text, n->data, n->len);
	c->len = n->len;
	return true;
}

static void
hide(struct board *b, int64_t drop)
{
	struct card *c = card_find(b, drop);
	int i;

	if (c == NULL)
		return;
	i = (int)(c - b->cards);
	free(c->text);
	b->count--;
	memmove(c, c + 1, (size_t)(b->count - i) * sizeof(*c));
	forget_snapshot(b);
}

bool
board_take(struct board *b, const struct notice *n)
{
	switch (n->kind) {
	case NOTICE_RENEWED:
		forget_cards(b);
		feed_renew(&b->feed, n->name, n->seq, n->private_seq);
		b->ready = true;
		return true;
	case NOTICE_STOCK:
		if (!show(b, n))
			return false;
		feed_add(&b->feed, STOCK_EVENT, n->key, n->data, n->len);
		return true;
	case NOTICE_SHOWN:
		return show(b, n);
	case NOTICE_HIDDEN:
		hide(b, n->key);
		return true;
	case NOTICE_EVENT:
		feed_add(&b->feed, n->name, n->key, n->data, n->len);
		return true;
	case NOTICE_PRIVATE:
		feed_add_private(&b->feed, n->name, n->key, n->data, n->len);
		return true;
	case NOTICE_ENDED:
		return true;
	}
	return true;
}

static void
add_drops_begin(struct buf *out)
{
	buf_puts(out, "\"drops\":[");
}

static void
add_card(struct buf *out, const struct card *c, bool *first)
{
	if (c == NULL || c->len == 0)
		return;
	if (!*first)
		buf_puts(out, ",");
	*first = false;
	buf_add(out, c->text, c->len);
}

static void
add_drops_end(struct buf *out)
{
	buf_puts(out, "]}\n\n");
}

/* Drops appear in a snapshot as they were last sent, not as they are: so what the
 * log adds behind it is newer, always. */
static struct snapshot *
render(struct board *b)
{
	struct buf *out = &b->scratch;
	struct snapshot *s;
	bool first = true;

	buf_clear(out);
	add_drops_begin(out);
	for (int i = 0; i < b->count; i++)
		add_card(out, &b->cards[i], &first);
	add_drops_end(out);
	s = out->failed ? NULL : malloc(sizeof(*s) + out->len);
	if (s == NULL)
		return NULL;
	*s = (struct snapshot){ .board = b, .refs = 1, .seq = feed_last(&b->feed),
	    .log_end = b->feed.public_log.end, .len = out->len };
	memcpy(s->data, out->data, out->len);
	b->stats.snapshots++;
	b->stats.snapshot_bytes += s->len;
	return s;
}

/* An older snapshot with a little log behind it says the same as a new one; this
 * bounds how often all drops are rendered, and how many different snapshots slow
 * readers can hold. */
struct snapshot *
board_snapshot(struct board *b)
{
	const struct ring *r = &b->feed.public_log;
	struct snapshot *s = b->snapshot;

	if (s != NULL && (!ring_holds_after(r, s->seq) ||
	    r->end - s->log_end > REPLAY_SLACK + s->len / 4)) {
		forget_snapshot(b);
		s = NULL;
	}
	if (s == NULL)
		s = b->snapshot = render(b);
	if (s != NULL)
		s->refs++;
	return s;
}

void
snapshot_release(struct snapshot *s)
{
	if (s == NULL || --s->refs > 0)
		return;
	s->board->stats.snapshot_bytes -= s->len;
	free(s);
}

void
board_snapshot_of(const struct board *b, const int64_t *drops, int count, struct buf *out,
    uint64_t *seq)
{
	bool first = true;

	*seq = feed_last(&b->feed);
	add_drops_begin(out);
	for (int i = 0; i < count; i++)
		add_card(out, card_find(b, drops[i]), &first);
	add_drops_end(out);
}

bool
board_crowded(const struct board *b)
{
	size_t newest = b->snapshot != NULL ? b->snapshot->len : 0;

	return b->stats.snapshot_bytes > HELD_SLACK + 8 * newest;
}
