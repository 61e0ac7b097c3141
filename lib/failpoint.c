/* Fail points: see failpoint.h. The file is read at every point, since tests are in no hurry. */
#include "failpoint.h"

#ifdef LP_FAILPOINTS

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

/* The count that is armed for the point; 0 where it is not. */
static int
armed(const char *file, const char *point, const char *where)
{
	char text[200] = "", wanted[200];
	int len = snprintf(wanted, sizeof(wanted), "%s %s ", point, where);
	FILE *f = file != NULL ? fopen(file, "re") : NULL;
	bool ok = f != NULL && fgets(text, sizeof(text), f) != NULL &&
	    strncmp(text, wanted, (size_t)len) == 0;

	if (f != NULL)
		fclose(f);
	return ok ? (int)strtol(text + len, NULL, 10) : 0;
}

bool
failpoint_armed(const char *point, const char *where)
{
	return armed(getenv("LASTPAIR_FAILPOINT"), point, where) > 0;
}

void
failpoint(const char *point, const char *where)
{
	static atomic_int came;
	const char *file = getenv("LASTPAIR_FAILPOINT");
	int count = armed(file, point, where);

	if (count == 0 || atomic_fetch_add(&came, 1) + 1 < count)
		return;
	if (unlink(file) != 0)	/* another process was first */
		return;
	log_info("fail point %s of %s", point, where);
	raise(SIGKILL);
}

#endif
