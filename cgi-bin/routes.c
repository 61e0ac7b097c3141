/* Every URL of the API, on one screen. */
#include "routes.h"

#include <string.h>

#include "metrics.h"

#define KIB 1024

static const struct route routes[] = {
	{ POST,   "/api/auth/register",		    OPEN,      4 * KIB,  auth_register },
	{ POST,   "/api/auth/login",		    OPEN,      4 * KIB,  auth_login },
	{ POST,   "/api/auth/logout",		    SIGNED_IN, 4 * KIB,  auth_logout },
	{ GET,    "/api/auth/me",		    SIGNED_IN, 0,	 auth_me },
	{ GET,    "/api/drops",			    OPEN,      0,	 drop_list },
	{ POST,   "/api/drops",			    ADMIN,     64 * KIB, drop_create },
	{ GET,    "/api/drops/{id}",		    OPEN,      0,	 drop_get },
	{ PATCH,  "/api/drops/{id}",		    ADMIN,     64 * KIB, drop_update },
	{ POST,   "/api/drops/{id}/restock",	    ADMIN,     4 * KIB,  drop_restock },
	{ POST,   "/api/drops/{id}/reservations",   SIGNED_IN, 4 * KIB,  reservation_create },
	{ GET,    "/api/reservations",		    SIGNED_IN, 0,	 reservation_list },
	{ GET,    "/api/reservations/{id}",	    SIGNED_IN, 0,	 reservation_get },
	{ DELETE, "/api/reservations/{id}",	    SIGNED_IN, 4 * KIB,  reservation_release },
	{ POST,   "/api/reservations/{id}/purchase", SIGNED_IN, 4 * KIB, purchase_create },
	{ GET,    "/api/purchases",		    SIGNED_IN, 0,	 purchase_list },
	{ GET,    "/api/admin/actions",		    ADMIN,     0,	 admin_actions },
	{ GET,    "/api/admin/drops/{id}/figures",  ADMIN,     0,	 admin_figures },
	{ GET,    "/api/admin/drops/{id}/purchases", ADMIN,    0,	 admin_purchases },
	{ GET,    "/api/admin/drops/{id}/purchases.csv", ADMIN, 0,	 admin_purchases_csv },
	{ GET,    "/healthz",			    OPEN,      0,	 health_show },
	{ GET,    "/metrics",			    OPEN,      0,	 metrics_show },
};

#define ROUTES (sizeof(routes) / sizeof(routes[0]))

static const char *const methods[METHOD_COUNT] = { "GET", "POST", "PATCH", "DELETE" };
static int figures[ROUTES];	/* where each is counted */

void
routes_open(void)
{
	for (size_t i = 0; i < ROUTES; i++)
		figures[i] = metrics_route(methods[routes[i].method], routes[i].pattern);
}

int
route_figures(const struct route *r)
{
	return r != NULL ? figures[r - routes] : METRICS_NO_ROUTE;
}

/* Whether `path` fits `pattern`; copies what stands at {id}. */
static bool
fits(const char *pattern, const char *path, char id[ID_TEXT_LEN])
{
	while (*pattern != '\0') {
		size_t len;

		if (*pattern != '{') {
			if (*pattern++ != *path++)
				return false;
			continue;
		}
		len = strcspn(path, "/");
		if (len == 0 || len >= ID_TEXT_LEN)
			return false;
		memcpy(id, path, len);
		id[len] = '\0';
		path += len;
		pattern = strchr(pattern, '}') + 1;
	}
	return *path == '\0';
}

const struct route *
route_find(struct req *req, enum status *status)
{
	static const char *const names[METHOD_COUNT] = { "GET, HEAD", "POST", "PATCH", "DELETE" };
	const char *allow = NULL;

	for (size_t i = 0; i < ROUTES; i++) {
		const struct route *r = &routes[i];

		if (!fits(r->pattern, req->path, req->path_id))
			continue;
		req->route = r->pattern;
		if (r->method == req->method)
			return r;
		allow = allow == NULL ? names[r->method] :
		    arena_printf(req->arena, "%s, %s", allow, names[r->method]);
	}
	*status = NOT_FOUND;
	if (allow != NULL) {
		*status = METHOD_NOT_ALLOWED;
		req_header(req, arena_printf(req->arena, "Allow: %s", allow));
	}
	return NULL;
}
