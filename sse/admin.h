/* The daemon's private door: GET /healthz and GET /metrics. */
#ifndef SSE_ADMIN_H
#define SSE_ADMIN_H

#include <event2/event.h>

#include "conf.h"
#include "crew.h"
#include "hub.h"
#include "listener.h"
#include "server.h"

/* What it tells of. All must outlive it. */
struct admin_view {
	const struct hub *hub;
	const struct crew *crew;
	const struct listener *listener;
	const struct server *server;
};

#define ADMIN_HEADS 16	/* read at once */

struct admin;

/* Listens on conf->sse_admin_socket. NULL after a line in the log. */
struct admin *admin_new(const struct conf *conf, struct event_base *base,
    const struct admin_view *view);
void admin_free(struct admin *admin);	/* NULL is harmless */

#endif
