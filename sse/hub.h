/* The newest state of every open drop, and what changed in it: from Redis, which
 * is quick but may lose or repeat, and from the database, which is true. What is to
 * be sent it puts on a board. Knows nothing of sockets; one thread calls it. */
#ifndef SSE_HUB_H
#define SSE_HUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "board.h"
#include "histogram.h"
#include "reader.h"

/* Whom the hub tells; called from within its functions. */
struct hub_watch {
	void (*changed)(void *arg);	/* something is to be sent: hub_flush() */
	void (*posted)(void *arg, const struct notice *n);	/* the hub's board took it */
	void *arg;
};

struct hub_stats {
	unsigned long messages, messages_bad;
	unsigned long polls, polls_failed;
	int drops;			/* open */
	struct histogram lag;		/* from changes to the round that wrote them */
};

/* Pairs of all open drops, and how many of those drops have none that is free. */
struct hub_pairs {
	int64_t available, reserved, sold;
	int without;
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

/* Whether the last poll was answered. */
bool hub_database_ok(const struct hub *hub);

/* Puts what has changed since the last time on the board, merged drop by drop. */
void hub_flush(struct hub *hub);

/* Says that what the last hub_flush() put on the board has been written to the streams: counts how
 * long that took since the changes were made. The time of a change is the database's, so its clock
 * and this machine's must agree. */
void hub_written(struct hub *hub);

/* Begins an epoch though nothing is wrong here: another board lost a notice. */
void hub_renew(struct hub *hub);

/* The hub's own board, which only it may change. */
struct board *hub_board(const struct hub *hub);
struct hub_pairs hub_pairs(const struct hub *hub);
const struct hub_stats *hub_stats(const struct hub *hub);

#endif
