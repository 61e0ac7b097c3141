/* Reading the open drops. */
#include "shelf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Those that sell first, then the newest; a drop keeps its place while it stays as it is. */
static const char drops_sql[] =
	"SELECT id, name, status, available, reserved, sold, total, count(*) OVER () "
	"FROM (SELECT o.id, o.name, o.ends_at, s.*, "
	"             lastpair.drop_status(o, s.total, s.sold, clock_timestamp()) AS status "
	"        FROM lastpair.drops o CROSS JOIN LATERAL ("
	"             SELECT sum(available)::bigint AS available, sum(reserved)::bigint AS reserved, "
	"                    sum(sold)::bigint AS sold, sum(total)::bigint AS total "
	"               FROM lastpair.stock WHERE drop_id = o.id) s) d "
	"WHERE ends_at IS NULL OR ends_at > clock_timestamp() - interval '1 hour' OR reserved > 0 "
	"ORDER BY array_position('{live,upcoming,paused,sold_out,ended}', status::text), id DESC "
	"LIMIT 100";

static bool
connect_quietly(struct shelf *s, const struct ctl *ctl)
{
	const char *keys[] = { "dbname", "user", "application_name", "client_encoding",
	    "connect_timeout", "options", NULL };
	const char *values[] = { ctl->conf.database, ctl->conf.database_user_owner,
	    "lastpairctl top", "UTF8", "2", "-c statement_timeout=2000", NULL };

	if (s->pg != NULL && PQstatus(s->pg) == CONNECTION_OK)
		return true;
	shelf_close(s);
	s->pg = PQconnectdbParams(keys, values, 1);
	return s->pg != NULL && PQstatus(s->pg) == CONNECTION_OK;
}

static long long
number(const PGresult *r, int row, int column)
{
	return strtoll(PQgetvalue(r, row, column), NULL, 10);
}

static void
take_drop(struct shelf_drop *d, const PGresult *r, int row)
{
	d->id = number(r, row, 0);
	snprintf(d->name, sizeof(d->name), "%s", PQgetvalue(r, row, 1));
	snprintf(d->status, sizeof(d->status), "%s", PQgetvalue(r, row, 2));
	d->available = number(r, row, 3);
	d->reserved = number(r, row, 4);
	d->sold = number(r, row, 5);
	d->total = number(r, row, 6);
}

void
shelf_read(struct shelf *s, const struct ctl *ctl)
{
	PGresult *drops, *overdue;

	s->ok = false;
	if (!connect_quietly(s, ctl))
		return;
	drops = PQexec(s->pg, drops_sql);
	overdue = PQexec(s->pg, "SELECT api.overdue()");
	s->ok = PQresultStatus(drops) == PGRES_TUPLES_OK &&
	    PQresultStatus(overdue) == PGRES_TUPLES_OK;
	if (s->ok) {
		s->overdue_s = strtod(PQgetvalue(overdue, 0, 0), NULL);
		s->count = PQntuples(drops) < SHELF_MAX ? PQntuples(drops) : SHELF_MAX;
		s->more = s->count > 0 ? (int)number(drops, 0, 7) - s->count : 0;
		for (int i = 0; i < s->count; i++)
			take_drop(&s->drops[i], drops, i);
	}
	PQclear(drops);
	PQclear(overdue);
}

void
shelf_close(struct shelf *s)
{
	PQfinish(s->pg);
	s->pg = NULL;
}
