/* The newest state of every open drop, and what changed in it: from Redis, which
 * is quick but may lose or repeat, and from the database, which is true. Knows
 * nothing of sockets; one thread calls it. */
#ifndef SSE_HUB_H
#define SSE_HUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "feed.h"
#include "reader.h"

/* Whom the hub tells; called from within its functions. */
struct hub_watch {
	void (*changed)(void *arg);	/* there is something for hub_flush() */
	void (*told)(void *arg, int64_t user, uint64_t seq);	/* a private event */
	void (*ended)(void *arg, int64_t user);	/* a session of this user ended */
	void *arg;
};

struct hub_stats {
	unsigned long messages, messages_bad;
	unsigned long polls, polls_failed;
	unsigned long snapshots;	/* rendered */
	int drops;			/* open */
	size_t snapshot_bytes;		/* of all that are still held */
};

struct hub;

/* A hub with `log_bytes` of events kept. NULL when memory is out. */
struct hub *hub_new(size_t log_bytes);
void hub_free(struct hub *hub);

/* Names who is told; once, before anything else. */
void hub_watch(struct hub *hub, const struct hub_watch *watch);

/* Takes a message from Redis; one that makes no sense is counted and forgotten. */
void hub_message(struct hub *hub, const char *text, size_t len);

/* What to ask the database next; NULL when memory is out. For reader_poll(). */
struct poll_request *hub_poll(struct hub *hub);

/* Takes the answer to it. */
void hub_polled(struct hub *hub, const struct poll_answer *answer);

/* Whether a first state was read: before that there is no snapshot to give. */
bool hub_ready(const struct hub *hub);

/* Whether the last poll was answered. */
bool hub_database_ok(const struct hub *hub);

/* Moves what has changed since the last time into the log, merged drop by drop. */
void hub_flush(struct hub *hub);

const struct feed *hub_feed(const struct hub *hub);
const struct hub_stats *hub_stats(const struct hub *hub);

/* A state that many readers share, as the end of a snapshot's JSON and frame:
 * `"drops":[...]}` and the empty line. The log goes on behind `seq`. */
struct snapshot {
	struct hub *hub;
	int refs;
	uint64_t seq;
	uint64_t log_end;
	size_t len;
	char data[];
};

/* The state of all open drops, new enough that little of the log follows it. Give
 * it back with snapshot_release(). NULL when memory is out. */
struct snapshot *hub_snapshot(struct hub *hub);
void snapshot_release(struct snapshot *snapshot);	/* NULL is harmless */

/* The same of `count` drops alone, appended to `out`; sets *seq. */
void hub_snapshot_of(const struct hub *hub, const int64_t *drops, int count, struct buf *out,
    uint64_t *seq);

/* Whether old snapshots, held by slow readers, take more room than they may. */
bool hub_crowded(const struct hub *hub);

#endif
