/* The streams of one event loop. A subscriber is a place in the log of a board: what
 * is sent to it is written from there, and nothing is copied for it. */
#ifndef SSE_CROWD_H
#define SSE_CROWD_H

#include <event2/event.h>
#include <stdbool.h>

#include "board.h"
#include "conf.h"
#include "head.h"
#include "reader.h"
#include "token.h"

struct crowd_stats {
	int subscribers, members, blocked;
	unsigned long streams;		/* ever begun */
	unsigned long resumed, snapshots;	/* how they, and those that fell behind, began */
	unsigned long deliveries, bytes, writes, beats;
	unsigned long skipped;		/* times a slow one was set on the newest state */
	unsigned long let_go;		/* too slow */
	unsigned long rounds;
	int64_t round_us, round_max_us;	/* the last one, the longest */
	int proxied;			/* of the subscribers, through the web server */
	int64_t steady_us;		/* the shorter of the last two rounds */
};

/* What a stream begins with, but for fields of its own and the empty line. It has no
 * length: it ends with the connection. */
#define CROWD_HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n" \
	HEAD_POLICY "Cache-Control: no-store\r\nX-Accel-Buffering: no\r\nConnection: close\r\n"

/* Who wants a stream. */
struct newcomer {
	int fd;			/* the crowd's from then on */
	bool soon;		/* a round is near, with changes: it can wait for that */
	bool proxied;		/* comes through the web server */
	bool member;		/* `claims` is what a valid token says */
	struct token_claims claims;
	struct wanted wanted;
	const char *last;	/* the id it goes on behind, any text; or NULL */
	const char *fields;	/* more header lines, or NULL */
};

/* Called from within the crowd's functions. */
struct crowd_watch {
	void (*ask)(void *arg, struct session_request *request);	/* takes it over */
	void (*left)(void *arg);	/* a stream has ended, or could not begin */
	void *arg;
};

struct crowd;

/* A crowd of at most `max` subscribers. All it is given must outlive it. NULL when
 * memory is out. */
struct crowd *crowd_new(const struct conf *conf, int max, struct event_base *base,
    struct board *board, const struct crowd_watch *watch);

/* Ends all streams; NULL is harmless. */
void crowd_free(struct crowd *crowd);

/* Begins a stream: behind the event it names when that can be, else with a snapshot.
 * A member's session is asked after. The board must be ready. */
void crowd_add(struct crowd *crowd, const struct newcomer *newcomer);

/* Tells the crowd what its board has just taken. `soon`: a round follows at once or
 * nearly so. */
void crowd_notice(struct crowd *crowd, const struct notice *n, bool soon);

/* Writes what is new to all: one write each. Those whose sockets are full come by
 * themselves. */
void crowd_round(struct crowd *crowd);

/* Asks the database whether the members' sessions stand: all, or the new ones. The
 * crowd does so by itself each second, and for all each five. */
void crowd_ask(struct crowd *crowd, bool all);

/* Takes its answer, which is lent; NULL: there is none. */
void crowd_sessions(struct crowd *crowd, const struct session_answer *answer);

const struct crowd_stats *crowd_stats(const struct crowd *crowd);

#endif
