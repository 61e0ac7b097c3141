/* lastpairctl drop: making and listing drops. */
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "form.h"

#define MAX_DOCUMENT 65536	/* as over HTTP */

/* Makes the drop of a checked document; prints it and tells everybody. */
static int
make(struct ctl *ctl, const char *document)
{
	PGconn *pg = ctl_connect(ctl);
	PGresult *r;
	int rc = EXIT_FAILURE;

	if (pg == NULL)
		return EXIT_FAILURE;
	r = ctl_query(pg, "SELECT body, array_to_string(events, E'\\n') FROM "
	    "(SELECT lastpair.drop_make($1)) m (id), lastpair.drop_reply(m.id, 201, 'drop:created') "
	    "WHERE m.id IS NOT NULL", 1, &document);
	if (r != NULL && PQntuples(r) == 0) {
		ctl_fail("dropEndsAt: A drop ends after it starts.");
	} else if (r != NULL) {
		puts(PQgetvalue(r, 0, 0));
		ctl_publish(ctl, PQgetvalue(r, 0, 1));
		rc = EXIT_SUCCESS;
	}
	PQclear(r);
	PQfinish(pg);
	return rc;
}

int
cmd_drop_create(struct ctl *ctl)
{
	struct arena *arena = arena_new();
	struct form form = { .arena = arena };
	struct buf text = { 0 };
	int rc = EXIT_FAILURE;

	if (ctl_read(ctl->argc == 1 ? ctl->argv[0] : "-", MAX_DOCUMENT, &text)) {
		if (form_drop(&form, text.data, text.len, true))
			rc = make(ctl, json_object_to_json_string_ext(form.json,
			    JSON_C_TO_STRING_PLAIN));
		for (int i = 0; i < form.error_count; i++)
			ctl_fail("%s%s%s", form.errors[i].field,
			    form.errors[i].field[0] != '\0' ? ": " : "", form.errors[i].message);
	}
	buf_free(&text);
	arena_free(arena);
	return rc;
}

/* The API's pages, one after the other, as one list. */
int
cmd_drop_list(struct ctl *ctl)
{
	PGconn *pg = ctl_connect(ctl);
	PGresult *r;

	if (pg == NULL)
		return EXIT_FAILURE;
	r = ctl_query(pg, "SELECT body FROM api.drop_list(NULL, 1000000, NULL)", 0, NULL);
	if (r != NULL)
		puts(PQgetvalue(r, 0, 0));
	PQclear(r);
	PQfinish(pg);
	return r != NULL ? EXIT_SUCCESS : EXIT_FAILURE;
}
