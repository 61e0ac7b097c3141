/* What the commands of lastpairctl share. */
#ifndef LP_CTL_H
#define LP_CTL_H

#include <libpq-fe.h>
#include <stdbool.h>

#include "buf.h"
#include "conf.h"
#include "options.h"

/* A command: its arguments follow its name; the return value is the exit status. */
struct ctl {
	const struct options *options;
	struct conf conf;
	int argc;		/* of what follows the command's name */
	char **argv;
};

typedef int command(struct ctl *ctl);

command cmd_migrate;						/* migrate.c */
command cmd_audit, cmd_db;					/* store.c */
command cmd_user_create, cmd_user_import, cmd_user_revoke, cmd_token;	/* users.c */
command cmd_config;						/* config.c */
command cmd_top;						/* top.c */
command cmd_import;						/* import.c */
command cmd_drop_create, cmd_drop_list;				/* drops.c */
command cmd_webhook_add, cmd_webhook_list, cmd_webhook_remove, cmd_webhook_replay,
    cmd_webhook_rotate, cmd_webhook_test;			/* webhooks.c */

/* Connects to the store's database as its owner. NULL after a line on standard error. */
PGconn *ctl_connect(const struct ctl *ctl);

/* Runs one statement with text parameters. NULL after a line on standard error; else the
 * caller's, by PQclear(). */
PGresult *ctl_query(PGconn *pg, const char *sql, int count, const char *const *params);

/* The same for a statement whose answer is nobody's. False after a line on standard error. */
bool ctl_do(PGconn *pg, const char *sql);

/* Reads the whole of a file, or of standard input for "-", of at most `max` bytes. False
 * after a line on standard error. Give `out` back by buf_free() either way. */
bool ctl_read(const char *path, size_t max, struct buf *out);

/* Hands `messages` (a line each) to Redis; says so when they did not get there. */
void ctl_publish(const struct ctl *ctl, const char *messages);

/* "lastpairctl: message" on standard error; returns EXIT_FAILURE. */
int ctl_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
