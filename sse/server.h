/* The stream's doors: GET /api/events, for the web server on a Unix socket, and for
 * browsers themselves where `sse_listen` says so. */
#ifndef SSE_SERVER_H
#define SSE_SERVER_H

#include <event2/event.h>

#include "conf.h"
#include "crew.h"
#include "hub.h"
#include "token.h"

#define SERVER_HEADS 192	/* read at once at each door */

struct server;

/* Listens at the doors; callers wait there until server_open(). All it is given must outlive
 * it. NULL after a line in the log. */
struct server *server_new(const struct conf *conf, struct event_base *base,
    struct hub *hub, struct crew *crew, const struct token_keys *keys);
bool server_open(struct server *v);	/* false after a line in the log */
void server_shut(struct server *v);	/* lets nobody else in */
void server_free(struct server *v);	/* NULL is harmless */

struct server_stats {
	unsigned long accepted;
	unsigned long refused_full;	/* 503: at capacity */
	unsigned long refused_early;	/* 503: no state read yet */
	unsigned long refused_request;	/* 4xx */
};

struct server_stats server_stats(const struct server *v);

#endif
