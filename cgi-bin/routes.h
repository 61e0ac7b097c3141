/* Every URL of the API. */
#ifndef LP_ROUTES_H
#define LP_ROUTES_H

#include "handlers.h"

enum access {
	OPEN,		/* anybody */
	SIGNED_IN,	/* a token that verifies; whether its session stands, the stored
			 * function says */
	ADMIN,		/* the same, and so it does for the role */
};

struct route {
	enum method method;
	const char *pattern;	/* {id} stands for one segment */
	enum access access;
	size_t max_body;	/* bytes */
	handler *handle;
};

/* The route for req's method and path, which gets req->path_id and req->route. NULL with
 * *status NOT_FOUND, or METHOD_NOT_ALLOWED and an Allow header. */
const struct route *route_find(struct req *req, enum status *status);

/* Gives each route its place among the figures; after metrics_open(). */
void routes_open(void);

/* That place, for metrics_request(); NULL: what fits no route. */
int route_figures(const struct route *r);

#endif
