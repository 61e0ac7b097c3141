/* The subscription to Redis: the only file of the daemon that speaks to hiredis. */
#ifndef SSE_LISTENER_H
#define SSE_LISTENER_H

#include <event2/event.h>
#include <stdbool.h>

#include "conf.h"

struct listener_watch {
	void (*subscribed)(void *arg);	/* anew: what was published before is missed */
	void (*message)(void *arg, const char *text, size_t len);
	void *arg;
};

struct listener;

/* Connects, now and whenever the connection is lost or silent. `conf` must outlive
 * it. NULL when memory is out, and after a line in the log when redis_sentinels can't be read. */
struct listener *listener_new(const struct conf *conf, struct event_base *base,
    const struct listener_watch *watch);
void listener_free(struct listener *l);	/* NULL is harmless */

bool listener_subscribed(const struct listener *l);
unsigned long listener_connects(const struct listener *l);

#endif
