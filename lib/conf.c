/* The table of settings and the reader of the settings file. */
#include "conf.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum type { TEXT, NUMBER, YESNO };

struct setting {
	const char *name;
	enum type type;
	size_t offset;
	const char *fallback;	/* as it would stand in the file */
	long min, max;		/* of a NUMBER */
	const char *unit, *help;
};

#define AT(field) .name = #field, .offset = offsetof(struct conf, field)

static const struct setting settings[] = {
	{ AT(database), .fallback = "dbname=lastpair",
	  .help = "how to reach PostgreSQL (libpq conninfo without a user; several hosts allowed)" },
	{ AT(database_user_api), .fallback = "lastpair_api",
	  .help = "role of the workers and the expiry: may only execute" },
	{ AT(database_user_sse), .fallback = "lastpair_sse",
	  .help = "role of the event daemon: may only read what is public" },
	{ AT(database_user_owner), .fallback = "lastpair_owner",
	  .help = "role that owns the schema; lastpairctl uses it" },
	{ AT(database_pool), .type = NUMBER, .fallback = "4", .min = 1, .max = 64,
	  .unit = "connections", .help = "PostgreSQL connections of one worker process" },
	{ AT(read_database), .fallback = "",
	  .help = "how to reach standbys for anonymous listings; empty: they come from `database`" },
	{ AT(redis_socket), .fallback = "/run/redis/redis-server.sock",
	  .help = "Redis's Unix socket; empty: publish nothing" },
	{ AT(redis_channel), .fallback = "lastpair",
	  .help = "channel that stock changes are published on" },
	{ AT(redis_sentinels), .fallback = "",
	  .help = "HOST:PORT of Redis's sentinels, parted by blanks; empty: redis_socket counts" },
	{ AT(redis_master), .fallback = "lastpair",
	  .help = "what the sentinels call the master" },
	{ AT(signing_key_file), .fallback = "/etc/lastpair/signing.key",
	  .help = "key of the tokens: one line, an id and at least 32 characters of secret" },
	{ AT(signing_key_previous_file), .fallback = "",
	  .help = "the key before it, still accepted; empty: none" },
	{ AT(session_seconds), .type = NUMBER, .fallback = "604800", .min = 60, .max = 31536000,
	  .unit = "s", .help = "how long a sign-in lasts" },
	{ AT(bcrypt_cost), .type = NUMBER, .fallback = "11", .min = 4, .max = 16,
	  .help = "cost of new password hashes; each step doubles the time" },
	{ AT(signin_failures), .type = NUMBER, .fallback = "10", .min = 1, .max = 1000,
	  .help = "wrong passwords for an account from one address, in a window, before it must wait" },
	{ AT(signin_window_seconds), .type = NUMBER, .fallback = "300", .min = 1, .max = 86400,
	  .unit = "s", .help = "that window" },
	{ AT(cookie_secure), .type = YESNO, .fallback = "no",
	  .help = "yes behind TLS: the cookie gets Secure and the __Host- prefix" },
	{ AT(worker_threads), .type = NUMBER, .fallback = "64", .min = 1, .max = 1024,
	  .help = "threads of one worker process; each waits for one answer of the database at a time" },
	{ AT(worker_queue), .type = NUMBER, .fallback = "512", .min = 1, .max = 8192,
	  .help = "requests that may wait for such a thread, a process; one more is answered 503" },
	{ AT(signin_threads), .type = NUMBER, .fallback = "1", .min = 1, .max = 512,
	  .help = "the same of the pool called auth; each hashes one password at a time" },
	{ AT(reserve_batch), .type = NUMBER, .fallback = "128", .min = 1, .max = 256,
	  .help = "reserves of one drop that go to the database in one call; 1: each goes alone" },
	{ AT(reserve_queue), .type = NUMBER, .fallback = "512", .min = 1, .max = 4096,
	  .help = "reserves that may wait for a call, a process; one more is answered 503" },
	{ AT(metrics_file), .fallback = "/run/lastpair/metrics",
	  .help = "counters shared by workers and expiry" },
	{ AT(sse_socket), .fallback = "/run/lastpair/sse.sock",
	  .help = "where the event daemon listens for streams" },
	{ AT(sse_admin_socket), .fallback = "/run/lastpair/sse-admin.sock",
	  .help = "where it answers /healthz and /metrics" },
	{ AT(sse_listen), .fallback = "",
	  .help = "ADDRESS:PORT where browsers can reach it themselves; empty: only through the web server" },
	{ AT(sse_origins), .fallback = "",
	  .help = "web origins whose pages may do that (such as https://shop.example), parted by blanks" },
	{ AT(sse_threads), .type = NUMBER, .fallback = "1", .min = 1, .max = 64,
	  .unit = "threads", .help = "event loops that share the streams" },
	{ AT(sse_max_subscribers), .type = NUMBER, .fallback = "20000", .min = 1, .max = 1000000,
	  .help = "streams at once; one more is answered 503" },
	{ AT(sse_tick_ms), .type = NUMBER, .fallback = "25", .min = 5, .max = 1000,
	  .unit = "ms", .help = "changes of one drop within this time are merged" },
	{ AT(sse_log_kib), .type = NUMBER, .fallback = "4096", .min = 64, .max = 1048576,
	  .unit = "KiB", .help = "newest events kept for readers that lag or come back" },
	{ AT(sse_heartbeat_seconds), .type = NUMBER, .fallback = "10", .min = 1, .max = 15,
	  .unit = "s", .help = "a comment is sent at least this often" },
	{ AT(sql_dir), .fallback = LP_SQL_DIR,
	  .help = "migrations and functions, for lastpairctl migrate" },
};

#define SETTINGS (sizeof(settings) / sizeof(settings[0]))

/* Stores `value`; returns NULL or what is wrong with it. */
static const char *
set(struct conf *conf, const struct setting *s, const char *value)
{
	void *field = (char *)conf + s->offset;
	char *end;
	long n;

	switch (s->type) {
	case TEXT:
		free(*(char **)field);
		*(char **)field = strdup(value);
		return *(char **)field != NULL ? NULL : "out of memory";
	case NUMBER:
		errno = 0;
		n = strtol(value, &end, 10);
		if (end == value || *end != '\0' || errno != 0)
			return "wants a whole number";
		if (n < s->min || n > s->max)
			return "is out of range";
		*(long *)field = n;
		return NULL;
	case YESNO:
		if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
			return "wants yes or no";
		*(bool *)field = value[0] == 'y';
		return NULL;
	}
	return "has no type";
}

static const struct setting *
find(const char *name)
{
	for (size_t i = 0; i < SETTINGS; i++)
		if (strcmp(settings[i].name, name) == 0)
			return &settings[i];
	return NULL;
}

static char *
trim(char *s)
{
	char *end = s + strlen(s);

	while (end > s && isspace((unsigned char)end[-1]))
		*--end = '\0';
	while (isspace((unsigned char)*s))
		s++;
	return s;
}

/* Reads one line; false after a message. */
static bool
take_line(struct conf *conf, char *text, const char *path, int number)
{
	const struct setting *s;
	const char *wrong;
	char *equals;

	text = trim(text);
	if (*text == '\0' || *text == '#')
		return true;
	equals = strchr(text, '=');
	if (equals == NULL) {
		fprintf(stderr, "%s:%d: a line is `name = value`\n", path, number);
		return false;
	}
	*equals = '\0';
	s = find(trim(text));
	if (s == NULL) {
		fprintf(stderr, "%s:%d: there is no setting `%s`\n", path, number, trim(text));
		return false;
	}
	wrong = set(conf, s, trim(equals + 1));
	if (wrong != NULL) {
		fprintf(stderr, "%s:%d: %s %s", path, number, s->name, wrong);
		if (s->type == NUMBER)
			fprintf(stderr, " (%ld to %ld%s%s)", s->min, s->max,
			    s->unit != NULL ? " " : "", s->unit != NULL ? s->unit : "");
		fputc('\n', stderr);
		return false;
	}
	return true;
}

bool
conf_load(struct conf *conf, const char *path)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;
	int number = 0;
	bool ok = true;

	*conf = (struct conf){ 0 };
	if (f == NULL) {
		fprintf(stderr, "%s: %s; name the settings file with -c\n", path, strerror(errno));
		return false;
	}
	for (size_t i = 0; i < SETTINGS; i++)
		if (set(conf, &settings[i], settings[i].fallback) != NULL)
			abort();	/* the table contradicts itself */
	while (ok && (len = getline(&line, &cap, f)) >= 0) {
		number++;
		if (memchr(line, '\0', (size_t)len) != NULL) {
			fprintf(stderr, "%s:%d: a NUL byte\n", path, number);
			ok = false;
		} else {
			ok = take_line(conf, line, path, number);
		}
	}
	if (ferror(f)) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		ok = false;
	}
	free(line);
	fclose(f);
	if (!ok)
		conf_free(conf);
	return ok;
}

void
conf_free(struct conf *conf)
{
	for (size_t i = 0; i < SETTINGS; i++)
		if (settings[i].type == TEXT)
			free(*(char **)((char *)conf + settings[i].offset));
	*conf = (struct conf){ 0 };
}

void
conf_help(FILE *out)
{
	for (size_t i = 0; i < SETTINGS; i++) {
		const struct setting *s = &settings[i];

		fprintf(out, "  %s = %s\n      %s", s->name, s->fallback, s->help);
		if (s->type == NUMBER)
			fprintf(out, " (%ld to %ld%s%s)", s->min, s->max,
			    s->unit != NULL ? " " : "", s->unit != NULL ? s->unit : "");
		fputc('\n', out);
	}
}
