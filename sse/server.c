/* Who may have a stream, and of what. */
#include "server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "door.h"

struct server {
	struct door *door;
	struct hub *hub;
	struct crowd *crowd;
	const struct token_keys *keys;
	struct server_stats stats;
};

/* Answers what can't be a stream; false when it can. */
static bool
refuse(struct server *v, int fd, struct head *head, struct wanted *wanted)
{
	if (strcmp(head->path, "/api/events") != 0) {
		v->stats.refused_request++;
		door_problem(fd, 404, "not_found", "There is nothing here.", NULL);
	} else if (strcmp(head->method, "GET") != 0 && strcmp(head->method, "HEAD") != 0) {
		v->stats.refused_request++;
		door_problem(fd, 405, "method_not_allowed", "The stream can only be read.",
		    "Allow: GET, HEAD\r\n");
	} else if (!wanted_parse(head->query, wanted)) {
		v->stats.refused_request++;
		door_invalid(fd, "drops", "Must be up to 100 numbers of drops, parted by commas.");
	} else if (!hub_ready(v->hub)) {
		v->stats.refused_early++;
		door_problem(fd, 503, "unavailable", "The stream has not begun yet.",
		    "Retry-After: 1\r\n");
	} else if (crowd_full(v->crowd)) {
		v->stats.refused_full++;
		door_problem(fd, 503, "at_capacity", "All streams are taken; try again.",
		    "Retry-After: 5\r\n");
	} else {
		return false;
	}
	return true;
}

static void
on_request(void *arg, int fd, struct head *head)
{
	struct server *v = arg;
	struct wanted wanted;
	struct token_claims claims;
	const char *token, *last;
	bool member;

	if (refuse(v, fd, head, &wanted))
		return;
	if (strcmp(head->method, "HEAD") == 0) {
		door_head(fd, CROWD_HEAD);
		return;
	}
	token = head_token(head);
	member = token != NULL && token_verify(v->keys, token, clock_wall_ms() / 1000, &claims);
	/* A browser that reconnects by itself keeps its URL: the header is newer. */
	last = head->last_event_id != NULL ? head->last_event_id : wanted.last;
	crowd_add(v->crowd, fd, &wanted, last, member ? &claims : NULL);
}

struct server *
server_new(const struct conf *conf, struct event_base *base, struct hub *hub,
    struct crowd *crowd, const struct token_keys *keys)
{
	struct server *v = calloc(1, sizeof(*v));

	if (v == NULL)
		return NULL;
	v->hub = hub;
	v->crowd = crowd;
	v->keys = keys;
	v->door = door_new(base, conf->sse_socket, on_request, v);
	if (v->door == NULL) {
		free(v);
		return NULL;
	}
	return v;
}

void
server_free(struct server *v)
{
	if (v == NULL)
		return;
	door_free(v->door);
	free(v);
}

struct server_stats
server_stats(const struct server *v)
{
	struct server_stats stats = v->stats;

	stats.accepted = door_stats(v->door)->accepted;
	stats.refused_request += door_stats(v->door)->refused;
	return stats;
}
