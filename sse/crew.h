/* The event loops together: the main one, and those in threads of their own where
 * `sse_threads` wants more than one. It decides when a round of writes is due, and
 * which loop a stream goes to. Only the main thread calls it. */
#ifndef SSE_CREW_H
#define SSE_CREW_H

#include <event2/event.h>

#include "conf.h"
#include "hub.h"
#include "loop.h"
#include "reader.h"
#include "crowd.h"

struct crew;

/* Starts the loops, for `max` streams in all. It watches the hub. All it is given must
 * outlive it. NULL after a line in the log. */
struct crew *crew_new(const struct conf *conf, int max, struct event_base *base,
    struct hub *hub, struct reader *reader);

/* Ends all streams and loops; NULL is harmless. */
void crew_free(struct crew *crew);

/* Other limits from now on: the tick, and of streams as many as `max`, though never more than it
 * was begun with. */
void crew_limit(struct crew *crew, int64_t tick_ms, int max);

bool crew_full(const struct crew *crew);

/* Gives a stream to the loop with the fewest. `soon` is the crew's to say. */
void crew_add(struct crew *crew, struct newcomer *newcomer);

/* Takes the reader's answer about sessions; NULL: there is none. */
void crew_sessions(struct crew *crew, const struct session_answer *answer);

/* Begins an epoch if a loop has lost something. To be called now and then. */
void crew_mend(struct crew *crew);

struct crew_stats {
	int threads;
	int max;		/* streams at most */
	int64_t tick_ms;	/* as it is now */
	struct crowd_stats crowd;	/* of all; of times, the longest */
	struct board_stats board;
};

void crew_stats(const struct crew *crew, struct crew_stats *stats);

#endif
