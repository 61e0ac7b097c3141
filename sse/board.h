/* What streams are given: the log of events, and the stock of every open drop as it
 * was last sent. All changes come as notices, so that boards given the same ones
 * show the same, under the same ids. One thread uses a board. */
#ifndef SSE_BOARD_H
#define SSE_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "feed.h"

#define STOCK_EVENT "stock:update"

enum notice_kind {
	NOTICE_RENEWED,	/* all that was known is void: `name` is the new epoch */
	NOTICE_STOCK,	/* the stock of drop `key`, for snapshots and as an event */
	NOTICE_SHOWN,	/* the same, for snapshots alone */
	NOTICE_HIDDEN,	/* drop `key` leaves the snapshots */
	NOTICE_EVENT,	/* the public event `name` about drop `key` */
	NOTICE_PRIVATE,	/* the event `name` for user `key` alone */
	NOTICE_ENDED,	/* a session of user `key` has ended; no board minds */
};

/* The texts are the giver's, and only lent. */
struct notice {
	enum notice_kind kind;
	int64_t key;
	uint64_t seq, private_seq;	/* of NOTICE_RENEWED: the last ones given */
	const char *name;
	const char *data;	/* JSON in one line */
	size_t len;
};

struct board_stats {
	unsigned long snapshots;	/* rendered */
	size_t snapshot_bytes;		/* of all that are still held */
};

struct board;

/* A board with `log_bytes` of events kept; NULL when memory is out. */
struct board *board_new(size_t log_bytes);
void board_free(struct board *b);	/* NULL is harmless */

/* Takes a notice. False when memory was short for what it says of a snapshot: it
 * wants to be told again. An event is lost to all alike then, and counts. */
bool board_take(struct board *b, const struct notice *n);

/* Whether a first state was told: before that there is no snapshot to give. */
bool board_ready(const struct board *b);

const struct feed *board_feed(const struct board *b);
const struct board_stats *board_stats(const struct board *b);

/* Counts an event that never came here. */
void board_lost(struct board *b);

/* A state that many readers share, as the end of a snapshot's JSON and frame:
 * `"drops":[...]}` and the empty line. The log goes on behind `seq`. */
struct snapshot {
	struct board *board;
	int refs;
	uint64_t seq;
	uint64_t log_end;
	size_t len;
	char data[];
};

/* The state of all open drops, new enough that little of the log follows it. Give
 * it back with snapshot_release(). NULL when memory is out. */
struct snapshot *board_snapshot(struct board *b);
void snapshot_release(struct snapshot *snapshot);	/* NULL is harmless */

/* The same of `count` drops alone, appended to `out`; sets *seq. */
void board_snapshot_of(const struct board *b, const int64_t *drops, int count, struct buf *out,
    uint64_t *seq);

/* Whether old snapshots, held by slow readers, take more room than they may. */
bool board_crowded(const struct board *b);

#endif
