/* /api/admin: what administrators look at. What they do is in drops.c. */
#include <string.h>

#include "handlers.h"
#include "reply.h"

/* GET /api/admin/actions?drop=&limit=&cursor=: 200 {actions, nextCursor}, newest first. The cursor
 * is the id of the last action shown. */
enum status
admin_actions(struct ctx *ctx, struct req *req)
{
	const char *drop, *limit, *before;

	if (!req_number(req, "drop", "This must be the id of a drop.", &drop) ||
	    !req_limit(req, &limit) || !req_number(req, "cursor", NO_CURSOR, &before))
		return INVALID;
	return db_reply(ctx->db, req, FN_ADMIN_ACTIONS, 4,
	    (const char *[]){ req->session, drop, limit, before });
}

/* GET /api/admin/drops/{id}/figures: 200 {serverTime, bucketSeconds, buckets, holds,
 * medianSecondsToBuy}, what happened to the drop over time. */
enum status
admin_figures(struct ctx *ctx, struct req *req)
{
	if (!req_drop_id(req))
		return NOT_FOUND;
	return db_reply(ctx->db, req, FN_DROP_FIGURES, 2,
	    (const char *[]){ req->session, req->path_id });
}

/* GET /api/admin/drops/{id}/purchases?q=&limit=&cursor=: 200 {purchases, nextCursor, total},
 * newest first. The cursor is the id of the last purchase shown. */
enum status
admin_purchases(struct ctx *ctx, struct req *req)
{
	const char *query, *limit, *after;

	if (!req_drop_id(req))
		return NOT_FOUND;
	if (!req_query(req, "q", &query) || !req_limit(req, &limit) ||
	    !req_query(req, "cursor", &after))
		return INVALID;
	if (after != NULL && !uuid_valid(after))
		return req_wrong(req, "cursor", NO_CURSOR);
	return db_reply(ctx->db, req, FN_DROP_PURCHASES, 5,
	    (const char *[]){ req->session, req->path_id, query, limit, after });
}

/* GET /api/admin/drops/{id}/purchases.csv: 200 text/csv (RFC 4180). */
enum status
admin_purchases_csv(struct ctx *ctx, struct req *req)
{
	enum status status;

	if (!req_drop_id(req))
		return NOT_FOUND;
	status = db_reply(ctx->db, req, FN_PURCHASES_CSV, 2,
	    (const char *[]){ req->session, req->path_id });
	if (status == OK) {
		req->answer_type = "text/csv; charset=utf-8";
		req_header(req, arena_printf(req->arena,
		    "Content-Disposition: attachment; filename=\"purchases-%s.csv\"",
		    req->path_id));
	}
	return status;
}
