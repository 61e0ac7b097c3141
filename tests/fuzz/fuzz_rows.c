/* The rows the daemon's reader takes apart: a line each, DROP, VERSION and the drop, parted by
 * tabs; or SESSION and USER. */
#include "../../sse/reader.c"

#include <libpq-fe.h>

#include "fuzz.h"

#define COLUMNS 3

/* Rows as libpq would hold them; a field that is not there is NULL. */
static PGresult *
take_rows(struct fuzz_input *in)
{
	char names[COLUMNS][2] = { "a", "b", "c" };
	PGresAttDesc columns[COLUMNS] = { { .name = names[0] }, { .name = names[1] },
	    { .name = names[2] } };
	PGresult *r = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	char *line, *rest, *field;

	must(r != NULL && PQsetResultAttrs(r, COLUMNS, columns));
	for (int row = 0; (line = fuzz_line(in, NULL)) != NULL; row++) {
		rest = line;
		for (int i = 0; i < COLUMNS; i++) {
			field = i < COLUMNS - 1 ? strsep(&rest, "\t") : rest;
			must(PQsetvalue(r, row, i, field, field != NULL ? (int)strlen(field) : -1));
		}
		free(line);
	}
	return r;
}

static void
check_row(const struct db_result *rows, int row)
{
	struct drop_news news;

	take_row(rows, row, &news);
	must(news.drop == db_number(rows, row, 0) && news.version == db_number(rows, row, 1));
	must(news.full == (news.json != NULL) && (!news.full || news.stock.count > 0));
	must(news.full || news.recent_count == 0);
	drop_news_free(&news);
}

static void
check_sessions(const struct db_result *rows)
{
	struct session_answer answer = { 0 };

	must(take_sessions(rows, &answer));
	must(answer.count <= db_rows(rows));
	for (int i = 0; i < answer.count; i++) {
		char text[UUID_TEXT_LEN];
		unsigned char id[SESSION_LEN];

		session_text(answer.sessions[i].id, text);
		must(session_id(text, id) && memcmp(id, answer.sessions[i].id, sizeof(id)) == 0);
		must(i == 0 || session_order(&answer.sessions[i - 1], &answer.sessions[i]) <= 0);
	}
	free(answer.sessions);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	PGresult *r = take_rows(&in);
	struct db_result *rows = (struct db_result *)r;

	for (int i = 0; i < db_rows(rows); i++)
		check_row(rows, i);
	check_sessions(rows);
	db_result_free(rows);
	return 0;
}
