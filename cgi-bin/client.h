/* Connections of the web server, and the path that each request on them takes. */
#ifndef LP_CLIENT_H
#define LP_CLIENT_H

#include <stdint.h>

#include "connection.h"
#include "worker.h"

/* Waits for the first request of a new connection, which is its own from now on. When that
 * can't be, it is closed. */
void client_new(struct worker *w, struct conn *conn);

/* Takes its next request, now that epoll has `events` of it: up to where that may have to wait
 * for something. A connection that has ended is freed. */
void client_heard(struct client *c, uint32_t events);

/* How many there are. */
int client_count(struct worker *w);

/* When the worker ends: closes those on which nothing has come for a while, from w->leave_ms on.
 * Returns how many there were before. */
int client_close_idle(struct worker *w);

#endif
