/* The log of events: one ring of public ones, that everybody reads, and one of
 * private ones, each for one user. Ids are EPOCH-P for a public event and
 * EPOCH-P-Q for a private one, P being the number of the last public event its
 * reader had. An epoch ends when what was sent may no longer be true. */
#ifndef SSE_FEED_H
#define SSE_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "ring.h"

#define FEED_EPOCH_LEN	24	/* with the NUL */
#define FEED_COMMENT	": beat\n\n"	/* says that a stream is alive */

struct feed {
	char epoch[FEED_EPOCH_LEN];
	struct ring public_log;		/* whole frames; tag: drop */
	struct ring private_log;	/* frames without their id line; tag: user,
					 * mark: last public number when it was added */
	uint64_t commented_seq;		/* the last public event with a comment before it */
	int64_t commented_ms;		/* when that was added, of clock_ms() */
	struct buf scratch;
	unsigned long events, private_events, epochs, lost;
};

/* Where a reader goes on. */
struct position {
	uint64_t seq;		/* last public event it had */
	uint64_t private_seq;	/* last private one */
};

/* `bytes` for the public log, a quarter of it for the private one; no epoch yet.
 * False when memory is out. */
bool feed_init(struct feed *f, size_t bytes);
void feed_free(struct feed *f);

/* Invents the name of another epoch. */
void feed_name_epoch(const struct feed *f, char out[FEED_EPOCH_LEN]);

/* Begins an epoch, behind the numbers `seq` and `private_seq`: a reader that had
 * more, or less, of the public ones has to begin with a snapshot. */
void feed_renew(struct feed *f, const char *epoch, uint64_t seq, uint64_t private_seq);

/* Adds an event; `data` is JSON in one line. The first of each second has a comment before it: so a
 * busy stream says that it is alive without a write of its own. */
void feed_add(struct feed *f, const char *event, int64_t drop, const char *data, size_t len);

/* Adds an event for one user and returns its number. */
uint64_t feed_add_private(struct feed *f, const char *event, int64_t user, const char *data,
    size_t len);

/* Appends the private event `seq`, which must be there, as the frame for a reader
 * whose last public event was `after`. */
void feed_private_frame(const struct feed *f, uint64_t seq, uint64_t after, struct buf *out);

/* The last public and private numbers given. */
uint64_t feed_last(const struct feed *f);
uint64_t feed_last_private(const struct feed *f);

/* Finds where the reader of `id` (any text, or NULL) goes on with nothing missed,
 * its private events included when `with_private`. False: it needs a snapshot. */
bool feed_resume(const struct feed *f, const char *id, bool with_private, struct position *p);

#endif
