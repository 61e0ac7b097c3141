/* Many rows at once. */
#include "copy.h"

#include <string.h>

#include "ctl.h"

void
copy_field(struct buf *b, const char *s, char end)
{
	if (s == NULL)
		buf_puts(b, "\\N");
	for (; s != NULL && *s != '\0'; s++) {
		static const char special[] = "\\\n\r\t", letters[] = "\\nrt";
		const char *at = strchr(special, *s);

		if (at != NULL) {
			buf_add(b, "\\", 1);
			buf_add(b, letters + (at - special), 1);
		} else {
			buf_add(b, s, 1);
		}
	}
	buf_add(b, &end, 1);
}

bool
copy_in(PGconn *pg, const char *sql, const struct buf *lines)
{
	PGresult *r = PQexec(pg, sql);
	bool ok = PQresultStatus(r) == PGRES_COPY_IN;

	PQclear(r);
	for (size_t sent = 0; ok && sent < lines->len;) {
		size_t len = lines->len - sent < 1048576 ? lines->len - sent : 1048576;

		ok = PQputCopyData(pg, lines->data + sent, (int)len) == 1;
		sent += len;
	}
	ok = PQputCopyEnd(pg, ok ? NULL : "failed") == 1 && ok;
	while ((r = PQgetResult(pg)) != NULL) {
		ok = ok && PQresultStatus(r) == PGRES_COMMAND_OK;
		PQclear(r);
	}
	if (!ok)
		ctl_fail("%.*s", (int)strcspn(PQerrorMessage(pg), "\n"), PQerrorMessage(pg));
	return ok;
}
