/* /api/auth: sign-up, sign-in, sign-out, and who am I. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "handlers.h"
#include "input.h"
#include "metrics.h"
#include "password.h"
#include "reply.h"

/* The cookie that carries `token`, or with "" ends it. Over TLS the __Host- prefix pins it
 * to this host (RFC 6265bis, section 4.1.3.2). */
static void
set_cookie(struct ctx *ctx, struct req *req, const char *token, long seconds)
{
	bool secure = ctx->conf.cookie_secure;

	req_header(req, arena_printf(req->arena,
	    "Set-Cookie: %slastpair_session=%s; Path=/; HttpOnly; SameSite=Lax; Max-Age=%ld%s",
	    secure ? "__Host-" : "", token, seconds, secure ? "; Secure" : ""));
}

/* {user, token, expiresAt} from a row that holds body, session, issued_at, expires_at in
 * the columns from `column` on. */
static enum status
signed_in(struct ctx *ctx, struct req *req, int http_status, const struct db_result *rows,
    int column)
{
	struct token_claims claims = {
		.issued_at = db_number(rows, 0, column + 2),
		.expires_at = db_number(rows, 0, column + 3),
	};
	struct json_object *user = json_tokener_parse(db_text(rows, 0, column)), *id = NULL;
	time_t expires = (time_t)claims.expires_at;
	char when[32], *token;
	struct tm tm;

	json_object_object_get_ex(user, "id", &id);
	claims.user = json_object_get_int64(id);
	json_object_put(user);
	strcpy(claims.session, db_text(rows, 0, column + 1));
	token = token_sign(ctx->keys, &claims);
	if (token == NULL)
		return INTERNAL;
	arena_defer(req->arena, free, token);
	gmtime_r(&expires, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S.000Z", &tm);
	set_cookie(ctx, req, token, (long)(claims.expires_at - claims.issued_at));
	metrics_add(METRIC_SIGN_INS, 1);
	return reply_json(req, http_status, arena_printf(req->arena,
	    "{\"user\":%s,\"token\":\"%s\",\"expiresAt\":\"%s\"}", db_text(rows, 0, column), token,
	    when));
}

/* The rules, and none of those that are guessed first. */
static const char *
new_password(const char *s)
{
	const char *wrong = input_password(s);

	if (wrong == NULL && password_common(s))
		wrong = "This is one of the commonest passwords; choose another.";
	return wrong;
}

/* POST /api/auth/register {username, email, password}: 201 and a session. */
enum status
auth_register(struct ctx *ctx, struct req *req)
{
	static const char *const fields[] = { "username", "email", "password", NULL };
	char hash[PASSWORD_HASH_LEN], session[UUID_TEXT_LEN];
	const char *username, *email, *password, *code;
	struct db_result *rows;
	struct form *f = &req->form;
	enum status status;

	if (!form_parse(f, req->body, req->body_len, fields, false))
		return INVALID;
	username = form_checked(f, "username", input_username);
	email = form_checked(f, "email", input_email);
	password = form_checked(f, "password", new_password);
	if (!req_key(req) || f->error_count > 0)
		return INVALID;
	if (!password_hash(password, (int)ctx->conf.bcrypt_cost, hash))
		return INTERNAL;

	uuid_new(session);
	status = db_rows_of(ctx->db, req, FN_REGISTER, 6, (const char *[]){ username, email, hash,
	    session, arena_printf(req->arena, "%ld", ctx->conf.session_seconds), req->key }, &rows);
	if (status != OK)
		return status;
	code = db_text(rows, 0, 0);
	if (code == NULL)
		return signed_in(ctx, req, 201, rows, 1);
	if (strcmp(code, "kept") != 0)
		return status_of_code(code);
	/* The key is not proof of who asks: the password is. */
	if (!password_verify(password, db_text(rows, 0, 5), (int)ctx->conf.bcrypt_cost))
		return KEY_REUSED;
	return signed_in(ctx, req, 201, rows, 1);
}

/* A text no longer than it could rightly be; what it looks like is not told. */
static const char *
any_text(const char *s)
{
	return strlen(s) <= 1024 ? NULL : "This is too long.";
}

/* POST /api/auth/login {email, password}: 200 and a session. The password is hashed
 * whether or not there is such a user, so that time tells nothing. A try counts as failed
 * from its start, so that many at once are no more than one after the other. */
enum status
auth_login(struct ctx *ctx, struct req *req)
{
	static const char *const fields[] = { "email", "password", NULL };
	const char *email, *password, *user, *hash, *print;
	const char *window, *failures;
	char session[UUID_TEXT_LEN];
	struct db_result *rows;
	struct form *f = &req->form;
	enum status status;

	if (!form_parse(f, req->body, req->body_len, fields, false))
		return INVALID;
	email = form_checked(f, "email", any_text);
	password = form_checked(f, "password", any_text);
	if (!req_key(req) || f->error_count > 0)
		return INVALID;

	window = arena_printf(req->arena, "%ld", ctx->conf.signin_window_seconds);
	failures = arena_printf(req->arena, "%ld", ctx->conf.signin_failures);
	status = db_rows_of(ctx->db, req, FN_LOGIN_START, 4,
	    (const char *[]){ email, req->address, failures, window }, &rows);
	if (status != OK)
		return status;
	if (db_number(rows, 0, 0) > 0) {
		req->retry_after_s = (int)db_number(rows, 0, 0);
		metrics_add(METRIC_SIGN_INS_REFUSED, 1);
		return TOO_MANY_ATTEMPTS;
	}
	user = db_text(rows, 0, 1);
	hash = db_text(rows, 0, 2);
	if (!password_verify(password, hash, (int)ctx->conf.bcrypt_cost)) {
		metrics_add(METRIC_SIGN_INS_REFUSED, 1);
		return BAD_CREDENTIALS;
	}

	/* The password was looked at, so the key stands for the account alone. */
	print = req->key != NULL ? arena_printf(req->arena, "POST %s\n%s", req->path, email) : NULL;
	uuid_new(session);
	status = db_rows_of(ctx->db, req, FN_LOGIN, 6, (const char *[]){ user, session,
	    arena_printf(req->arena, "%ld", ctx->conf.session_seconds), req->address, req->key,
	    print }, &rows);
	if (status != OK)
		return status;
	if (db_text(rows, 0, 0) != NULL)
		return status_of_code(db_text(rows, 0, 0));
	return signed_in(ctx, req, 200, rows, 1);
}

/* POST /api/auth/logout: 204; the session is over everywhere. */
enum status
auth_logout(struct ctx *ctx, struct req *req)
{
	enum status status;

	if (!req_key(req))	/* nothing is kept for it: the token by which one would ask again is none */
		return INVALID;
	status = db_reply(ctx->db, req, FN_LOGOUT, 1, (const char *[]){ req->session });
	if (status == OK)
		set_cookie(ctx, req, "", 0);
	return status;
}

/* GET /api/auth/me: 200 {user}. */
enum status
auth_me(struct ctx *ctx, struct req *req)
{
	return db_reply(ctx->db, req, FN_ME, 1, (const char *[]){ req->session });
}
