/* Telling the event daemons what changed, through Redis pub/sub. A message is a
 * hint: a daemon that misses one reads the database a second later. So nothing
 * here may hold up or fail a sale. */
#ifndef LP_PUBLISH_H
#define LP_PUBLISH_H

#include <stdbool.h>
#include <stddef.h>

#include "conf.h"

struct publisher;

/* A publisher with a thread of its own that keeps the connection to Redis. Call
 * after any fork. `conf` must outlive it. NULL when memory or threads are out, and after a line in the
 * log when redis_sentinels or redis_password_file can't be read. */
struct publisher *publisher_new(const struct conf *conf);

/* Queues a copy of `message`, one line, of `len` bytes, and returns at once. When the queue is full the
 * message is dropped and counted (METRIC_PUBLISH_DROPPED): the daemon's own reading makes up for it. */
void publish(struct publisher *p, const char *message, size_t len);

/* publish() for each line of `messages` (NULL: none): how stored functions hand them over. */
void publish_lines(struct publisher *p, const char *messages);

/* Sends what is queued, for at most 500 ms, then ends the thread. */
void publisher_free(struct publisher *p);

/* Whether Redis answers a PING on a connection of its own within 100 ms; by way of sentinels, 100 ms for
 * each step and each sentinel that is away. */
bool publish_ping(const struct publisher *p);

#endif
