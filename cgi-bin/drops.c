/* /api/drops: what is on sale, and what administrators do about it. */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "handlers.h"
#include "reply.h"

#define STANDBY_REST_MS	3000	/* after a standby was away or behind */

static void
free_rows(void *rows)
{
	db_result_free(rows);
}

static bool
page_status(struct req *req, const char **status)
{
	static const char *const names[] = { "upcoming", "live", "sold_out", "paused", "ended" };

	if (!req_query(req, "status", status))
		return false;
	if (*status == NULL)
		return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(*status, names[i]) == 0)
			return true;
	req_wrong(req, "status", "This must be upcoming, live, sold_out, paused or ended.");
	return false;
}

/* Whether If-None-Match names `etag` (RFC 9110, section 13.1.2), weakly compared. */
static bool
matches(const char *header, const char *etag)
{
	return header != NULL && (strcmp(header, "*") == 0 || strstr(header, etag) != NULL);
}

/* The listing's row, from a standby where there is one and the caller is nobody in particular. One
 * that is away or behind is left alone for a while, so that it costs few listings their time. */
static enum status
list_rows(struct ctx *ctx, struct req *req, const char *const *params, struct db_result **rows)
{
	bool anonymous = req->authorization == NULL && req->cookie == NULL;

	if (ctx->standby != NULL && anonymous &&
	    clock_ms() >= __atomic_load_n(&ctx->standby_after_ms, __ATOMIC_RELAXED)) {
		if (db_call(ctx->standby, FN_DROP_LIST_STANDBY, 3, params, rows) == DB_OK &&
		    db_rows(*rows) == 1) {
			arena_defer(req->arena, free_rows, *rows);
			return OK;
		}
		db_result_free(*rows);
		__atomic_store_n(&ctx->standby_after_ms, clock_ms() + STANDBY_REST_MS,
		    __ATOMIC_RELAXED);
	}
	return db_rows_of(ctx->db, req, FN_DROP_LIST, 3, params, rows);
}

/* GET /api/drops?status=&limit=&cursor=: 200 {drops, nextCursor, serverTime}. The cursor is the
 * id of the last drop shown. */
enum status
drop_list(struct ctx *ctx, struct req *req)
{
	const char *limit, *status, *before, *etag;
	struct db_result *rows;
	enum status rc;

	if (!req_limit(req, &limit) || !page_status(req, &status) ||
	    !req_number(req, "cursor", NO_CURSOR, &before))
		return INVALID;
	rc = list_rows(ctx, req, (const char *[]){ status, limit, before }, &rows);
	if (rc != OK)
		return rc;
	etag = arena_printf(req->arena, "\"%s\"", db_text(rows, 0, 1));
	req_header(req, arena_printf(req->arena, "ETag: %s", etag));
	if (matches(req->if_none_match, etag)) {
		req->http_status = 304;
		return OK;
	}
	return reply_json(req, 200, db_text(rows, 0, 0));
}

/* GET /api/drops/{id}: 200 {drop, serverTime}. */
enum status
drop_get(struct ctx *ctx, struct req *req)
{
	if (!req_drop_id(req))
		return NOT_FOUND;
	return db_reply(ctx->db, req, FN_DROP_GET, 1, (const char *[]){ req->path_id });
}

/* POST /api/drops: 201 {drop}. */
enum status
drop_create(struct ctx *ctx, struct req *req)
{
	enum status status;

	if (!form_drop(&req->form, req->body, req->body_len, true) || !req_key_always(req))
		return INVALID;
	status = db_reply(ctx->db, req, FN_DROP_CREATE, 4, (const char *[]){ req->session,
	    json_object_to_json_string_ext(req->form.json, JSON_C_TO_STRING_PLAIN), req->key,
	    req_print(req) });
	if (status != OK)
		return status;
	reply_location(req, "/api/drops/", "drop");
	return OK;
}

/* PATCH /api/drops/{id}: 200 {drop}. New sizes are made here; the stock of one that is there is
 * changed by restocking. */
enum status
drop_update(struct ctx *ctx, struct req *req)
{
	if (!req_drop_id(req))
		return NOT_FOUND;
	if (!form_drop(&req->form, req->body, req->body_len, false))
		return INVALID;
	return db_reply(ctx->db, req, FN_DROP_UPDATE, 3, (const char *[]){ req->session,
	    req->path_id, json_object_to_json_string_ext(req->form.json, JSON_C_TO_STRING_PLAIN) });
}

/* POST /api/drops/{id}/restock {size?, quantity}: 200 {drop}. */
enum status
drop_restock(struct ctx *ctx, struct req *req)
{
	static const char *const fields[] = { "size", "quantity", NULL };
	const char *size = NULL;
	int64_t quantity = 0;
	struct form *f = &req->form;

	if (!req_drop_id(req))
		return NOT_FOUND;
	if (!form_parse(f, req->body, req->body_len, fields, false))
		return INVALID;
	form_text(f, "size", false, 20, false, &size);
	if (form_whole(f, "quantity", true, -DROP_MAX_STOCK, DROP_MAX_STOCK, &quantity) &&
	    quantity == 0)
		form_wrong(f, "quantity", "This must not be 0.");
	if (!req_key_always(req) || f->error_count > 0)
		return INVALID;
	return db_reply(ctx->db, req, FN_DROP_RESTOCK, 6, (const char *[]){ req->session,
	    req->path_id, size, arena_printf(req->arena, "%lld", (long long)quantity), req->key,
	    req_print(req) });
}
