/* Settings: one file of `name = value` lines, one table of what may stand in it. */
#ifndef LP_CONF_H
#define LP_CONF_H

#include <stdbool.h>
#include <stdio.h>

#include "buf.h"

#define CONF_MAX 64	/* settings at most */

/* Every setting, as conf.c's table describes it. Texts are owned by the conf. What is _Atomic can
 * change in a running program, while any thread reads it; the rest stays as it was loaded. */
struct conf {
	char *database;			/* libpq conninfo without a user */
	char *database_user_api;
	char *database_user_sse;
	char *database_user_owner;
	char *database_user_hooks;
	long database_pool;		/* connections a worker process */
	char *read_database;		/* the same for listings; empty: `database` */
	char *redis_socket;		/* path; empty: nothing is published */
	char *redis_channel;
	char *redis_sentinels;		/* HOST:PORT ...; empty: redis_socket counts */
	char *redis_master;
	char *redis_password_file;	/* path; empty: Redis is told no password */
	char *signing_key_file;
	char *signing_key_previous_file;
	_Atomic long session_seconds;
	long bcrypt_cost;
	_Atomic long signin_failures;	/* in signin_window_seconds, an account */
	_Atomic long signin_window_seconds;
	bool cookie_secure;
	long worker_threads;		/* a process */
	_Atomic long worker_queue;
	long signin_threads;		/* a process of the sign-in pool */
	_Atomic long reserve_batch;
	_Atomic long reserve_queue;
	_Atomic long reserve_wait_ms;	/* 0: as long as it takes */
	char *metrics_file;
	char *sse_socket;
	char *sse_admin_socket;
	char *sse_listen;		/* ADDRESS:PORT; empty: not directly */
	char *sse_origins;
	long sse_threads;
	_Atomic long sse_max_subscribers;
	_Atomic long sse_tick_ms;
	long sse_log_kib;
	long sse_heartbeat_seconds;
	bool webhook_private;		/* deliver to private networks, too */
	char *webhook_ca_file;		/* empty: the system's */
	long webhook_timeout_seconds;
	long webhook_connections;
	long webhook_retry_hours;
	long webhook_keep_days;
	char *sql_dir;
	char *log_dir;			/* folder; empty: standard error */
	_Atomic long log_level, log_format;	/* enum log_level, enum log_format */
	int line[CONF_MAX];		/* where each setting stands in the file; 0: nowhere */
};

/* Reads `path` over the defaults. False after a line on standard error for each line of the
 * file that is wrong: it names the file, the line and what is wrong with it. */
bool conf_load(struct conf *conf, const char *path);

/* Reads `path` again and takes over the settings that can change in a running program; each
 * change, and each that wants a restart, is a line in the log. With a file that is wrong all
 * stays as it is: false, and the log says why. For one thread at a time. */
bool conf_reload(struct conf *conf, const char *path);

/* Gives back the texts; a zeroed conf is harmless. */
void conf_free(struct conf *conf);

/* One setting, for those who print them. */
struct conf_setting {
	const char *name, *unit;	/* unit: NULL for none */
	int line;			/* 0: it has its default */
};

/* Describes setting `i` and appends its value as it would stand in the file; false behind the last. */
bool conf_setting(const struct conf *conf, int i, struct conf_setting *s, struct buf *value);

/* Prints each setting with its default, range, unit and meaning. */
void conf_help(FILE *out);

#endif
