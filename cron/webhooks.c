/* lastpair-webhooks: delivers the events that wait in the outbox. Cron starts one each minute, as
 * it does lastpair-expire; one works at a time. Of an endpoint one event is on its way at a time, so
 * that they come in their order; the endpoints wait for each other only for a free place. */
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "buf.h"
#include "clock.h"
#include "db.h"
#include "deliver.h"
#include "log.h"
#include "metrics.h"
#include "options.h"

#define TURN_MS		62000	/* a little longer than the minute: the next one takes over */
#define LIFE_MS		600000	/* while something is on its way it does not hand over; up to this */
#define LOOK_MS		500	/* between looks into the outbox */
#define AWAY_WAIT_MS	500	/* while the database is away */
#define LOCK_WAIT_MS	250	/* between looks whether the one before has ended */
#define FIGURES_MS	5000	/* between counts of what waits */
#define END_WAIT_MS	2000	/* for what is on its way, when a signal says to end */
#define BATCH		"16"	/* events of an endpoint that are read at once */
#define OLD_ROWS	"1000"	/* of each kind, a transaction of housekeeping */

static const char usage[] =
"Usage: lastpair-webhooks [-c FILE] [--once]\n"
"Delivers sales, sold-outs and openings of drops to the addresses that were added by\n"
"lastpairctl webhook add. Made to be started by cron every minute; two at once do no harm:\n"
"one waits.\n\n"
"  --once   deliver what is due now, then end";

/* What is to be delivered to one endpoint, in order; the first of it is on its way, or
 * waits for a free place. */
struct lane {
	TAILQ_ENTRY(lane) next;
	struct hooks *hooks;
	struct delivery delivery;	/* the one that is on its way */
	char *endpoint;			/* its id */
	struct db_result *rows;		/* shared; counted in rows_users */
	int *rows_users;
	int row, end;			/* of what is left; `end` is behind the last */
	bool sent;
};

struct hooks {
	struct conf conf;
	struct db_pool *db;
	struct deliverer *deliverer;
	TAILQ_HEAD(lanes, lane) lanes;
	int on_their_way;
	struct db_lock turn;	/* held by the one that delivers now */
	int64_t look_at_ms, figures_at_ms;
	bool reached, kept_house;
};

static volatile sig_atomic_t ending;

static void
end(int sig)
{
	(void)sig;
	ending = 1;
}

static void
lane_free(struct lane *lane)
{
	TAILQ_REMOVE(&lane->hooks->lanes, lane, next);
	if (--*lane->rows_users == 0) {
		db_result_free(lane->rows);
		free(lane->rows_users);
	}
	free(lane->endpoint);
	free(lane);
}

static void
lanes_free(struct hooks *h)
{
	struct lane *lane, *after;

	for (lane = TAILQ_FIRST(&h->lanes); lane != NULL; lane = after) {
		after = TAILQ_NEXT(lane, next);
		lane_free(lane);
	}
}

/* Notes what came of a delivery; true when it was delivered. Where the database does not take the
 * note, the event is delivered once more. */
static bool
note(struct hooks *h, const struct lane *lane, int status, const char *why)
{
	char number[32], hours[32], answer[256];
	struct db_result *rows;
	const char *became;
	bool delivered = false;

	snprintf(number, sizeof(number), "%d", status);
	snprintf(hours, sizeof(hours), "%ld", h->conf.webhook_retry_hours);
	snprintf(answer, sizeof(answer), "%s", status != 0 ? number : why);
	if (db_call(h->db, FN_WEBHOOK_DONE, 5, (const char *[]){ lane->endpoint,
	    lane->delivery.event, number, answer, hours }, &rows) == DB_OK) {
		became = db_text(rows, 0, 0);
		delivered = strcmp(became, "delivered") == 0;
		metrics_add(delivered ? METRIC_WEBHOOKS_DELIVERED : METRIC_WEBHOOK_FAILURES, 1);
		if (strcmp(became, "failed") == 0)
			metrics_add(METRIC_WEBHOOKS_GIVEN_UP, 1);
		if (!delivered)
			log_error("endpoint %s: event %s: %s (%s)", lane->endpoint,
			    lane->delivery.event, answer, became);
	}
	db_result_free(rows);
	return delivered;
}

/* After a failure the outbox says what is next for this endpoint, and when. */
static void
done(struct delivery *d, int status, const char *why)
{
	struct lane *lane = (struct lane *)(void *)((char *)d - offsetof(struct lane, delivery));
	struct hooks *h = lane->hooks;

	h->on_their_way--;
	lane->sent = false;
	if (note(h, lane, status, why) && ++lane->row < lane->end && !ending)
		return;
	lane_free(lane);
	h->look_at_ms = 0;
}

/* Sends the first of each lane, as far as there are places. */
static void
send_lanes(struct hooks *h)
{
	struct lane *lane, *after;

	for (lane = TAILQ_FIRST(&h->lanes); lane != NULL; lane = after) {
		after = TAILQ_NEXT(lane, next);
		if (lane->sent || h->on_their_way >= h->conf.webhook_connections)
			continue;
		lane->delivery = (struct delivery){
			.url = db_text(lane->rows, lane->row, 1),
			.secret = db_text(lane->rows, lane->row, 2),
			.old_secret = db_text(lane->rows, lane->row, 3),
			.event = db_text(lane->rows, lane->row, 4),
			.body = db_text(lane->rows, lane->row, 5),
			.done = done,
		};
		lane->sent = true;
		h->on_their_way++;
		deliver_start(h->deliverer, &lane->delivery);
	}
}

/* Makes a lane of the rows of one endpoint, from `row` on; the row behind them. */
static int
add_lane(struct hooks *h, struct db_result *rows, int *rows_users, int row)
{
	const char *endpoint = db_text(rows, row, 0);
	struct lane *lane = calloc(1, sizeof(*lane));
	int end_row = row + 1;

	while (end_row < db_rows(rows) && strcmp(db_text(rows, end_row, 0), endpoint) == 0)
		end_row++;
	if (lane != NULL && (lane->endpoint = strdup(endpoint)) != NULL) {
		lane->hooks = h;
		lane->rows = rows;
		lane->rows_users = rows_users;
		lane->row = row;
		lane->end = end_row;
		++*rows_users;
		TAILQ_INSERT_TAIL(&h->lanes, lane, next);
	} else {
		free(lane);	/* the next look finds them again */
	}
	return end_row;
}

/* The ids of endpoints that have a lane, as a PostgreSQL array; NULL: no memory. */
static char *
busy_endpoints(const struct hooks *h)
{
	const struct lane *lane;
	struct buf ids = { 0 };

	buf_puts(&ids, "{");
	TAILQ_FOREACH(lane, &h->lanes, next)
		buf_printf(&ids, "%s%s", ids.len > 1 ? "," : "", lane->endpoint);
	buf_puts(&ids, "}");
	if (ids.failed)
		buf_free(&ids);
	return ids.data;
}

/* Reads what is due. */
static enum db_status
look(struct hooks *h)
{
	char *busy = busy_endpoints(h);
	int *users = calloc(1, sizeof(*users));
	struct db_result *rows = NULL;
	enum db_status status = DB_FAILED;

	if (busy != NULL && users != NULL)
		status = db_call(h->db, FN_WEBHOOK_DUE, 2, (const char *[]){ busy, BATCH }, &rows);
	free(busy);
	if (status == DB_OK)
		for (int row = 0; row < db_rows(rows);)
			row = add_lane(h, rows, users, row);
	if (users == NULL || *users == 0) {	/* nobody has them */
		db_result_free(rows);
		free(users);
	}
	return status;
}

/* Tells of drops that have opened. */
static enum db_status
announce_openings(struct hooks *h)
{
	struct db_result *rows;
	enum db_status status;
	bool more = true;

	do {
		status = db_call(h->db, FN_WEBHOOK_OPENINGS, 0, NULL, &rows);
		more = status == DB_OK && strcmp(db_text(rows, 0, 0), "t") == 0;
		db_result_free(rows);
	} while (more && !ending);
	return status;
}

static void
count_backlog(struct hooks *h)
{
	struct db_result *rows;

	if (db_call(h->db, FN_WEBHOOK_BACKLOG, 0, NULL, &rows) == DB_OK) {
		metrics_set(METRIC_WEBHOOK_BACKLOG, (unsigned long)db_number(rows, 0, 0));
		metrics_set(METRIC_WEBHOOK_OLDEST_S, (unsigned long)db_number(rows, 0, 1));
	}
	db_result_free(rows);
}

/* Deletes what nobody asks for any more, a little at a time. */
static void
keep_house(struct hooks *h)
{
	char days[32];
	struct db_result *rows;
	bool more = true;

	snprintf(days, sizeof(days), "%ld", h->conf.webhook_keep_days);
	for (int i = 0; more && !ending && i < 10; i++) {
		more = db_call(h->db, FN_WEBHOOK_HOUSEKEEP, 2, (const char *[]){ days, OLD_ROWS },
		    &rows) == DB_OK && db_number(rows, 0, 0) > 0;
		db_result_free(rows);
	}
}

/* One look into the outbox, when its time has come. False when the database is away. */
static bool
look_around(struct hooks *h)
{
	int64_t now = clock_ms();

	if (now < h->look_at_ms)
		return true;
	if (announce_openings(h) != DB_OK || look(h) != DB_OK)
		return false;
	h->look_at_ms = now + LOOK_MS;
	metrics_add(METRIC_WEBHOOK_SWEEPS, 1);
	if (now >= h->figures_at_ms) {
		count_backlog(h);
		h->figures_at_ms = now + FIGURES_MS;
	}
	if (!h->kept_house && TAILQ_EMPTY(&h->lanes)) {
		h->kept_house = true;
		keep_house(h);
	}
	return true;
}

/* Lets what is on its way come to its end, for `ms` milliseconds at most. */
static void
drain(struct hooks *h, int64_t ms)
{
	int64_t until = clock_ms() + ms;

	while (h->on_their_way > 0 && clock_ms() < until)
		deliver_wait(h->deliverer, 100);
}

/* What is due now, until nothing is. */
static int
run_once(struct hooks *h)
{
	bool fine, some;

	do {
		h->look_at_ms = 0;
		fine = look_around(h);
		some = !TAILQ_EMPTY(&h->lanes);
		do {
			send_lanes(h);
			deliver_wait(h->deliverer, 100);
		} while (h->on_their_way > 0 && !ending);
	} while (fine && some && !ending);
	count_backlog(h);
	return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* One at a time: waits up to a turn for the lock. Fails only if the database was never there. */
static int
run_for_a_turn(struct hooks *h)
{
	int64_t began = clock_ms(), age = 0;

	for (; !ending && age < LIFE_MS; age = clock_ms() - began) {
		if (age >= TURN_MS && h->on_their_way == 0)
			break;
		if (db_lock(h->db, FN_WEBHOOK_LOCK, &h->turn) != DB_OK) {
			deliver_wait(h->deliverer, AWAY_WAIT_MS);
			continue;
		}
		h->reached = true;
		if (!h->turn.held) {
			deliver_wait(h->deliverer, LOCK_WAIT_MS);
			continue;
		}
		if (!look_around(h)) {
			deliver_wait(h->deliverer, AWAY_WAIT_MS);
			continue;
		}
		send_lanes(h);
		deliver_wait(h->deliverer, LOOK_MS);
	}
	drain(h, ending ? END_WAIT_MS : h->conf.webhook_timeout_seconds * 1000 + 1000);
	return h->reached ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
	struct options o = { .program = "lastpair-webhooks", .usage = usage };
	struct sigaction on_end = { .sa_handler = end };
	struct hooks h = { 0 };
	int i = options_parse(&o, argc, argv), rc = EXIT_FAILURE;
	bool once = i < argc && strcmp(argv[i], "--once") == 0;

	if (i + once < argc)
		options_wrong(&o, "what is '%s'?", argv[i + once]);
	options_conf(&o, &h.conf);
	options_log(&o, &h.conf);
	sigaction(SIGTERM, &on_end, NULL);
	sigaction(SIGINT, &on_end, NULL);
	signal(SIGPIPE, SIG_IGN);
	metrics_open(h.conf.metrics_file);
	TAILQ_INIT(&h.lanes);
	h.db = db_pool_new(h.conf.database, h.conf.database_user_hooks, 1);
	h.deliverer = deliverer_new(&h.conf);
	if (h.db != NULL && h.deliverer != NULL && log_to(h.conf.log_dir, "webhooks"))
		rc = once ? run_once(&h) : run_for_a_turn(&h);
	deliverer_free(h.deliverer);
	lanes_free(&h);
	db_pool_free(h.db);
	conf_free(&h.conf);
	return rc;
}
