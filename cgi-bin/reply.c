/* Refusals and answers. */
#include "reply.h"

#include <stdlib.h>
#include <string.h>

/* Every refusal there is. `retry_after_s` is the default of its Retry-After. */
static const struct refusal {
	int http;
	const char *code, *title, *detail;
	int retry_after_s;
} refusals[STATUS_COUNT] = {
	[INVALID] = { 400, "invalid", "Invalid request",
	    "Something in the request is missing or wrong; `errors` says what.", 0 },
	[UNKNOWN_SIZE] = { 400, "unknown_size", "Unknown size",
	    "This drop has no such size, or has several and none was named.", 0 },
	[UNAUTHENTICATED] = { 401, "unauthenticated", "Not signed in",
	    "Sign in first: there is no token, or its session is over.", 0 },
	[BAD_CREDENTIALS] = { 401, "bad_credentials", "Wrong e-mail or password",
	    "No account has this e-mail address and password.", 0 },
	[FORBIDDEN] = { 403, "forbidden", "Forbidden", "This is for administrators.", 0 },
	[CROSS_SITE] = { 403, "cross_site", "Request from another site",
	    "A change made with the session cookie must come from the store's own pages.", 0 },
	[NOT_FOUND] = { 404, "not_found", "Not found", "There is no such thing here.", 0 },
	[METHOD_NOT_ALLOWED] = { 405, "method_not_allowed", "Method not allowed",
	    "This address does not take this method; `Allow` says which.", 0 },
	[EMAIL_TAKEN] = { 409, "email_taken", "E-mail address taken",
	    "There already is an account with this e-mail address.", 0 },
	[USERNAME_TAKEN] = { 409, "username_taken", "User name taken",
	    "Somebody already has this user name.", 0 },
	[BELOW_COMMITTED] = { 409, "below_committed", "Below what is held or sold",
	    "Pairs that are held or sold can't be taken away.", 0 },
	[SOLD_OUT] = { 409, "sold_out", "Sold out",
	    "No pair of this size is free now. One that is held may come back.", 0 },
	[ALREADY_RESERVED] = { 409, "already_reserved", "Already reserved",
	    "You already hold a pair of this drop.", 0 },
	[LIMIT_REACHED] = { 409, "limit_reached", "Limit reached",
	    "You have bought as many pairs of this drop as one person may.", 0 },
	[COOLING_DOWN] = { 409, "cooling_down", "Let others have a go",
	    "You let several holds of this drop go unbought; wait a moment before the next.", 60 },
	[NOT_STARTED] = { 409, "not_started", "Not started", "This drop has not opened yet.", 0 },
	[ENDED] = { 409, "ended", "Ended", "This drop is over.", 0 },
	[PAUSED] = { 409, "paused", "Paused", "This drop is paused for the moment.", 0 },
	[NOT_ACTIVE] = { 409, "not_active", "Not active",
	    "This hold has been bought, given back or has lapsed.", 0 },
	[RESERVATION_EXPIRED] = { 410, "reservation_expired", "Hold lapsed",
	    "The time of this hold is over; its pair is free again.", 0 },
	[PAYLOAD_TOO_LARGE] = { 413, "payload_too_large", "Body too large",
	    "The body is larger than this address takes.", 0 },
	[KEY_REUSED] = { 422, "key_reused", "Key reused",
	    "This Idempotency-Key was used for another request.", 0 },
	[TOO_MANY_ATTEMPTS] = { 429, "too_many_attempts", "Too many attempts",
	    "Too many wrong passwords for this account; wait a while.", 60 },
	[INTERNAL] = { 500, "internal", "Internal error",
	    "Something went wrong here; the log has the request's id.", 0 },
	[UNAVAILABLE] = { 503, "unavailable", "Unavailable",
	    "The store can't answer at the moment. If you sent a key, send the request again.", 2 },
};

/* Codes of stored functions that are about one field of the input. */
static const struct {
	const char *code, *field, *message;
} field_codes[] = {
	{ "ends_before_start", "dropEndsAt", "A drop ends after it starts." },
	{ "too_much_stock", "quantity", "A size has at most 1000000 pairs." },
	{ "currency_in_use", "currency",
	    "Pairs are held or sold in this drop's currency; it can't be another's now." },
	{ "drop_without_sizes", "sizes", "This drop has no sizes, and can't be given any." },
	{ "size_is_there", "sizes",
	    "This drop has such a size; the stock of one that is there is changed by restocking." },
	{ "too_many_sizes", "sizes", "A drop has at most 100 sizes." },
	{ "unknown_cursor", "cursor", NO_CURSOR },
};

enum status
status_of_code(const char *code)
{
	for (int s = 0; s < STATUS_COUNT; s++)
		if (refusals[s].code != NULL && strcmp(refusals[s].code, code) == 0)
			return (enum status)s;
	return INTERNAL;
}

int
reply_http_status(const struct req *req)
{
	return req->status == OK ? req->http_status : refusals[req->status].http;
}

static void
write_problem(const struct req *req, struct buf *body)
{
	const struct refusal *r = &refusals[req->status];

	buf_printf(body, "{\"status\":%d,\"title\":", r->http);
	buf_json(body, r->title);
	buf_puts(body, ",\"code\":");
	buf_json(body, r->code);
	buf_puts(body, ",\"detail\":");
	buf_json(body, r->detail);
	if (req->status == INVALID && req->form.error_count > 0) {
		buf_puts(body, ",\"errors\":[");
		for (int i = 0; i < req->form.error_count; i++) {
			buf_puts(body, i > 0 ? ",{\"field\":" : "{\"field\":");
			buf_json(body, req->form.errors[i].field);
			buf_puts(body, ",\"message\":");
			buf_json(body, req->form.errors[i].message);
			buf_puts(body, "}");
		}
		buf_puts(body, "]");
	}
	buf_puts(body, "}");
}

void
reply_write(const struct req *req, struct buf *out)
{
	const struct refusal *r = &refusals[req->status];
	int retry = req->retry_after_s > 0 ? req->retry_after_s : r->retry_after_s;
	struct buf problem = { 0 };
	const char *body = req->answer, *type = req->answer_type;

	if (req->status != OK) {
		write_problem(req, &problem);
		body = problem.data;
		type = "application/problem+json";
	}
	buf_printf(out, "Status: %d\r\nX-Request-Id: %s\r\nCache-Control: no-store\r\n",
	    reply_http_status(req), req->id);
	for (int i = 0; i < req->header_count; i++)
		buf_printf(out, "%s\r\n", req->headers[i]);
	if (retry > 0)
		buf_printf(out, "Retry-After: %d\r\n", retry);
	if (req->status == UNAUTHENTICATED)
		buf_puts(out, "WWW-Authenticate: Bearer\r\n");
	if (body == NULL) {
		buf_puts(out, "\r\n");
	} else {
		size_t len = strlen(body);

		buf_printf(out, "Content-Type: %s\r\nContent-Length: %zu\r\n\r\n", type, len);
		if (!req->head)
			buf_add(out, body, len);
	}
	buf_free(&problem);
}

static void
free_rows(void *rows)
{
	db_result_free(rows);
}

enum status
db_rows_of(struct db_pool *db, struct req *req, enum db_fn fn, int count,
    const char *const *params, struct db_result **rows)
{
	enum db_status status = db_call(db, fn, count, params, rows);

	if (status != DB_OK)
		return reply_db_failure(req, status);
	arena_defer(req->arena, free_rows, *rows);
	return db_rows(*rows) > 0 ? OK : INTERNAL;
}

enum status
reply_db_failure(struct req *req, enum db_status status)
{
	switch (status) {
	case DB_INVALID:	/* of a range that only PostgreSQL knows */
		return req_wrong(req, "", "A value is out of range.");
	case DB_UNAVAILABLE:
		return UNAVAILABLE;
	case DB_OK:
	case DB_FAILED:
		break;
	}
	return INTERNAL;
}

enum status
db_reply(struct db_pool *db, struct req *req, enum db_fn fn, int count,
    const char *const *params)
{
	struct db_result *rows;
	enum status status = db_rows_of(db, req, fn, count, params, &rows);

	return status == OK ? reply_row(req, rows, 0) : status;
}

enum status
reply_row(struct req *req, const struct db_result *rows, int row)
{
	const char *code = db_text(rows, row, 1);

	req->events = db_text(rows, row, 3);
	if (code == NULL)
		return reply_json(req, (int)db_number(rows, row, 0), db_text(rows, row, 2));
	for (size_t i = 0; i < sizeof(field_codes) / sizeof(field_codes[0]); i++)
		if (strcmp(code, field_codes[i].code) == 0)
			return req_wrong(req, field_codes[i].field, field_codes[i].message);
	return status_of_code(code);
}

void
reply_location(struct req *req, const char *prefix, const char *name)
{
	struct json_object *answer = json_tokener_parse(req->answer), *made = NULL, *id = NULL;

	json_object_object_get_ex(answer, name, &made);
	json_object_object_get_ex(made, "id", &id);
	req_header(req, arena_printf(req->arena, "Location: %s%s", prefix,
	    json_object_get_string(id)));
	json_object_put(answer);
}

enum status
reply_json(struct req *req, int http_status, const char *json)
{
	req->http_status = http_status;
	req->answer = json;
	req->answer_type = "application/json";
	return OK;
}
