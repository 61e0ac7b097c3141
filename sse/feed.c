/* The log of events. */
#include "feed.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "clock.h"
#include "log.h"

#define PRIVATE_MIN	(64 * 1024)
#define COMMENT_MS	1000	/* between comments, at least */

/* The time makes an epoch readable in order, the random part makes two daemons
 * that start in the same millisecond differ. */
static void
invent_name(char out[FEED_EPOCH_LEN])
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	uint64_t parts[2] = { 0, (uint64_t)clock_wall_ms() };
	char reversed[FEED_EPOCH_LEN];
	size_t n = 0, len;

	if (getrandom(&parts[0], sizeof(parts[0]), 0) != (ssize_t)sizeof(parts[0]))
		parts[0] = (uint64_t)clock_us();
	parts[0] %= 36 * 36 * 36 * 36;
	for (int i = 0; i < 4; i++, parts[0] /= 36)
		reversed[n++] = digits[parts[0] % 36];
	for (; parts[1] > 0 && n < FEED_EPOCH_LEN - 1; parts[1] /= 36)
		reversed[n++] = digits[parts[1] % 36];
	for (len = 0; n > 0; len++)
		out[len] = reversed[--n];
	out[len] = '\0';
}

bool
feed_init(struct feed *f, size_t bytes)
{
	size_t private_bytes = bytes / 4 > PRIVATE_MIN ? bytes / 4 : PRIVATE_MIN;

	*f = (struct feed){ 0 };
	if (!ring_init(&f->public_log, bytes) || !ring_init(&f->private_log, private_bytes)) {
		feed_free(f);
		return false;
	}
	return true;
}

void
feed_free(struct feed *f)
{
	ring_free(&f->public_log);
	ring_free(&f->private_log);
	buf_free(&f->scratch);
}

/* Two epochs of one millisecond must not get one name. */
void
feed_name_epoch(const struct feed *f, char out[FEED_EPOCH_LEN])
{
	do
		invent_name(out);
	while (strcmp(f->epoch, out) == 0);
}

void
feed_renew(struct feed *f, const char *epoch, uint64_t seq, uint64_t private_seq)
{
	snprintf(f->epoch, sizeof(f->epoch), "%s", epoch);
	ring_restart(&f->public_log, seq + 1, 0);
	if (private_seq != feed_last_private(f))
		ring_restart(&f->private_log, private_seq + 1, seq > 0 ? seq - 1 : 0);
	f->epochs++;
}

/* A frame that memory is short for is lost to all alike: they get a snapshot. */
void
feed_add(struct feed *f, const char *event, int64_t drop, const char *data, size_t len)
{
	struct buf *b = &f->scratch;
	int64_t now = clock_ms();
	bool comment = f->commented_seq == 0 || now - f->commented_ms >= COMMENT_MS;

	buf_clear(b);
	if (comment)
		buf_puts(b, FEED_COMMENT);
	buf_printf(b, "id: %s-%" PRIu64 "\nevent: %s\ndata: ", f->epoch, f->public_log.next, event);
	buf_add(b, data, len);
	buf_puts(b, "\n\n");
	if (b->failed) {
		log_error("no memory for an event");
		ring_reset(&f->public_log, 0);
		f->lost++;
		return;
	}
	ring_add(&f->public_log, b->data, b->len, drop, 0);
	if (comment) {
		f->commented_seq = feed_last(f);
		f->commented_ms = now;
	}
	f->events++;
}

uint64_t
feed_add_private(struct feed *f, const char *event, int64_t user, const char *data, size_t len)
{
	struct buf *b = &f->scratch;

	buf_clear(b);
	buf_printf(b, "event: %s\ndata: ", event);
	buf_add(b, data, len);
	buf_puts(b, "\n\n");
	if (b->failed) {
		log_error("no memory for an event");
		ring_reset(&f->private_log, feed_last(f));
		f->lost++;
	} else {
		ring_add(&f->private_log, b->data, b->len, user, feed_last(f));
		f->private_events++;
	}
	return feed_last_private(f);
}

void
feed_private_frame(const struct feed *f, uint64_t seq, uint64_t after, struct buf *out)
{
	const struct ring_entry *e = ring_entry(&f->private_log, seq);
	struct iovec piece[2];
	int pieces = ring_pieces(&f->private_log, e->at, e->len, piece);

	buf_printf(out, "id: %s-%" PRIu64 "-%" PRIu64 "\n", f->epoch, after, seq);
	for (int i = 0; i < pieces; i++)
		buf_add(out, piece[i].iov_base, piece[i].iov_len);
}

uint64_t
feed_last(const struct feed *f)
{
	return f->public_log.next - 1;
}

uint64_t
feed_last_private(const struct feed *f)
{
	return f->private_log.next - 1;
}

/* Reads a number of at most 19 digits; NULL when there is none. */
static const char *
read_number(const char *s, uint64_t *n)
{
	int digits = 0;

	for (*n = 0; *s >= '0' && *s <= '9'; s++) {
		if (++digits > 19)
			return NULL;
		*n = *n * 10 + (uint64_t)(*s - '0');
	}
	return digits > 0 ? s : NULL;
}

/* The private events a reader of the public event `seq` may not have had: those
 * added when that, or a later one, was the last. It may get some twice. */
static bool
private_since(const struct ring *r, uint64_t seq, uint64_t *private_seq)
{
	uint64_t i = r->next;

	if (r->first > 1 && r->lost_mark >= seq)
		return false;
	while (i > r->first && ring_entry(r, i - 1)->mark >= seq)
		i--;
	*private_seq = i - 1;
	return true;
}

bool
feed_resume(const struct feed *f, const char *id, bool with_private, struct position *p)
{
	size_t len = strlen(f->epoch);
	const char *s;

	if (id == NULL || strncmp(id, f->epoch, len) != 0 || id[len] != '-')
		return false;
	s = read_number(id + len + 1, &p->seq);
	if (s == NULL || !ring_holds_after(&f->public_log, p->seq))
		return false;
	p->private_seq = feed_last_private(f);
	if (*s == '\0')
		return !with_private ||
		    private_since(&f->private_log, p->seq, &p->private_seq);
	if (*s != '-')
		return false;
	s = read_number(s + 1, &p->private_seq);
	if (s == NULL || *s != '\0' || p->private_seq > feed_last_private(f))
		return false;
	return !with_private || ring_holds_after(&f->private_log, p->private_seq);
}
