/* A request as a handler sees it, and the checks handlers make of their input. */
#ifndef LP_REQUEST_H
#define LP_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "form.h"
#include "token.h"

/* How a request ends: success, or an entry of reply.c's table of refusals. */
enum status {
	OK,
	INVALID,
	UNKNOWN_SIZE,
	UNAUTHENTICATED,
	BAD_CREDENTIALS,
	FORBIDDEN,
	CROSS_SITE,
	NOT_FOUND,
	METHOD_NOT_ALLOWED,
	EMAIL_TAKEN,
	USERNAME_TAKEN,
	BELOW_COMMITTED,
	SOLD_OUT,
	ALREADY_RESERVED,
	LIMIT_REACHED,
	COOLING_DOWN,
	NOT_STARTED,
	ENDED,
	PAUSED,
	NOT_ACTIVE,
	RESERVATION_EXPIRED,
	PAYLOAD_TOO_LARGE,
	KEY_REUSED,
	TOO_MANY_ATTEMPTS,
	INTERNAL,
	UNAVAILABLE,
	STATUS_COUNT,
	PENDING		/* none yet: the handler will call req->resume() */
};

enum method { GET, POST, PATCH, DELETE, METHOD_COUNT };

#define MAX_HEADERS 4
#define ID_TEXT_LEN 64

/* All texts live in the arena, until the request is finished. A header that was not
 * sent is NULL. */
struct req {
	struct arena *arena;
	const char *id;			/* for logs and X-Request-Id */
	enum method method;
	bool head;			/* HEAD: as GET, without the body */
	const char *method_text, *path, *query;
	const char *address;		/* of the client, as nginx saw it */
	const char *authorization, *cookie, *origin, *host, *fetch_site, *if_none_match;
	const char *key;		/* Idempotency-Key */
	bool tls;
	bool host_cookie;		/* only a __Host- cookie counts (cookie_secure) */
	const char *body;		/* `body_len` bytes and a NUL */
	size_t body_len;
	const char *route;		/* the pattern that matched */
	char path_id[ID_TEXT_LEN];	/* what stood at {id} */

	struct form form;		/* the body as JSON, and what is wrong with the request */
	bool by_cookie;			/* the token came in the cookie */
	const char *session;		/* its id, from a token that verified; or NULL */
	int64_t user;			/* whose token that is */
	bool ask_time;			/* the token is good, but for the time as far as it is known */

	/* The answer. */
	enum status status;
	int http_status;		/* of a success */
	const char *answer;		/* body; NULL for none */
	const char *answer_type;
	const char *headers[MAX_HEADERS];	/* whole lines without CRLF */
	int header_count;
	int retry_after_s;		/* 0: the table's */
	const char *events;		/* to publish once answered: a message a line */

	/* How a handler that returned PENDING goes on, once, from whatever thread; the request is
	 * not its own any more. */
	void (*resume)(struct req *req, enum status status);
	void *resume_arg;
};

/* form_wrong(); returns INVALID so that a handler can return it. */
enum status req_wrong(struct req *req, const char *field, const char *message);

/* The value of `name` in the query, decoded; NULL when it is not there. False after
 * noting that it was malformed or there twice. */
bool req_query(struct req *req, const char *name, const char **out);

/* The query's `limit`, 1 to 200; 50 when it is not there. False after noting what is wrong. */
bool req_limit(struct req *req, const char **limit);

/* The query's parameter `name`, which is a number that the API has given before: a drop's id, or
 * the cursor of a list. NULL when it is not there; false after noting `message`. */
bool req_number(struct req *req, const char *name, const char *message, const char **out);

#define NO_CURSOR "This is no cursor of this list."

/* Whether {id} of the path can be a drop's id. */
bool req_drop_id(const struct req *req);

/* The token of the request, from Authorization or the cookie, or NULL. Sets by_cookie. */
const char *req_token(struct req *req);

/* Whether a browser sent this on behalf of another site (Fetch Metadata, else Origin,
 * RFC 6454). */
bool req_cross_site(const struct req *req);

/* Checks the Idempotency-Key's form: 8 to 128 visible ASCII characters. */
bool req_key(struct req *req);

/* The same, and makes a key up where there is none: for what could otherwise be done twice
 * when the call is sent again after a lost connection (see lib/db.h). */
bool req_key_always(struct req *req);

/* What an Idempotency-Key stands for: method, path and body. NULL without a key. */
const char *req_print(struct req *req);

/* Adds a header line to the answer. */
void req_header(struct req *req, const char *line);

#endif
