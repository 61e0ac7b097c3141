/* A request from its route to its answer, through the real handlers. The input is the request
 * as nginx passes it on: METHOD PATH?QUERY, lines of NAME: VALUE, an empty line, the body.
 * No database is there: what is handed to it must be fit for it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db.h"
#include "fuzz.h"
#include "handlers.h"
#include "reply.h"
#include "routes.h"

#define SESSION "01890a5d-ac96-774b-bcce-b302099a8057"

static size_t luck;	/* decides how the database refuses */

/* PostgreSQL takes no text that is not UTF-8. */
static void
check_param(const char *s)
{
	must(s == NULL || fuzz_utf8(s));
}

/* What was JSON must be JSON still. */
static void
check_document(const char *s)
{
	const char *why;
	struct json_object *o = json_parse_object(s, strlen(s), &why);

	must(o != NULL);
	json_object_put(o);
}

/* In the place of lib/db.c's. */
enum db_status __wrap_db_call(struct db_pool *pool, enum db_fn fn, int count,
    const char *const *params, struct db_result **result);

enum db_status
__wrap_db_call(struct db_pool *pool, enum db_fn fn, int count, const char *const *params,
    struct db_result **result)
{
	static const enum db_status how[] = { DB_INVALID, DB_UNAVAILABLE, DB_FAILED };

	must(pool == NULL && fn < FN_COUNT);
	for (int i = 0; i < count; i++)
		check_param(params[i]);
	if (fn == FN_DROP_CREATE || fn == FN_DROP_UPDATE)
		check_document(params[fn == FN_DROP_CREATE ? 1 : 2]);
	*result = NULL;
	return how[luck % 3];
}

/* In the place of cgi-bin/combiner.c. */
bool
combiner_join(struct combiner *c, struct reserve *r)
{
	must(c == NULL && r->drop > 0 && r->user == 7 && uuid_valid(r->id));
	check_param(r->size);
	check_param(r->key);
	must(r->request == NULL || fuzz_utf8(r->request));
	return false;
}

void
verdict_free(struct verdict *v)
{
	(void)v;
}

/* A header the worker looks at. */
static void
take_header(struct req *req, char *line)
{
	const struct { const char *name; const char **value; } known[] = {
		{ "Authorization", &req->authorization }, { "Cookie", &req->cookie },
		{ "Origin", &req->origin }, { "Host", &req->host },
		{ "Sec-Fetch-Site", &req->fetch_site }, { "If-None-Match", &req->if_none_match },
		{ "Idempotency-Key", &req->key },
	};
	char *value = strstr(line, ": ");

	if (value == NULL)
		return;
	*value = '\0';
	value += 2;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(line, known[i].name) == 0)
			*known[i].value = arena_strndup(req->arena, value, strlen(value));
	if (strcmp(line, "HTTPS") == 0)
		req->tls = strcmp(value, "on") == 0;
}

static void
take_target(struct req *req, const char *line)
{
	static const char *const names[] = { [GET] = "GET", [POST] = "POST", [PATCH] = "PATCH",
	    [DELETE] = "DELETE" };
	const char *path = strchr(line, ' '), *query;

	path = path != NULL ? path : line + strlen(line);
	req->method_text = arena_strndup(req->arena, line, (size_t)(path - line));
	path += *path == ' ';
	query = path + strcspn(path, "?");
	req->path = arena_strndup(req->arena, path, (size_t)(query - path));
	query += *query == '?';
	req->query = arena_strndup(req->arena, query, strlen(query));
	req->head = strcmp(req->method_text, "HEAD") == 0;
	req->method = req->head ? GET : METHOD_COUNT;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(req->method_text, names[i]) == 0)
			req->method = (enum method)i;
}

static struct req *
take_request(struct arena *arena, struct fuzz_input *in)
{
	struct req *req = arena_alloc(arena, sizeof(*req));
	char *line = fuzz_line(in, NULL);

	req->arena = req->form.arena = arena;
	req->id = "0123456789abcdef";
	req->address = "192.0.2.1";
	req->route = "-";
	take_target(req, line != NULL ? line : "");
	while (line != NULL && *line != '\0') {
		free(line);
		line = fuzz_line(in, NULL);
		if (line != NULL)
			take_header(req, line);
	}
	free(line);
	return req;
}

/* As the worker goes about it, but that every token stands. */
static enum status
handle(struct ctx *ctx, struct req *req, const struct fuzz_input *in)
{
	enum status status;
	const struct route *route = route_find(req, &status);
	const char *token;

	if (route == NULL)
		return status;
	token = req_token(req);
	must(token == NULL || strlen(token) < 1 << 20);
	if (req->method != GET && req_cross_site(req))
		return CROSS_SITE;
	if (in->size > route->max_body)
		return PAYLOAD_TOO_LARGE;
	if (route->access != OPEN) {
		req->session = SESSION;
		req->user = 7;
	}
	req->body = arena_strndup(req->arena, (const char *)in->data, in->size);
	req->body_len = in->size;
	if (route->handle == health_show || route->handle == metrics_show)
		return OK;	/* these ask others, not the request */
	return route->handle(ctx, req);
}

/* The head's lines are the worker's own, and a refusal is a JSON document. */
static void
check_answer(struct req *req)
{
	struct buf out = { 0 };
	struct json_object *problem;
	const char *why;
	char *body, *s;

	reply_write(req, &out);
	must(!out.failed && strlen(out.data) == out.len);
	body = strstr(out.data, "\r\n\r\n");
	must(body != NULL);
	for (s = out.data; s < body; s++)
		must((unsigned char)*s >= 0x20 || (s[0] == '\r' && s[1] == '\n') ||
		    (s > out.data && s[-1] == '\r' && s[0] == '\n'));
	body += 4;
	if (req->head) {
		must(*body == '\0');
	} else if (req->status != OK) {
		problem = json_parse_object(body, strlen(body), &why);
		must(problem != NULL);
		json_object_put(problem);
	}
	buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ctx ctx = { .conf = { .bcrypt_cost = 4, .session_seconds = 3600,
	    .signin_failures = 10, .signin_window_seconds = 300 } };
	struct fuzz_input in = { data, size };
	struct arena *arena = arena_new();
	struct req *req = take_request(arena, &in);

	luck = size;
	req->status = handle(&ctx, req, &in);
	must(req->status < STATUS_COUNT);
	check_answer(req);
	arena_free(arena);
	return 0;
}
