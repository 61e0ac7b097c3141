/* Who may have a stream, and of what. */
#include "server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "door.h"
#include "origins.h"

#define FIELDS_MAX 1024

struct server {
	struct door *door, *direct;	/* the web server's, and browsers' own or NULL */
	struct origins *origins;
	struct hub *hub;
	struct crew *crew;
	const struct token_keys *keys;
	enum head_cookie cookie;	/* which counts, where one does */
	struct server_stats stats;
};

/* One who called: what its answers carry besides, whether its cookie counts, and whether the
 * web server stands between. */
struct caller {
	int fd;
	struct head *head;
	const char *fields;	/* header lines, maybe none */
	bool trust_cookie;
	bool proxied;
};

static void
refuse_request(struct server *v, const struct caller *c, int status, const char *code,
    const char *detail, const char *more)
{
	char fields[FIELDS_MAX];

	v->stats.refused_request += status < 500;
	snprintf(fields, sizeof(fields), "%s%s", c->fields, more);
	door_problem(c->fd, status, code, detail, fields);
}

/* Answers what can't be a stream; false when it can. */
static bool
refuse(struct server *v, const struct caller *c, struct wanted *wanted)
{
	const struct head *head = c->head;

	if (strcmp(head->path, "/api/events") != 0) {
		refuse_request(v, c, 404, "not_found", "There is nothing here.", "");
	} else if (strcmp(head->method, "GET") != 0 && strcmp(head->method, "HEAD") != 0) {
		refuse_request(v, c, 405, "method_not_allowed", "The stream can only be read.",
		    "Allow: GET, HEAD\r\n");
	} else if (!wanted_parse(head->query, wanted)) {
		v->stats.refused_request++;
		door_invalid(c->fd, "drops", "Must be up to 100 numbers of drops, parted by commas.",
		    c->fields);
	} else if (!board_ready(hub_board(v->hub))) {
		v->stats.refused_early++;
		refuse_request(v, c, 503, "unavailable", "The stream has not begun yet.",
		    "Retry-After: 1\r\n");
	} else if (crew_full(v->crew)) {
		v->stats.refused_full++;
		refuse_request(v, c, 503, "at_capacity", "All streams are taken; try again.",
		    "Retry-After: 5\r\n");
	} else {
		return false;
	}
	return true;
}

static void
answer(struct server *v, const struct caller *c)
{
	struct newcomer n = { .fd = c->fd, .fields = c->fields, .proxied = c->proxied };
	const struct head *head = c->head;
	const char *token;

	if (refuse(v, c, &n.wanted))
		return;
	if (strcmp(head->method, "HEAD") == 0) {
		char text[sizeof(CROWD_HEAD) + FIELDS_MAX];

		snprintf(text, sizeof(text), CROWD_HEAD "%s\r\n", c->fields);
		door_head(c->fd, text);
		return;
	}
	token = head_token(c->head, c->trust_cookie ? v->cookie : COOKIE_NONE);
	n.member = token != NULL &&
	    token_verify(v->keys, token, clock_db_ms() / 1000, &n.claims);
	/* A browser that reconnects by itself keeps its URL: the header is newer. */
	n.last = head->last_event_id != NULL ? head->last_event_id : n.wanted.last;
	crew_add(v->crew, &n);
}

/* The web server has looked at everything that concerns pages and their origins. */
static void
on_request(void *arg, int fd, struct head *head)
{
	answer(arg, &(struct caller){ .fd = fd, .head = head, .fields = "", .trust_cookie = true,
	    .proxied = true });
}

/* Before a request with headers of its own, a browser asks whether it may send them.
 * EventSource never has to; fetch() does, for these two. */
static void
answer_preflight(const struct caller *c)
{
	char text[FIELDS_MAX];

	snprintf(text, sizeof(text), "HTTP/1.1 204 No Content\r\n" HEAD_POLICY "%s"
	    "Access-Control-Allow-Methods: GET, HEAD\r\n"
	    "Access-Control-Allow-Headers: Authorization, Last-Event-ID\r\n"
	    "Access-Control-Max-Age: 600\r\nConnection: close\r\n\r\n", c->fields);
	door_head(c->fd, text);
}

/* From a browser itself. A page that reads the stream here is of another origin than
 * the daemon, so its browser names it. What comes without a name is a program, or a
 * page that asks in a way it can't read the answer of: nobody's cookie counts then, so
 * that no page can open streams in the name of whoever looks at it. */
static void
on_direct_request(void *arg, int fd, struct head *head)
{
	struct server *v = arg;
	struct caller c = { .fd = fd, .head = head, .fields = "Vary: Origin\r\n" };

	if (head->origin != NULL) {
		const char *fields = origins_fields(v->origins, head->origin);

		if (fields == NULL) {
			refuse_request(v, &c, 403, "cross_site", "Pages of this origin may not read the "
			    "stream here.", "");
			return;
		}
		c.fields = fields;
		c.trust_cookie = true;
	}
	if (strcmp(head->method, "OPTIONS") == 0 && head->origin != NULL)
		answer_preflight(&c);
	else
		answer(v, &c);
}

struct server *
server_new(const struct conf *conf, struct event_base *base, struct hub *hub,
    struct crew *crew, const struct token_keys *keys)
{
	struct server *v = calloc(1, sizeof(*v));
	bool wants_direct = conf->sse_listen[0] != '\0';

	if (v == NULL)
		return NULL;
	v->hub = hub;
	v->crew = crew;
	v->keys = keys;
	v->cookie = conf->cookie_secure ? COOKIE_OF_HOST : COOKIE_ANY;
	v->origins = origins_new(conf->sse_origins);
	if (v->origins != NULL)
		v->door = door_new(base, conf->sse_socket, SERVER_HEADS, on_request, v);
	if (v->door != NULL && wants_direct)
		v->direct = door_new_tcp(base, conf->sse_listen, SERVER_HEADS,
		    on_direct_request, v);
	if (v->door == NULL || (wants_direct && v->direct == NULL)) {
		server_free(v);
		return NULL;
	}
	return v;
}

bool
server_open(struct server *v)
{
	return door_open(v->door) && (v->direct == NULL || door_open(v->direct));
}

void
server_shut(struct server *v)
{
	door_shut(v->door);
	if (v->direct != NULL)
		door_shut(v->direct);
}

void
server_free(struct server *v)
{
	if (v == NULL)
		return;
	door_free(v->direct);
	door_free(v->door);
	origins_free(v->origins);
	free(v);
}

struct server_stats
server_stats(const struct server *v)
{
	struct server_stats stats = v->stats;

	stats.accepted = door_stats(v->door)->accepted;
	stats.refused_request += door_stats(v->door)->refused;
	if (v->direct != NULL) {
		stats.accepted += door_stats(v->direct)->accepted;
		stats.refused_request += door_stats(v->direct)->refused;
	}
	return stats;
}
