/* Reaching PostgreSQL: libpq's own way through a list of hosts waits for one after the
 * other, and by its non-blocking calls (the only ones with a deadline for each step) it
 * waits for a host that is cut off as long as the kernel does. */
#include "connect.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

#define MAX_OPTIONS	16
_Static_assert(CONNECT_MAX_HOSTS == 8, "server_list_wrong() says so");

struct place {
	char *host, *hostaddr, *port;	/* NULL: as the conninfo says */
};

struct server_list {
	char *conninfo;
	const char *attrs;	/* target_session_attrs; static or in `given` */
	PQconninfoOption *given;	/* NULL: not to be taken apart; libpq will say why */
	int count;
	struct place places[CONNECT_MAX_HOSTS];
};

/* One connection on its way. */
struct attempt {
	PGconn *pg;		/* NULL: failed */
	PostgresPollingStatusType want;
};

static const char *
value_of(const PQconninfoOption *options, const char *name)
{
	for (; options != NULL && options->keyword != NULL; options++)
		if (strcmp(options->keyword, name) == 0)
			return options->val;
	return NULL;
}

/* The `n`th part of a list with commas, or its only one; malloc'd, NULL for none. */
static char *
part(const char *list, int n)
{
	if (list == NULL)
		return NULL;
	if (strchr(list, ',') == NULL)
		n = 0;
	for (; n > 0; n--) {
		list = strchr(list, ',');
		if (list == NULL)
			return NULL;
		list++;
	}
	return strndup(list, strcspn(list, ","));
}

static int
parts(const char *list)
{
	int n = list != NULL && *list != '\0';

	for (; list != NULL && *list != '\0'; list++)
		n += *list == ',';
	return n;
}

const char *
server_list_wrong(const char *conninfo)
{
	PQconninfoOption *given = PQconninfoParse(conninfo, NULL);
	const char *wrong = NULL;

	if (given == NULL)
		wrong = "is no connection string of libpq (such as host=db.example dbname=lastpair)";
	else if (parts(value_of(given, "host")) > CONNECT_MAX_HOSTS ||
	    parts(value_of(given, "hostaddr")) > CONNECT_MAX_HOSTS)
		wrong = "names more than 8 hosts";
	PQconninfoFree(given);
	return wrong;
}

struct server_list *
server_list_new(const char *conninfo)
{
	struct server_list *list = calloc(1, sizeof(*list));
	const char *host, *hostaddr, *port, *attrs;

	if (list == NULL || (list->conninfo = strdup(conninfo)) == NULL) {
		free(list);
		return NULL;
	}
	list->given = PQconninfoParse(conninfo, NULL);
	host = value_of(list->given, "host");
	hostaddr = value_of(list->given, "hostaddr");
	port = value_of(list->given, "port");
	attrs = value_of(list->given, "target_session_attrs");
	list->count = parts(host) > parts(hostaddr) ? parts(host) : parts(hostaddr);
	if (list->count > CONNECT_MAX_HOSTS)
		list->count = CONNECT_MAX_HOSTS;
	for (int i = 0; list->count > 1 && i < list->count; i++)
		list->places[i] = (struct place){ part(host, i), part(hostaddr, i), part(port, i) };
	if (list->count < 1)
		list->count = 1;
	/* The event daemon's role is read-only by default, which `read-write` would take for a
	 * standby; `primary` asks for the same and looks at the server alone. */
	if (attrs == NULL)
		attrs = list->count > 1 ? "primary" : "any";
	list->attrs = strcmp(attrs, "read-write") == 0 ? "primary" : attrs;
	return list;
}

void
server_list_free(struct server_list *list)
{
	if (list == NULL)
		return;
	for (int i = 0; i < list->count; i++) {
		free(list->places[i].host);
		free(list->places[i].hostaddr);
		free(list->places[i].port);
	}
	PQconninfoFree(list->given);
	free(list->conninfo);
	free(list);
}

/* Begins to connect to one place. What the conninfo says itself is left as it is. */
static PGconn *
start(const struct server_list *list, const char *user, const struct place *place)
{
	/* A server that is cut off is given up within 5 s, asked or idle. */
	const char *const more[][2] = {
		{ "tcp_user_timeout", "5000" }, { "keepalives_idle", "2" },
		{ "keepalives_interval", "1" }, { "keepalives_count", "3" },
	};
	const char *keys[MAX_OPTIONS] = { "dbname", "user", "application_name",
	    "client_encoding", "target_session_attrs" };
	const char *values[MAX_OPTIONS] = { list->conninfo, user, "lastpair", "UTF8", list->attrs };
	int n = 5;

	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		if (value_of(list->given, more[i][0]) == NULL) {
			keys[n] = more[i][0];
			values[n++] = more[i][1];
		}
	if (list->count > 1) {	/* these come after the conninfo and win */
		keys[n] = "host";
		values[n++] = place->host;
		keys[n] = "hostaddr";
		values[n++] = place->hostaddr;
		keys[n] = "port";
		values[n++] = place->port;
	}
	return PQconnectStartParams(keys, values, 1);
}

/* Notes the first line of what a failed connection says, and ends it. */
static void
give_up(struct attempt *a, char *why, size_t why_len)
{
	const char *text = a->pg != NULL ? PQerrorMessage(a->pg) : "no memory";

	if (*text != '\0')
		snprintf(why, why_len, "%.*s", (int)strcspn(text, "\n"), text);
	PQfinish(a->pg);
	a->pg = NULL;
}

/* Waits until one of them can go on. False at the deadline, or when none is left. */
static bool
wait_for_any(struct pollfd *polls, const struct attempt *all, int count, int64_t deadline_ms)
{
	int64_t left = deadline_ms - clock_ms();
	bool any = false;
	int rc;

	for (int i = 0; i < count; i++) {
		polls[i] = (struct pollfd){ .fd = -1 };
		if (all[i].pg == NULL)
			continue;
		any = true;
		polls[i].fd = PQsocket(all[i].pg);
		polls[i].events = all[i].want == PGRES_POLLING_READING ? POLLIN : POLLOUT;
	}
	if (!any || left <= 0)
		return false;
	rc = poll(polls, (nfds_t)count, (int)left);
	return rc > 0 || (rc < 0 && errno == EINTR);
}

PGconn *
server_connect(const struct server_list *list, const char *user, int64_t deadline_ms,
    char *why, size_t why_len)
{
	struct attempt all[CONNECT_MAX_HOSTS];
	struct pollfd polls[CONNECT_MAX_HOSTS];
	PGconn *won = NULL;

	snprintf(why, why_len, "no answer in time");
	for (int i = 0; i < list->count; i++) {
		all[i] = (struct attempt){ start(list, user, &list->places[i]),
		    PGRES_POLLING_WRITING };
		if (all[i].pg == NULL || PQstatus(all[i].pg) == CONNECTION_BAD)
			give_up(&all[i], why, why_len);
	}
	while (won == NULL && wait_for_any(polls, all, list->count, deadline_ms))
		for (int i = 0; i < list->count && won == NULL; i++) {
			if (all[i].pg == NULL || polls[i].revents == 0)
				continue;
			all[i].want = PQconnectPoll(all[i].pg);
			if (all[i].want == PGRES_POLLING_FAILED)
				give_up(&all[i], why, why_len);
			if (all[i].want != PGRES_POLLING_OK)
				continue;
			won = all[i].pg;
			all[i].pg = NULL;
		}
	for (int i = 0; i < list->count; i++)
		PQfinish(all[i].pg);
	return won;
}
