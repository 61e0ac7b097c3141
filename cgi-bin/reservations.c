/* /api/reservations: holding a pair, and giving it back. */
#include <stdlib.h>
#include <string.h>

#include "handlers.h"
#include "metrics.h"
#include "reply.h"

/* POST /api/drops/{id}/reservations {size?}: 201 {reservation, drop, serverTime}. */
enum status
reservation_create(struct ctx *ctx, struct req *req)
{
	static const char *const fields[] = { "size", NULL };
	char id[UUID_TEXT_LEN];
	const char *params[6], *size = NULL;
	enum status status;

	if (!form_parse(&req->form, req->body, req->body_len, fields, true) ||
	    !form_text(&req->form, "size", false, 20, false, &size) || !req_key(req))
		return INVALID;
	uuid_new(id);
	if (!req_drop_id(req))
		return NOT_FOUND;

	/* The stored function serves a batch; this is one of one. */
	params[0] = req->path_id;
	params[1] = req_array(req, id);
	params[2] = req_array(req, req->session);
	params[3] = req_array(req, size);
	params[4] = req_array(req, req->key);
	params[5] = req_array(req, req_print(req));
	status = db_reply(ctx->db, req, FN_RESERVE, 6, params);
	if (status == OK) {
		if (strstr(req->answer, id) != NULL)	/* not the answer kept for a key */
			metrics_add(METRIC_HOLDS, 1);
		reply_location(req, "/api/reservations/", "reservation");
	} else if (status == SOLD_OUT) {
		metrics_add(METRIC_SOLD_OUT, 1);
	}
	return status;
}

/* GET /api/reservations: 200 {reservations, serverTime}, the caller's own. */
enum status
reservation_list(struct ctx *ctx, struct req *req)
{
	return db_reply(ctx->db, req, FN_RESERVATION_LIST, 1, (const char *[]){ req->session });
}

/* DELETE /api/reservations/{id}: 200 {reservation}, released. */
enum status
reservation_release(struct ctx *ctx, struct req *req)
{
	enum status status;

	if (!uuid_valid(req->path_id))
		return NOT_FOUND;
	status = db_reply(ctx->db, req, FN_RELEASE, 2,
	    (const char *[]){ req->session, req->path_id });
	if (status == OK)
		metrics_add(METRIC_RELEASES, 1);
	return status;
}
