/* /api/drops: what is on sale, and what administrators do about it. */
#include <stdlib.h>
#include <string.h>

#include "handlers.h"
#include "input.h"
#include "reply.h"

#define MAX_SIZES	100
#define MAX_STOCK	1000000
#define MAX_CENTS	100000000000

/* The query's limit; false after noting what is wrong. */
static bool
page_limit(struct req *req, const char **limit)
{
	const char *text;
	long n;

	*limit = "50";
	if (!req_query(req, "limit", &text))
		return false;
	if (text == NULL)
		return true;
	n = strspn(text, "0123456789") == strlen(text) && strlen(text) <= 3 ?
	    strtol(text, NULL, 10) : 0;
	if (n < 1 || n > 200) {
		req_wrong(req, "limit", "This must be a whole number from 1 to 200.");
		return false;
	}
	*limit = text;
	return true;
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

/* The cursor is the id of the last drop shown. */
static bool
page_cursor(struct req *req, const char **before)
{
	if (!req_query(req, "cursor", before))
		return false;
	if (*before == NULL || (strspn(*before, "0123456789") == strlen(*before) &&
	    strlen(*before) <= 18))
		return true;
	req_wrong(req, "cursor", "This is no cursor of this list.");
	return false;
}

/* Whether If-None-Match names `etag` (RFC 9110, section 13.1.2), weakly compared. */
static bool
matches(const char *header, const char *etag)
{
	return header != NULL && (strcmp(header, "*") == 0 || strstr(header, etag) != NULL);
}

/* GET /api/drops?status=&limit=&cursor=: 200 {drops, nextCursor, serverTime}. */
enum status
drop_list(struct ctx *ctx, struct req *req)
{
	const char *limit, *status, *before, *etag;
	struct db_result *rows;
	enum status rc;

	if (!page_limit(req, &limit) || !page_status(req, &status) || !page_cursor(req, &before))
		return INVALID;
	rc = db_rows_of(ctx->db, req, FN_DROP_LIST, 3, (const char *[]){ status, limit, before },
	    &rows);
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

/* Checks one member of `sizes` against those before it. */
static const char *
size_wrong(struct json_object *sizes, size_t at)
{
	struct json_object *o = json_object_array_get_idx(sizes, at), *name = NULL, *total = NULL;
	const char *s;
	int64_t n;

	if (!json_object_is_type(o, json_type_object))
		return "Each size is an object {size, totalStock}.";
	json_object_object_get_ex(o, "size", &name);
	json_object_object_get_ex(o, "totalStock", &total);
	s = json_text(name);
	if (s == NULL || !input_printable(s, 1, 20, false))
		return "A size has a name of 1 to 20 printable characters.";
	if (!json_whole(total, 0, MAX_STOCK, &n))
		return "totalStock must be a whole number from 0 to 1000000.";
	if (json_object_object_length(o) != 2)
		return "A size has no other fields than size and totalStock.";
	for (size_t i = 0; i < at; i++) {
		struct json_object *other = NULL;

		json_object_object_get_ex(json_object_array_get_idx(sizes, i), "size", &other);
		if (strcmp(json_object_get_string(other), s) == 0)
			return "Two sizes have the same name.";
	}
	return NULL;
}

/* Either totalStock or sizes. */
static void
check_stock(struct req *req)
{
	struct json_object *sizes = NULL;
	int64_t n;

	if (req_has(req, "sizes") == req_has(req, "totalStock")) {
		req_wrong(req, "totalStock", "Give either totalStock or sizes.");
		return;
	}
	if (!json_object_object_get_ex(req->json, "sizes", &sizes)) {
		req_whole(req, "totalStock", true, 0, MAX_STOCK, &n);
		return;
	}
	if (!json_object_is_type(sizes, json_type_array) ||
	    json_object_array_length(sizes) < 1 || json_object_array_length(sizes) > MAX_SIZES) {
		req_wrong(req, "sizes", "This must be a list of 1 to 100 sizes.");
		return;
	}
	for (size_t i = 0; i < json_object_array_length(sizes); i++) {
		const char *wrong = size_wrong(sizes, i);

		if (wrong != NULL) {
			req_wrong(req, "sizes", wrong);
			return;
		}
	}
}

/* A path of this site, or an address of another; nothing a browser would run. */
static void
check_image(struct req *req)
{
	const char *s = "/";

	if (req_text(req, "imageUrl", false, 500, false, &s) && *s != '\0' &&
	    (strchr(s, ' ') != NULL || ((*s != '/' || s[1] == '/') &&
	    strncmp(s, "https://", 8) != 0 && strncmp(s, "http://", 7) != 0)))
		req_wrong(req, "imageUrl", "This must begin with / or https://.");
}

/* What creating and changing a drop have in common. */
static void
check_drop(struct req *req, bool creating)
{
	const char *name = "", *description, *currency = "USD";
	int64_t n;

	req_text(req, "name", creating, 120, false, &name);
	if (!creating && req_has(req, "name") && *name == '\0' && req->error_count == 0)
		req_wrong(req, "name", "This must have 1 to 120 printable characters.");
	req_text(req, "description", false, 2000, true, &description);
	req_whole(req, "priceCents", creating, 0, MAX_CENTS, &n);
	if (req_text(req, "currency", false, 3, false, &currency) &&
	    (strlen(currency) != 3 || strspn(currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 3))
		req_wrong(req, "currency", "This must be a currency as in ISO 4217: EUR.");
	check_image(req);
	req_time(req, "dropStartsAt", creating);
	req_time(req, "dropEndsAt", true);
	req_whole(req, "holdSeconds", false, 1, 86400, &n);
	req_whole(req, "maxPerUser", false, 1, 1000, &n);
	req_bool(req, "isActive");
}

/* POST /api/drops: 201 {drop}. */
enum status
drop_create(struct ctx *ctx, struct req *req)
{
	static const char *const fields[] = { "name", "description", "priceCents", "currency",
	    "imageUrl", "dropStartsAt", "dropEndsAt", "holdSeconds", "maxPerUser", "isActive",
	    "totalStock", "sizes", NULL };
	struct json_object *answer, *drop = NULL, *id = NULL;
	enum status status = req_json(req, fields, false);

	if (status != OK)
		return status;
	check_drop(req, true);
	check_stock(req);
	if (!req_key(req) || req->error_count > 0)
		return INVALID;
	status = db_reply(ctx->db, req, FN_DROP_CREATE, 4, (const char *[]){ req->session,
	    json_object_to_json_string_ext(req->json, JSON_C_TO_STRING_PLAIN), req->key,
	    req_print(req) });
	if (status != OK)
		return status;
	answer = json_tokener_parse(req->answer);
	json_object_object_get_ex(answer, "drop", &drop);
	json_object_object_get_ex(drop, "id", &id);
	req_header(req, arena_printf(req->arena, "Location: /api/drops/%lld",
	    (long long)json_object_get_int64(id)));
	json_object_put(answer);
	return OK;
}

/* PATCH /api/drops/{id}: 200 {drop}. Stock is changed by restocking. */
enum status
drop_update(struct ctx *ctx, struct req *req)
{
	static const char *const fields[] = { "name", "description", "priceCents", "currency",
	    "imageUrl", "dropStartsAt", "dropEndsAt", "holdSeconds", "maxPerUser", "isActive",
	    NULL };
	enum status status;

	if (!req_drop_id(req))
		return NOT_FOUND;
	status = req_json(req, fields, false);
	if (status != OK)
		return status;
	check_drop(req, false);
	if (req->error_count == 0 && json_object_object_length(req->json) == 0)
		req_wrong(req, "", "Name at least one field to change.");
	if (req->error_count > 0)
		return INVALID;
	return db_reply(ctx->db, req, FN_DROP_UPDATE, 3, (const char *[]){ req->session,
	    req->path_id, json_object_to_json_string_ext(req->json, JSON_C_TO_STRING_PLAIN) });
}

/* POST /api/drops/{id}/restock {size?, quantity}: 200 {drop}. */
enum status
drop_restock(struct ctx *ctx, struct req *req)
{
	static const char *const fields[] = { "size", "quantity", NULL };
	const char *size = NULL;
	int64_t quantity = 0;
	enum status status;

	if (!req_drop_id(req))
		return NOT_FOUND;
	status = req_json(req, fields, false);
	if (status != OK)
		return status;
	req_text(req, "size", false, 20, false, &size);
	if (req_whole(req, "quantity", true, -MAX_STOCK, MAX_STOCK, &quantity) && quantity == 0)
		req_wrong(req, "quantity", "This must not be 0.");
	if (!req_key(req) || req->error_count > 0)
		return INVALID;
	return db_reply(ctx->db, req, FN_DROP_RESTOCK, 6, (const char *[]){ req->session,
	    req->path_id, size, arena_printf(req->arena, "%lld", (long long)quantity), req->key,
	    req_print(req) });
}
