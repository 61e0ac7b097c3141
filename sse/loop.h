/* An event loop in a thread of its own, with streams that are handed to it. It has a
 * board of its own, which is told all the hub's is told, in the same order: ids mean
 * the same everywhere. Every function here is the main thread's. */
#ifndef SSE_LOOP_H
#define SSE_LOOP_H

#include <stdbool.h>

#include "board.h"
#include "conf.h"
#include "crowd.h"

struct loop_stats {
	struct crowd_stats crowd;
	struct board_stats board;
};

struct loop;

/* Starts the thread, for at most `max` streams. `asked` is an eventfd that is written
 * to when there is a question about sessions. Both must outlive it. NULL after a line
 * in the log. */
struct loop *loop_new(const struct conf *conf, int max, int asked);

/* Ends its streams and the thread; NULL is harmless. */
void loop_free(struct loop *l);

/* Tells it what the hub's board took. A loop that memory was short for hears nothing
 * more until the next epoch: loop_deaf() says that one is wanted. */
void loop_post(struct loop *l, const struct notice *n, bool soon);
bool loop_deaf(struct loop *l);

/* Has it take what was posted; with a round of writes when `round`. */
void loop_wake(struct loop *l, bool round);

/* Hands a stream over. */
void loop_add(struct loop *l, const struct newcomer *newcomer);

/* How many streams it has, those on their way included. */
int loop_streams(const struct loop *l);

/* Its question about sessions, for the caller to free; NULL: there is none. */
struct session_request *loop_question(struct loop *l);

/* Answers it; NULL: there is no answer. */
void loop_answer(struct loop *l, const struct session_answer *answer);

/* The figures of a moment ago. */
void loop_stats(struct loop *l, struct loop_stats *stats);

#endif
