/* /api/purchases: buying what one holds. */
#include <string.h>

#include "handlers.h"
#include "metrics.h"
#include "reply.h"

/* POST /api/reservations/{id}/purchase: 201 {purchase}, and 200 the same when it had
 * been bought already. */
enum status
purchase_create(struct ctx *ctx, struct req *req)
{
	static const char *const fields[] = { NULL };
	char id[UUID_TEXT_LEN];
	enum status status;

	if (!form_parse(&req->form, req->body, req->body_len, fields, true) || !req_key(req))
		return INVALID;
	if (!uuid_valid(req->path_id))
		return NOT_FOUND;
	uuid_new(id);
	status = db_reply(ctx->db, req, FN_PURCHASE, 5,
	    (const char *[]){ req->session, req->path_id, id, req->key, req_print(req) });
	if (status == OK && strstr(req->answer, id) != NULL)	/* not an earlier one */
		metrics_add(METRIC_SALES, 1);
	return status;
}

/* GET /api/purchases: 200 {purchases}, the caller's own. */
enum status
purchase_list(struct ctx *ctx, struct req *req)
{
	return db_reply(ctx->db, req, FN_PURCHASE_LIST, 1, (const char *[]){ req->session });
}
