/* A ring of bytes that keeps the newest frames, and where each of them lies.
 * Who reads it keeps the number of the last frame it took; nothing here knows of
 * readers. */
#ifndef SSE_RING_H
#define SSE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct ring_entry {
	uint64_t at;	/* where it begins, counted in all bytes ever added */
	int64_t tag;	/* what readers choose by: a drop, or a user */
	uint64_t mark;	/* the caller's own number */
	uint32_t len;
};

/* Read the numbers freely; only the functions below change them. Frames are
 * numbered from 1; those from `first` up to, not including, `next` are here. */
struct ring {
	uint64_t first, next;
	uint64_t end;		/* all bytes ever added */
	uint64_t lost_mark;	/* mark of the newest frame no longer here; 0: none */
	size_t cap;
	uint64_t entries_cap;	/* a power of two */
	char *bytes;
	struct ring_entry *entries;
};

/* Room for `bytes` bytes. False when memory is out. */
bool ring_init(struct ring *r, size_t bytes);
void ring_free(struct ring *r);

/* Adds a copy of a frame under the number r->next, at the cost of the oldest. One
 * longer than the whole ring empties it instead, as ring_reset() does. */
void ring_add(struct ring *r, const void *frame, size_t len, int64_t tag, uint64_t mark);

/* Forgets all frames and skips a number, so that even a reader that had taken
 * everything finds itself behind. */
void ring_reset(struct ring *r, uint64_t mark);

/* Forgets all frames; the next one gets the number `next`. */
void ring_restart(struct ring *r, uint64_t next, uint64_t mark);

/* Whether a reader whose last frame was `seq` can go on from here. */
static inline bool
ring_holds_after(const struct ring *r, uint64_t seq)
{
	return seq < r->next && seq + 1 >= r->first;
}

/* The frame `seq`, which must be here. */
static inline const struct ring_entry *
ring_entry(const struct ring *r, uint64_t seq)
{
	return &r->entries[seq & (r->entries_cap - 1)];
}

/* Describes `len` bytes from `at` on, which must be here; returns 1 or 2 pieces. */
int ring_pieces(const struct ring *r, uint64_t at, size_t len, struct iovec out[2]);

#endif
