/* lastpairctl audit, db: the database as a whole. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"

int
cmd_audit(struct ctl *ctl)
{
	PGconn *pg = ctl_connect(ctl);
	PGresult *r;
	int breaches = 0, rows;

	if (pg == NULL)
		return EXIT_FAILURE;
	r = ctl_query(pg, "SELECT * FROM lastpair.audit()", 0, NULL);
	rows = r != NULL ? PQntuples(r) : 0;
	for (int i = 0; i < rows; i++) {
		const char *wrong = PQgetvalue(r, i, 2);

		if (strcmp(wrong, "0") != 0)
			breaches++;
		printf("%-6s  %s: %s%s%s\n", strcmp(wrong, "0") == 0 ? "ok" : "BREACH",
		    PQgetvalue(r, i, 0), PQgetvalue(r, i, 1),
		    strcmp(wrong, "0") == 0 ? "" : ", wrong: ",
		    strcmp(wrong, "0") == 0 ? "" : wrong);
	}
	PQclear(r);
	PQfinish(pg);
	if (r == NULL)
		return EXIT_FAILURE;
	if (breaches > 0)
		return ctl_fail("%d of %d checks found a breach", breaches, rows);
	return EXIT_SUCCESS;
}

int
cmd_db(struct ctl *ctl)
{
	char **args = calloc((size_t)ctl->argc + 6, sizeof(*args));

	if (args == NULL)
		return ctl_fail("out of memory");
	args[0] = (char *)"psql";
	args[1] = (char *)"-d";
	args[2] = ctl->conf.database;
	args[3] = (char *)"-U";
	args[4] = ctl->conf.database_user_owner;
	memcpy(args + 5, ctl->argv, (size_t)ctl->argc * sizeof(*args));
	execvp("psql", args);
	ctl_fail("psql: %s (install postgresql-client)", strerror(errno));
	free(args);
	return EXIT_FAILURE;
}
