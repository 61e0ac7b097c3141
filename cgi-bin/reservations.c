/* /api/reservations: holding a pair, and giving it back. */
#include <stdlib.h>
#include <string.h>

#include "handlers.h"
#include "metrics.h"
#include "reply.h"

static void
free_verdict(void *verdict)
{
	verdict_free(verdict);
}

/* Puts together what api.reserve() gives in parts: the answer of one that got its hold, and
 * the message to its holder. The first of a call tells everybody what the call changed. */
static enum status
answer_hold(struct req *req, const struct verdict *v, const char *id)
{
	const char *hold = db_text(v->rows, v->row, 2);
	const char *told = v->row == 0 ? db_text(v->rows, v->shared_row, 3) : NULL;

	req_header(req, arena_join(req->arena, "Location: /api/reservations/", id, NULL));
	req->events = arena_join(req->arena, told != NULL ? told : "", told != NULL ? "\n" : "",
	    arena_printf(req->arena, "@%lld", (long long)req->user),
	    " reservation:update {\"reservation\" : ", hold, "}", NULL);
	return reply_json(req, 201, arena_join(req->arena, "{\"reservation\" : ", hold,
	    db_text(v->rows, v->shared_row, 2), NULL));
}

/* The answer to one whose verdict is there. */
static enum status
answer(struct req *req, struct reserve *r)
{
	struct verdict *v = &r->verdict;
	const char *code;
	enum status status;

	arena_defer(req->arena, free_verdict, v);
	if (v->status != DB_OK)
		return reply_db_failure(req, v->status);
	code = db_text(v->rows, v->row, 1);
	if (code != NULL && strcmp(code, "held") == 0) {
		metrics_add(METRIC_HOLDS, 1);
		return answer_hold(req, v, r->id);
	}
	status = reply_row(req, v->rows, v->row);
	if (v->row == 0)
		req->events = db_text(v->rows, v->shared_row, 3);
	if (status == COOLING_DOWN)
		req->retry_after_s = (int)db_number(v->rows, v->row, 2);
	if (status == SOLD_OUT)
		metrics_add(METRIC_SOLD_OUT, 1);
	if (status == OK)	/* the answer kept for its key */
		reply_location(req, "/api/reservations/", "reservation");
	return status;
}

static void
decided(struct reserve *r)
{
	struct req *req = r->arg;

	req->resume(req, answer(req, r));
}

/* POST /api/drops/{id}/reservations {size?}: 201 {reservation, drop, serverTime}. */
enum status
reservation_create(struct ctx *ctx, struct req *req)
{
	static const char *const fields[] = { "size", NULL };
	char *id = arena_alloc(req->arena, UUID_TEXT_LEN);
	const char *size = NULL;
	struct reserve *r;

	if (!form_parse(&req->form, req->body, req->body_len, fields, true) ||
	    !form_text(&req->form, "size", false, 20, false, &size) || !req_key(req))
		return INVALID;
	if (!req_drop_id(req))
		return NOT_FOUND;
	uuid_new(id);
	r = arena_alloc(req->arena, sizeof(*r));
	*r = (struct reserve){ .drop = strtoll(req->path_id, NULL, 10), .user = req->user,
	    .id = id, .session = req->session, .size = size, .key = req->key,
	    .request = req_print(req), .done = decided, .arg = req };
	return combiner_join(ctx->combiner, r) ? PENDING : UNAVAILABLE;
}

/* GET /api/reservations: 200 {reservations, serverTime}, the caller's own. */
enum status
reservation_list(struct ctx *ctx, struct req *req)
{
	return db_reply(ctx->db, req, FN_RESERVATION_LIST, 1, (const char *[]){ req->session });
}

/* GET /api/reservations/{id}: 200 {reservation, serverTime}, where the Location of a hold points. */
enum status
reservation_get(struct ctx *ctx, struct req *req)
{
	if (!uuid_valid(req->path_id))
		return NOT_FOUND;
	return db_reply(ctx->db, req, FN_RESERVATION_GET, 2,
	    (const char *[]){ req->session, req->path_id });
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
