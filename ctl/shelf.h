/* The open drops with their stock, as the database has them. */
#ifndef CTL_SHELF_H
#define CTL_SHELF_H

#include <stdbool.h>

#include "ctl.h"

#define SHELF_MAX	100	/* drops */
#define SHELF_NAME	160	/* bytes of a name, with the NUL */

struct shelf_drop {
	long long id, available, reserved, sold, total;
	char name[SHELF_NAME], status[16];
};

struct shelf {
	PGconn *pg;		/* NULL: not connected */
	bool ok;		/* what follows is the database's last word */
	double overdue_s;	/* since the oldest hold lapsed that was not returned */
	int count, more;	/* drops here, and open ones that did not fit */
	struct shelf_drop drops[SHELF_MAX];
};

/* Reads it anew, connecting if need be, in some seconds at most. Zero-initialise it before the
 * first time, and end with shelf_close(). */
void shelf_read(struct shelf *s, const struct ctl *ctl);
void shelf_close(struct shelf *s);

#endif
