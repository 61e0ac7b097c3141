/* The streams of one event loop. A subscriber is a place in the hub's log: what is
 * sent to it is written from there, and nothing is copied for it. */
#ifndef SSE_SUBSCRIBER_H
#define SSE_SUBSCRIBER_H

#include <event2/event.h>
#include <stdbool.h>

#include "conf.h"
#include "head.h"
#include "hub.h"
#include "reader.h"
#include "token.h"

struct crowd_stats {
	int subscribers, members, blocked;
	unsigned long streams;		/* ever begun */
	unsigned long resumed, snapshots;	/* how they, and those that fell behind, began */
	unsigned long deliveries, bytes, writes, beats;
	unsigned long let_go;		/* too slow */
	unsigned long rounds;
	int64_t round_us, round_max_us;	/* the last one, the longest */
	int64_t tick_ms;		/* as it is now */
};

/* What a stream begins with. It has no length: it ends with the connection. */
#define CROWD_HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n" \
	"Cache-Control: no-store\r\nX-Accel-Buffering: no\r\nConnection: close\r\n\r\n"

struct crowd;

/* A crowd of at most `max` subscribers. All it is given must outlive it; it watches
 * the hub. NULL when memory is out. */
struct crowd *crowd_new(const struct conf *conf, int max, struct event_base *base,
    struct hub *hub, struct reader *reader);

/* Ends all streams; NULL is harmless. */
void crowd_free(struct crowd *crowd);

bool crowd_full(const struct crowd *crowd);

/* Begins a stream on `fd`, which is the crowd's from now on: behind the event `last`
 * (any text, or NULL) when that can be, else with a snapshot. `claims` is what a
 * valid token says, NULL without one; the session is then asked after. The hub must
 * be ready. */
void crowd_add(struct crowd *crowd, int fd, const struct wanted *wanted, const char *last,
    const struct token_claims *claims);

/* Asks the database whether the members' sessions stand: all, or the new ones. */
void crowd_ask(struct crowd *crowd, bool all);

/* Takes its answer. */
void crowd_sessions(struct crowd *crowd, const struct session_answer *answer);

const struct crowd_stats *crowd_stats(const struct crowd *crowd);

#endif
