/* Health and figures. */
#include "admin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "door.h"

struct admin {
	struct door *door;
	struct admin_view view;
};

/* Whether streams are given, and how fresh: without Redis changes are a second
 * late, without the database nothing changes. */
static void
answer_health(const struct admin *a, int fd)
{
	struct crew_stats crew;
	bool database = hub_database_ok(a->view.hub);
	bool redis = listener_subscribed(a->view.listener);
	struct buf out = { 0 };

	if (!board_ready(hub_board(a->view.hub))) {	/* a stream would be refused */
		door_problem(fd, 503, "unavailable", "The stream has not begun yet.",
		    "Retry-After: 1\r\n");
		return;
	}
	crew_stats(a->view.crew, &crew);
	buf_printf(&out, "{\"status\":\"%s\",\"database\":\"%s\",\"redis\":\"%s\","
	    "\"subscribers\":%d}",
	    database && redis ? "ok" : "degraded",
	    database ? "ok" : "down", redis ? "ok" : "down",
	    crew.crowd.subscribers);
	door_answer(fd, "application/json", &out);
	buf_free(&out);
}

/* Resident bytes of this process; 0 when the kernel doesn't say. */
static unsigned long
resident(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	char line[128], *size_ends;
	unsigned long pages = 0;

	if (f == NULL)
		return 0;
	if (fgets(line, sizeof(line), f) != NULL) {
		(void)strtoul(line, &size_ends, 10);	/* all of it; then what is resident */
		pages = strtoul(size_ends, NULL, 10);
	}
	fclose(f);
	return pages * (unsigned long)sysconf(_SC_PAGESIZE);
}

static void
figure(struct buf *out, const char *type, const char *name, const char *help, double value)
{
	buf_printf(out, "# HELP lastpair_sse_%s %s\n# TYPE lastpair_sse_%s %s\n"
	    "lastpair_sse_%s %.15g\n", name, help, name, type, name, value);
}

static void
gauge(struct buf *out, const char *name, const char *help, double value)
{
	figure(out, "gauge", name, help, value);
}

static void
counter(struct buf *out, const char *name, const char *help, unsigned long value)
{
	figure(out, "counter", name, help, (double)value);
}

static void
write_streams(struct buf *out, const struct admin_view *view, const struct crew_stats *crew)
{
	const struct crowd_stats *c = &crew->crowd;
	struct server_stats s = server_stats(view->server);

	gauge(out, "subscribers", "Streams open.", c->subscribers);
	gauge(out, "subscribers_max", "Streams that can be open.", crew->max);
	gauge(out, "proxied", "Streams that come through the web server.", c->proxied);
	gauge(out, "members", "Streams of signed-in users.", c->members);
	gauge(out, "blocked", "Streams whose reader is behind.", c->blocked);
	counter(out, "connections_total", "Connections accepted.", s.accepted);
	counter(out, "streams_total", "Streams begun.", c->streams);
	counter(out, "resumed_total", "Streams that went on where they had ended.", c->resumed);
	counter(out, "snapshots_total", "Snapshots given.", c->snapshots);
	counter(out, "deliveries_total", "Public events written to streams.", c->deliveries);
	counter(out, "bytes_total", "Bytes written to streams.", c->bytes);
	counter(out, "writes_total", "Writes that took.", c->writes);
	counter(out, "beats_total", "Heartbeats that were writes of their own.", c->beats);
	counter(out, "skipped_total", "Times a slow reader was set on the newest state.", c->skipped);
	counter(out, "let_go_total", "Streams ended because their reader was too slow.", c->let_go);
	counter(out, "refused_full_total", "Streams refused at capacity.", s.refused_full);
	counter(out, "refused_early_total", "Streams refused before a state was read.",
	    s.refused_early);
	counter(out, "refused_request_total", "Requests refused as wrong.", s.refused_request);
	counter(out, "rounds_total", "Rounds of writes.", c->rounds);
	gauge(out, "round_seconds", "Time of the last round.", (double)c->round_us / 1e6);
	gauge(out, "round_max_seconds", "Time of the longest round.",
	    (double)c->round_max_us / 1e6);
	gauge(out, "tick_seconds", "Time between rounds now.", (double)crew->tick_ms / 1e3);
	gauge(out, "threads", "Event loops.", crew->threads);
}

static void
write_state(struct buf *out, const struct admin_view *view, const struct board_stats *board)
{
	const struct hub_stats *h = hub_stats(view->hub);
	const struct feed *f = board_feed(hub_board(view->hub));

	gauge(out, "ready", "Whether a state was read.", board_ready(hub_board(view->hub)));
	gauge(out, "database_up", "Whether the database answered last.",
	    hub_database_ok(view->hub));
	gauge(out, "redis_up", "Whether Redis has us subscribed.",
	    listener_subscribed(view->listener));
	counter(out, "redis_connects_total", "Connections to Redis tried.",
	    listener_connects(view->listener));
	counter(out, "epochs_total", "Epochs begun.", f->epochs);
	counter(out, "events_total", "Public events logged.", f->events);
	counter(out, "private_events_total", "Private events logged.", f->private_events);
	counter(out, "events_lost_total", "Events lost for want of room or memory.", f->lost);
	counter(out, "messages_total", "Messages from Redis.", h->messages);
	counter(out, "messages_bad_total", "Messages that made no sense.", h->messages_bad);
	counter(out, "polls_total", "Questions to the database.", h->polls);
	counter(out, "polls_failed_total", "Questions without an answer.", h->polls_failed);
	gauge(out, "drops", "Drops open.", h->drops);
	counter(out, "snapshots_rendered_total", "Snapshots rendered for all.", board->snapshots);
	gauge(out, "snapshot_bytes", "Bytes of shared snapshots held.", (double)board->snapshot_bytes);
	gauge(out, "log_events", "Public events kept.",
	    (double)(f->public_log.next - f->public_log.first));
	gauge(out, "resident_bytes", "Memory of the daemon.", (double)resident());
}

static void
write_pairs(struct buf *out, const struct hub *hub)
{
	struct hub_pairs p = hub_pairs(hub);

	buf_printf(out, "# HELP lastpair_sse_pairs Pairs of the open drops.\n"
	    "# TYPE lastpair_sse_pairs gauge\n"
	    "lastpair_sse_pairs{state=\"available\"} %lld\n"
	    "lastpair_sse_pairs{state=\"reserved\"} %lld\n"
	    "lastpair_sse_pairs{state=\"sold\"} %lld\n",
	    (long long)p.available, (long long)p.reserved, (long long)p.sold);
	gauge(out, "drops_without_pair", "Open drops of which no pair is free.", p.without);
}

static void
write_lag(struct buf *out, const struct hub *hub)
{
	buf_puts(out, "# HELP lastpair_sse_event_lag_seconds From a change of stock until it was "
	    "written to the streams, by the clocks of database and daemon.\n"
	    "# TYPE lastpair_sse_event_lag_seconds histogram\n");
	histogram_write(&hub_stats(hub)->lag, "lastpair_sse_event_lag_seconds", "", out);
}

static void
on_request(void *arg, int fd, struct head *head)
{
	const struct admin *a = arg;
	struct crew_stats crew;
	struct buf out = { 0 };

	if (strcmp(head->method, "GET") != 0) {
		door_problem(fd, 405, "method_not_allowed", "This can only be read.",
		    "Allow: GET\r\n");
	} else if (strcmp(head->path, "/healthz") == 0) {
		answer_health(a, fd);
	} else if (strcmp(head->path, "/metrics") == 0) {
		crew_stats(a->view.crew, &crew);
		write_streams(&out, &a->view, &crew);
		write_state(&out, &a->view, &crew.board);
		write_pairs(&out, a->view.hub);
		write_lag(&out, a->view.hub);
		door_answer(fd, "text/plain; version=0.0.4; charset=utf-8", &out);
	} else {
		door_problem(fd, 404, "not_found", "There is nothing here.", NULL);
	}
	buf_free(&out);
}

struct admin *
admin_new(const struct conf *conf, struct event_base *base, const struct admin_view *view)
{
	struct admin *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->view = *view;
	a->door = door_new(base, conf->sse_admin_socket, ADMIN_HEADS, on_request, a);
	if (a->door == NULL || !door_open(a->door)) {
		admin_free(a);
		return NULL;
	}
	return a;
}

void
admin_free(struct admin *a)
{
	if (a == NULL)
		return;
	door_free(a->door);
	free(a);
}
