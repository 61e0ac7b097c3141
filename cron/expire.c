/* lastpair-expire: returns lapsed holds to the shelf. Cron starts one each minute; it
 * stays for its minute and wakes at each deadline, so that a pair is back within a
 * fraction of a second. Nobody depends on it for what is right: a lapsed hold can't be
 * bought, and whoever reserves next reclaims it. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "db.h"
#include "log.h"
#include "metrics.h"
#include "options.h"
#include "publish.h"

/* A little longer than the minute: the next one waits for the lock meanwhile, and takes
 * over without a gap. */
#define LIFE_MS		62000
#define LOCK_WAIT_MS	250	/* between looks whether the one before has ended */
#define AWAY_WAIT_MS	500	/* while the database is away */
#define HEARTBEAT_MS	1000
#define MAX_SLEEP_MS	500	/* below the shortest hold, so that no new one is missed */
#define BATCH		"500"	/* holds a transaction */
#define OLD_ROWS	"1000"	/* of each kind, a transaction of housekeeping */

static const char usage[] =
"Usage: lastpair-expire [-c FILE] [--once]\n"
"Returns lapsed holds to the shelf for a minute, each as it lapses, and tells the event\n"
"daemon. Made to be started by cron every minute; two at once do no harm: one waits.\n\n"
"  --once   one sweep over what has lapsed, then end";

struct expiry {
	struct conf conf;
	struct db_pool *db;
	struct publisher *publisher;
	struct db_lock turn;	/* held by the one that expires now */
	int64_t beat_at_ms;
};

static volatile sig_atomic_t ending;

static void
end(int sig)
{
	(void)sig;
	ending = 1;
}

/* One drop's lapsed holds. Sets how many there were, and how long until the next. */
static enum db_status
sweep(struct expiry *e, long *expired, int64_t *wait_ms)
{
	struct db_result *rows;
	enum db_status status = db_call(e->db, FN_EXPIRE, 1, (const char *[]){ BATCH }, &rows);

	*expired = 0;
	*wait_ms = MAX_SLEEP_MS;
	if (status != DB_OK)
		return status;
	*expired = (long)db_number(rows, 0, 0);
	if (db_text(rows, 0, 1) != NULL && db_number(rows, 0, 1) < MAX_SLEEP_MS)
		*wait_ms = db_number(rows, 0, 1);
	metrics_add(METRIC_EXPIRY_SWEEPS, 1);
	metrics_set(METRIC_EXPIRY_SWEPT_AT, (unsigned long)(clock_wall_ms() / 1000));
	if (*expired > 0) {
		metrics_add(METRIC_EXPIRED, (unsigned long)*expired);
		metrics_waited(WAIT_EXPIRY, db_number(rows, 0, 2) * 1000);
		log_info("returned %ld lapsed holds, the oldest %lld ms after its time", *expired,
		    db_number(rows, 0, 2));
	}
	publish_lines(e->publisher, db_text(rows, 0, 3));
	db_result_free(rows);
	return DB_OK;
}

/* Deletes what nobody asks for any more, a little at a time. */
static void
housekeep(struct expiry *e)
{
	struct db_result *rows;
	bool more = true;

	for (int i = 0; more && !ending && i < 10; i++) {
		more = db_call(e->db, FN_HOUSEKEEP, 1, (const char *[]){ OLD_ROWS }, &rows) == DB_OK &&
		    db_number(rows, 0, 0) > 0;
		db_result_free(rows);
	}
}

static int
run_once(struct expiry *e)
{
	enum db_status status;
	int64_t wait_ms;
	long expired;

	do
		status = sweep(e, &expired, &wait_ms);
	while (status == DB_OK && (expired > 0 || wait_ms == 0) && !ending);
	return status == DB_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Once a second where listings may come from a standby. */
static void
heartbeat(struct expiry *e)
{
	struct db_result *rows;

	if (e->conf.read_database[0] == '\0' || clock_ms() < e->beat_at_ms)
		return;
	e->beat_at_ms = clock_ms() + HEARTBEAT_MS;
	db_call(e->db, FN_HEARTBEAT, 0, NULL, &rows);
	db_result_free(rows);
}

/* Fails only if the database was never there. */
static int
run_for_a_minute(struct expiry *e)
{
	int64_t until = clock_ms() + LIFE_MS, wait_ms;
	bool reached = false, kept = false;
	long expired;

	while (!ending && clock_ms() < until) {
		if (db_lock(e->db, FN_EXPIRY_LOCK, &e->turn) != DB_OK) {
			clock_sleep_ms(AWAY_WAIT_MS);
			continue;
		}
		reached = true;
		if (!e->turn.held) {
			clock_sleep_ms(LOCK_WAIT_MS);
			continue;
		}
		if (sweep(e, &expired, &wait_ms) != DB_OK) {
			clock_sleep_ms(AWAY_WAIT_MS);
			continue;
		}
		heartbeat(e);
		if (expired == 0 && !kept) {
			kept = true;
			housekeep(e);
		} else if (expired == 0) {
			clock_sleep_ms(wait_ms);
		}
	}
	return reached ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
	struct options o = { .program = "lastpair-expire", .usage = usage };
	struct sigaction on_end = { .sa_handler = end };
	struct expiry e = { 0 };
	int i = options_parse(&o, argc, argv), rc = EXIT_FAILURE;
	bool once = i < argc && strcmp(argv[i], "--once") == 0;

	if (i + once < argc)
		options_wrong(&o, "what is '%s'?", argv[i + once]);
	options_conf(&o, &e.conf);
	options_log(&o, &e.conf);
	sigaction(SIGTERM, &on_end, NULL);
	sigaction(SIGINT, &on_end, NULL);
	signal(SIGPIPE, SIG_IGN);
	metrics_open(e.conf.metrics_file);
	e.db = db_pool_new(e.conf.database, e.conf.database_user_api, 1);
	e.publisher = publisher_new(&e.conf);
	if (e.db != NULL && e.publisher != NULL && log_to(e.conf.log_dir, "expire"))
		rc = once ? run_once(&e) : run_for_a_minute(&e);
	publisher_free(e.publisher);
	db_pool_free(e.db);
	conf_free(&e.conf);
	return rc;
}
