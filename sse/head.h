/* Reading the head of an HTTP request: no more of HTTP than the daemon needs, and
 * nothing that is not certain (RFC 9112). Works in place, allocates nothing. */
#ifndef SSE_HEAD_H
#define SSE_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEAD_MAX	8192	/* bytes, the empty line included */
#define WANTED_MAX	100	/* drops one stream can be narrowed to */

/* Lines that every answer carries: nothing of it is a page. The web server has its own. */
#define HEAD_POLICY "X-Content-Type-Options: nosniff\r\nReferrer-Policy: same-origin\r\n" \
	"Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"

/* Texts within the buffer, NULL where absent. */
struct head {
	char *method;
	char *path;
	char *query;
	char *last_event_id;
	char *authorization;
	char *cookie;
	char *origin;
};

enum head_result { HEAD_OK, HEAD_MORE, HEAD_BAD, HEAD_TOO_LONG };

/* Reads `len` bytes of `buf`, which has room for one more. Once it is HEAD_OK the
 * buffer is changed and belongs to *head. */
enum head_result head_parse(char *buf, size_t len, struct head *head);

/* What a stream was asked for. */
struct wanted {
	int count;		/* 0: all drops */
	int64_t drops[WANTED_MAX];	/* in order, each once */
	const char *last;	/* within the query; NULL: absent */
	bool beats;		/* heartbeats as events: a page cannot see comments */
};

/* Reads the query (NULL: none), in place. False when `drops` is not as the
 * contract has it; what it does not know it passes over. */
bool wanted_parse(char *query, struct wanted *wanted);

/* Which cookie may say who calls: none, the one that only this host can have set (`__Host-`), or
 * also the one without that prefix. */
enum head_cookie { COOKIE_NONE, COOKIE_OF_HOST, COOKIE_ANY };

/* The token a caller brought, from `Authorization: Bearer` or else the cookie of the session;
 * in place, NULL when there is none. */
const char *head_token(struct head *head, enum head_cookie which);

#endif
