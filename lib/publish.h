/* Telling the event daemons what changed, through Redis pub/sub. A message is a
 * hint: a daemon that misses one reads the database a second later. So nothing
 * here may hold up or fail a sale. */
#ifndef LP_PUBLISH_H
#define LP_PUBLISH_H

#include <stdbool.h>

#include "conf.h"

struct publisher;

/* A publisher with a thread of its own that keeps the connection to Redis. Call
 * after any fork. `conf` must outlive it. NULL when memory or threads are out. */
struct publisher *publisher_new(const struct conf *conf);

/* Queues a copy of `message` and returns at once. When the queue is full the
 * message is dropped and counted: the daemon's own reading makes up for it. */
void publish(struct publisher *p, const char *message);

/* Sends what is queued, for at most 500 ms, then ends the thread. */
void publisher_free(struct publisher *p);

/* Whether Redis answers a PING on a connection of its own within 100 ms. */
bool publish_ping(const struct conf *conf);

/* Messages that did not reach Redis since the publisher was made. */
unsigned long publisher_dropped(const struct publisher *p);

#endif
