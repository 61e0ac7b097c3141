/* What a subscriber is sent next. */
#ifndef SSE_GATHER_H
#define SSE_GATHER_H

#include "subscriber.h"

#define GATHER_PIECES	32	/* of the log, in one write */

/* What one write is made of: text, snapshot, and a run of the log. */
struct gathered {
	struct iovec piece[GATHER_PIECES + 2];
	int pieces;
	size_t len;
	uint64_t until;		/* the frame the log's part ends with */
	unsigned long frames;
};

/* Bytes for one subscriber, not sent yet; free() ends it. NULL when memory is out. */
struct text *text_new(const char *data, size_t len);

/* Sets the subscriber on the newest state, after `before`, which is emptied. False when memory is out. */
bool gather_snapshot(struct subscriber *s, struct buf *before);

/* At the end of a frame, decides what comes before the rest of the log: private
 * events, or a snapshot for one that fell behind. False: it must go. */
bool gather_prepare(struct subscriber *s);

/* Collects what can be written now. The frames between its place and the end are
 * one run of bytes for most. */
void gather(struct subscriber *s, struct gathered *g);

/* All frames after `after` up to `last`, but for the first `offset` bytes. */
void gather_run(struct gathered *g, const struct ring *r, uint64_t after, uint64_t last,
    size_t offset);

/* Moves the place behind the first `n` bytes of what was gathered, or behind all of it. */
void gather_advance(struct subscriber *s, const struct gathered *g, size_t n);
void gather_advance_all(struct subscriber *s, const struct gathered *g);

#endif
