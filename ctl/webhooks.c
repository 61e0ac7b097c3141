/* lastpairctl webhook: where events are delivered, and what became of them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "ctl.h"
#include "uuid.h"
#include "webhook.h"

#define TEST_WAIT_MS	15000	/* for the delivery of a test event */
#define SHOWN		"200"	/* events of one endpoint */

/* The id on the command line; false after a message. */
static bool
is_id(const char *s)
{
	if (strspn(s, "0123456789") == strlen(s) && *s != '\0' && strlen(s) <= 18)
		return true;
	ctl_fail("'%s' is no endpoint's number; lastpairctl webhook list shows them", s);
	return false;
}

/* Runs one statement for an endpoint that must be there. False after a message. */
static bool
change(PGconn *pg, const char *sql, int count, const char *const *params)
{
	PGresult *r = ctl_query(pg, sql, count, params);
	bool found = r != NULL && PQntuples(r) > 0;

	if (r != NULL && !found)
		ctl_fail("there is no endpoint %s; lastpairctl webhook list shows them", params[0]);
	PQclear(r);
	return found;
}

/* --events sale,sold_out as a PostgreSQL array. NULL after a message. */
static char *
event_list(const char *list)
{
	static const char *const known[] = { "sale", "sold_out", "drop_opened" };
	struct buf array = { 0 };

	buf_puts(&array, "{");
	for (const char *s = list; *s != '\0';) {
		size_t len = strcspn(s, ",");
		bool fine = false;

		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			fine = fine || (strlen(known[i]) == len && memcmp(known[i], s, len) == 0);
		if (!fine) {
			ctl_fail("--events: there is no event '%.*s'; there are sale, sold_out and drop_opened",
			    (int)len, s);
			buf_free(&array);
			return NULL;
		}
		buf_printf(&array, "%s%.*s", array.len > 1 ? "," : "", (int)len, s);
		s += len + (s[len] == ',');
	}
	buf_puts(&array, "}");
	if (array.failed || array.len == 2) {
		ctl_fail("--events: name one event at least");
		buf_free(&array);
	}
	return array.data;
}

int
cmd_webhook_add(struct ctl *ctl)
{
	const char *url = ctl->argv[0], *wrong = webhook_url_wrong(url);
	char secret[WEBHOOK_SECRET_LEN], *events;
	PGconn *pg = NULL;
	PGresult *r = NULL;

	if (ctl->argc == 2 || (ctl->argc == 3 && strcmp(ctl->argv[1], "--events") != 0))
		options_wrong(ctl->options, "webhook add URL [--events LIST]");
	if (wrong != NULL)
		return ctl_fail("%s: %s", url, wrong);
	events = event_list(ctl->argc == 3 ? ctl->argv[2] : "sale,sold_out,drop_opened");
	if (events == NULL)
		return EXIT_FAILURE;
	webhook_secret_new(secret);
	pg = ctl_connect(ctl);
	if (pg != NULL)
		r = ctl_query(pg, "INSERT INTO lastpair.webhook_endpoints (url, events, secret, created_at, next_at) "
		    "SELECT $1, array_agg(DISTINCT e), $3, t, t FROM unnest($2::text[]) e, clock_timestamp() t "
		    "GROUP BY t RETURNING id", 3, (const char *[]){ url, events, secret });
	if (r != NULL)
		printf("endpoint %s\nsecret %s\n", PQgetvalue(r, 0, 0), secret);
	if (r != NULL)
		fputs("The secret is not shown again; webhook rotate makes a new one.\n", stderr);
	free(events);
	PQclear(r);
	PQfinish(pg);
	return r != NULL ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* A new secret; the one before goes on signing as well for a day. */
int
cmd_webhook_rotate(struct ctl *ctl)
{
	char secret[WEBHOOK_SECRET_LEN];
	PGconn *pg;
	bool ok;

	if (!is_id(ctl->argv[0]))
		return EXIT_FAILURE;
	webhook_secret_new(secret);
	pg = ctl_connect(ctl);
	ok = pg != NULL && change(pg, "UPDATE lastpair.webhook_endpoints SET old_secret = secret, "
	    "old_secret_until = clock_timestamp() + interval '24 hours', secret = $2 WHERE id = $1 RETURNING id",
	    2, (const char *[]){ ctl->argv[0], secret });
	if (ok)
		printf("secret %s\n", secret);
	PQfinish(pg);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
cmd_webhook_remove(struct ctl *ctl)
{
	PGconn *pg;
	bool ok;

	if (!is_id(ctl->argv[0]))
		return EXIT_FAILURE;
	pg = ctl_connect(ctl);
	ok = pg != NULL && change(pg, "WITH gone AS (DELETE FROM lastpair.webhook_endpoints WHERE id = $1 RETURNING id), "
	    "w AS (DELETE FROM lastpair.webhook_deliveries d USING gone WHERE d.endpoint_id = gone.id) "
	    "SELECT id FROM gone", 1, (const char *[]){ ctl->argv[0] });
	PQfinish(pg);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Prints all rows, the columns parted by tabs, under a line of their names. */
static int
print_table(PGconn *pg, const char *sql, int count, const char *const *params)
{
	PGresult *r = ctl_query(pg, sql, count, params);

	for (int row = -1; r != NULL && row < PQntuples(r); row++)
		for (int i = 0; i < PQnfields(r); i++)
			printf("%s%s", row < 0 ? PQfname(r, i) : PQgetvalue(r, row, i),
			    i + 1 < PQnfields(r) ? "\t" : "\n");
	PQclear(r);
	return r != NULL ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* All endpoints; or what waits for one of them, what was given up, and its newest deliveries. */
int
cmd_webhook_list(struct ctl *ctl)
{
	const char *id = ctl->argc == 1 ? ctl->argv[0] : NULL;
	PGconn *pg;
	int rc = EXIT_FAILURE;

	if (id != NULL && !is_id(id))
		return EXIT_FAILURE;
	pg = ctl_connect(ctl);
	if (pg != NULL && id == NULL)
		rc = print_table(pg, "SELECT e.id, e.url, array_to_string(e.events, ',') AS events, "
		    "w.delivered, w.pending, w.failed, "
		    "coalesce(lastpair.stamp(e.failing_since), '-') AS \"failing since\" "
		    "FROM lastpair.webhook_endpoints e CROSS JOIN LATERAL ("
		    "SELECT count(*) FILTER (WHERE status = 'delivered') AS delivered, "
		    "count(*) FILTER (WHERE status = 'pending') AS pending, "
		    "count(*) FILTER (WHERE status = 'failed') AS failed "
		    "FROM lastpair.webhook_deliveries d WHERE d.endpoint_id = e.id) w ORDER BY e.id", 0, NULL);
	else if (pg != NULL && change(pg, "SELECT id FROM lastpair.webhook_endpoints WHERE id = $1", 1, &id))
		rc = print_table(pg, "SELECT v.id AS event, v.type, lastpair.stamp(v.created_at) AS created, "
		    "d.status, d.tries, coalesce(d.answer, '-') AS answer FROM lastpair.webhook_deliveries d "
		    "JOIN lastpair.webhook_events v ON v.id = d.event_id WHERE d.endpoint_id = $1 "
		    "ORDER BY array_position(ARRAY['failed', 'pending', 'delivered'], d.status), d.number DESC LIMIT " SHOWN,
		    1, &id);
	PQfinish(pg);
	return rc;
}

/* Sends an event of the type `test` by the usual way, and waits for what comes of it. */
int
cmd_webhook_test(struct ctl *ctl)
{
	const char *id = ctl->argv[0];
	int64_t until = clock_ms() + TEST_WAIT_MS;
	char event[UUID_TEXT_LEN] = "", status[16] = "", answer[256] = "";
	PGconn *pg = is_id(id) ? ctl_connect(ctl) : NULL;
	PGresult *r;

	if (pg == NULL)
		return EXIT_FAILURE;
	r = ctl_query(pg, "SELECT lastpair.webhook_emit('test', NULL, '{}', lastpair.now_ms(), p_endpoint => $1)", 1, &id);
	if (r != NULL && PQgetisnull(r, 0, 0))
		ctl_fail("there is no endpoint %s; lastpairctl webhook list shows them", id);
	else if (r != NULL)
		snprintf(event, sizeof(event), "%s", PQgetvalue(r, 0, 0));
	PQclear(r);
	while (event[0] != '\0' && answer[0] == '\0' && clock_ms() < until) {
		clock_sleep_ms(100);
		r = ctl_query(pg, "SELECT status, answer FROM lastpair.webhook_deliveries WHERE event_id = $1 AND endpoint_id = $2",
		    2, (const char *[]){ event, id });
		if (r != NULL && PQntuples(r) == 1) {
			snprintf(status, sizeof(status), "%s", PQgetvalue(r, 0, 0));
			snprintf(answer, sizeof(answer), "%s", PQgetvalue(r, 0, 1));
		}
		PQclear(r);
	}
	PQfinish(pg);
	if (event[0] == '\0')
		return EXIT_FAILURE;
	if (answer[0] == '\0')
		return ctl_fail("event %s was not tried in %d s: does lastpair-webhooks run, and is the endpoint "
		    "not failing (webhook list)?", event, TEST_WAIT_MS / 1000);
	if (strcmp(status, "delivered") != 0)
		return ctl_fail("event %s: %s; it is tried again", event, answer);
	printf("event %s delivered: %s\n", event, answer);
	return EXIT_SUCCESS;
}

/* One event again, or all that were given up. */
int
cmd_webhook_replay(struct ctl *ctl)
{
	const char *params[2] = { ctl->argv[0], ctl->argc == 2 ? ctl->argv[1] : NULL };
	PGconn *pg;
	PGresult *r = NULL;
	long count = 0;

	if (!is_id(params[0]))
		return EXIT_FAILURE;
	if (params[1] != NULL && !uuid_valid(params[1]))
		return ctl_fail("'%s' is no event's id; webhook list %s shows them", params[1], params[0]);
	pg = ctl_connect(ctl);
	/* The endpoint is tried at once, too. */
	if (pg != NULL && change(pg, "UPDATE lastpair.webhook_endpoints SET next_at = clock_timestamp() "
	    "WHERE id = $1 RETURNING id", 1, params))
		r = ctl_query(pg, "UPDATE lastpair.webhook_deliveries SET status = 'pending', tries = 0, late = false, "
		    "since = clock_timestamp(), next_at = clock_timestamp() WHERE endpoint_id = $1 "
		    "AND CASE WHEN $2::uuid IS NULL THEN status = 'failed' ELSE event_id = $2::uuid END", 2, params);
	if (r != NULL)
		count = strtol(PQcmdTuples(r), NULL, 10);
	PQclear(r);
	PQfinish(pg);
	if (r == NULL)
		return EXIT_FAILURE;
	if (count == 0 && params[1] != NULL)
		return ctl_fail("endpoint %s has no event %s", params[0], params[1]);
	printf("%ld to be delivered again\n", count);
	return EXIT_SUCCESS;
}
