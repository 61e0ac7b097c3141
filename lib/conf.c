/* The table of settings and the reader of the settings file. */
#include "conf.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "connect.h"
#include "log.h"
#include "origin.h"
#include "sentinel.h"
#include "service.h"

enum type { TEXT, NUMBER, YESNO, CHOICE };

struct setting {
	const char *name;
	enum type type;
	size_t offset;
	const char *fallback;	/* as it would stand in the file */
	long min, max;		/* of a NUMBER */
	const char *choices[4];	/* of a CHOICE, which is kept as the index */
	const char *(*wrong)(const char *value);	/* of a TEXT with a form: NULL, or what is wrong */
	bool live;		/* can change in a running program: its field is _Atomic */
	const char *unit, *help;
};

#define AT(field) .name = #field, .offset = offsetof(struct conf, field), \
	.live = _Generic(&((struct conf *)0)->field, _Atomic long *: true, default: false)

static const struct setting settings[] = {
	{ AT(database), .fallback = "dbname=lastpair", .wrong = server_list_wrong,
	  .help = "how to reach PostgreSQL (libpq conninfo without a user; several hosts allowed)" },
	{ AT(database_user_api), .fallback = "lastpair_api",
	  .help = "role of the workers and the expiry: may only execute" },
	{ AT(database_user_sse), .fallback = "lastpair_sse",
	  .help = "role of the event daemon: may only read what is public" },
	{ AT(database_user_owner), .fallback = "lastpair_owner",
	  .help = "role that owns the schema; lastpairctl uses it" },
	{ AT(database_user_hooks), .fallback = "lastpair_hooks",
	  .help = "role that delivers webhooks: may only read and mark the outbox" },
	{ AT(database_pool), .type = NUMBER, .fallback = "4", .min = 1, .max = 64,
	  .unit = "connections", .help = "PostgreSQL connections of one worker process" },
	{ AT(read_database), .fallback = "", .wrong = server_list_wrong,
	  .help = "how to reach standbys for anonymous listings; empty: they come from `database`" },
	{ AT(redis_socket), .fallback = "/run/redis/redis-server.sock",
	  .wrong = service_path_wrong,
	  .help = "Redis's Unix socket; empty: publish nothing" },
	{ AT(redis_channel), .fallback = "lastpair",
	  .help = "channel that stock changes are published on" },
	{ AT(redis_sentinels), .fallback = "", .wrong = sentinel_wrong,
	  .help = "HOST:PORT of Redis's sentinels, parted by blanks; empty: redis_socket counts" },
	{ AT(redis_master), .fallback = "lastpair",
	  .help = "what the sentinels call the master" },
	{ AT(redis_password_file), .fallback = "",
	  .help = "one line, what Redis and its sentinels are told: a password, or a user and one; empty: nothing" },
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
	  .help = "threads of one process of the pool called auth; each hashes one password at a time" },
	{ AT(reserve_batch), .type = NUMBER, .fallback = "128", .min = 1, .max = 256,
	  .help = "reserves of one drop that go to the database in one call; 1: each goes alone" },
	{ AT(reserve_queue), .type = NUMBER, .fallback = "512", .min = 1, .max = 4096,
	  .help = "reserves that may wait for a call, a process; one more is answered 503" },
	{ AT(reserve_wait_ms), .type = NUMBER, .fallback = "100", .min = 0, .max = 2000, .unit = "ms",
	  .help = "one that would wait longer, with a whole call before it, is answered 503 as well; 0: none" },
	{ AT(metrics_file), .fallback = "/run/lastpair/metrics",
	  .help = "counters shared by workers and expiry" },
	{ AT(sse_socket), .fallback = "/run/lastpair/sse.sock", .wrong = service_path_wrong,
	  .help = "where the event daemon listens for streams" },
	{ AT(sse_admin_socket), .fallback = "/run/lastpair/sse-admin.sock",
	  .wrong = service_path_wrong,
	  .help = "where it answers /healthz and /metrics" },
	{ AT(sse_listen), .fallback = "", .wrong = service_address_wrong,
	  .help = "ADDRESS:PORT where browsers can reach it themselves; empty: only through the web server" },
	{ AT(sse_origins), .fallback = "", .wrong = origins_wrong,
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
	{ AT(webhook_private), .type = YESNO, .fallback = "no",
	  .help = "yes: webhooks may go to private networks, and by a name to this machine" },
	{ AT(webhook_ca_file), .fallback = "",
	  .help = "certificates (PEM) that receivers of webhooks are known by; empty: the system's" },
	{ AT(webhook_timeout_seconds), .type = NUMBER, .fallback = "10", .min = 1, .max = 60,
	  .unit = "s", .help = "for one delivery, from its name's look-up to the end of the answer" },
	{ AT(webhook_connections), .type = NUMBER, .fallback = "32", .min = 1, .max = 256,
	  .help = "deliveries at once; to one endpoint one after the other" },
	{ AT(webhook_retry_hours), .type = NUMBER, .fallback = "72", .min = 1, .max = 720,
	  .unit = "h", .help = "how long an event that does not arrive is tried again" },
	{ AT(webhook_keep_days), .type = NUMBER, .fallback = "30", .min = 1, .max = 365,
	  .unit = "days", .help = "how long events are kept that were delivered or given up" },
	{ AT(sql_dir), .fallback = LP_SQL_DIR,
	  .help = "migrations and functions, for lastpairctl migrate" },
	{ AT(log_dir), .fallback = "",
	  .help = "folder of the log files, one a service (api.log, sse.log ...); empty: standard error" },
	{ AT(log_level), .type = CHOICE, .fallback = "info",
	  .choices = { [LOG_ERROR] = "error", [LOG_NOTICE] = "notice", [LOG_INFO] = "info" },
	  .help = "the least that is logged; at info each request is a line" },
	{ AT(log_format), .type = CHOICE, .fallback = "text",
	  .choices = { [LOG_TEXT] = "text", [LOG_JSON] = "json" },
	  .help = "how a line is written" },
};

#define SETTINGS (sizeof(settings) / sizeof(settings[0]))
_Static_assert(SETTINGS <= CONF_MAX, "conf.line has a place for each");

static long
choice_of(const struct setting *s, const char *value)
{
	for (long i = 0; i < 4 && s->choices[i] != NULL; i++)
		if (strcmp(value, s->choices[i]) == 0)
			return i;
	return -1;
}

/* Stores `value`; returns NULL or what is wrong with it. */
static const char *
set(struct conf *conf, const struct setting *s, const char *value)
{
	void *field = (char *)conf + s->offset;
	const char *why;
	char *end;
	long n;

	switch (s->type) {
	case TEXT:
		why = s->wrong != NULL ? s->wrong(value) : NULL;
		if (why != NULL)
			return why;
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
	case CHOICE:
		n = choice_of(s, value);
		if (n < 0)
			return "is none of its words";
		*(long *)field = n;
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

/* What may stand there: " (1 to 64 connections)"; nothing of a text. */
static void
add_range(const struct setting *s, struct buf *out)
{
	switch (s->type) {
	case TEXT:
		return;
	case NUMBER:
		buf_printf(out, " (%ld to %ld%s%s)", s->min, s->max, s->unit != NULL ? " " : "",
		    s->unit != NULL ? s->unit : "");
		return;
	case YESNO:
		buf_puts(out, " (yes or no)");
		return;
	case CHOICE:
		for (int i = 0; i < 4 && s->choices[i] != NULL; i++)
			buf_printf(out, "%s%s", i == 0 ? " (" : i == 3 || s->choices[i + 1] == NULL ?
			    " or " : ", ", s->choices[i]);
		buf_puts(out, ")");
		return;
	}
}

/* Reads one line; false after appending what is wrong with it. */
static bool
take_line(struct conf *conf, char *text, int number, struct buf *wrong)
{
	const struct setting *s;
	const char *why;
	char *equals;

	text = trim(text);
	if (*text == '\0' || *text == '#')
		return true;
	equals = strchr(text, '=');
	if (equals == NULL) {
		buf_puts(wrong, "a line is `name = value`");
		return false;
	}
	*equals = '\0';
	s = find(trim(text));
	if (s == NULL) {
		buf_printf(wrong, "there is no setting `%s`", trim(text));
		return false;
	}
	conf->line[s - settings] = number;
	why = set(conf, s, trim(equals + 1));
	if (why == NULL)
		return true;
	buf_printf(wrong, "%s %s", s->name, why);
	add_range(s, wrong);
	return false;
}

/* Reads an open file to its end; each wrong line makes a line of `wrong`. */
static void
take_lines(struct conf *conf, FILE *f, const char *path, struct buf *wrong)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;
	struct buf why = { 0 };

	for (int number = 1; (len = getline(&line, &cap, f)) >= 0; number++) {
		buf_clear(&why);
		if (memchr(line, '\0', (size_t)len) != NULL)
			buf_puts(&why, "a NUL byte");
		else if (take_line(conf, line, number, &why))
			continue;
		buf_printf(wrong, "%s:%d: %s\n", path, number, why.data != NULL ? why.data : "");
	}
	if (ferror(f))
		buf_printf(wrong, "%s: %s\n", path, strerror(errno));
	free(line);
	buf_free(&why);
}

/* False with a line of `wrong` for each that is; then there is nothing to free. */
static bool
read_file(struct conf *conf, const char *path, struct buf *wrong)
{
	FILE *f = fopen(path, "re");

	*conf = (struct conf){ 0 };
	if (f == NULL) {
		buf_printf(wrong, "%s: %s; name the settings file with -c\n", path, strerror(errno));
		return false;
	}
	for (size_t i = 0; i < SETTINGS; i++)
		if (set(conf, &settings[i], settings[i].fallback) != NULL)
			abort();	/* the table contradicts itself */
	take_lines(conf, f, path, wrong);
	fclose(f);
	if (wrong->len == 0 && !wrong->failed)
		return true;
	conf_free(conf);
	return false;
}

bool
conf_load(struct conf *conf, const char *path)
{
	struct buf wrong = { 0 };
	bool ok = read_file(conf, path, &wrong);

	if (!ok)
		fputs(wrong.data != NULL ? wrong.data : "no memory for the settings\n", stderr);
	buf_free(&wrong);
	return ok;
}

static void
add_value(const struct conf *conf, const struct setting *s, struct buf *out)
{
	const void *field = (const char *)conf + s->offset;

	switch (s->type) {
	case TEXT:
		buf_puts(out, *(char *const *)field);
		return;
	case NUMBER:
		buf_printf(out, "%ld", *(const long *)field);
		return;
	case YESNO:
		buf_puts(out, *(const bool *)field ? "yes" : "no");
		return;
	case CHOICE:
		buf_puts(out, s->choices[*(const long *)field]);
		return;
	}
}

/* Takes over one setting that is another now, if it can change here. */
static void
take_change(struct conf *conf, struct conf *news, const struct setting *s)
{
	void *field = (char *)conf + s->offset;
	const void *from = (const char *)news + s->offset;
	struct buf before = { 0 }, after = { 0 };

	add_value(conf, s, &before);
	add_value(news, s, &after);
	if (before.data != NULL && after.data != NULL && strcmp(before.data, after.data) == 0)
		goto end;
	if (!s->live) {
		log_info("settings: %s is another now; that takes a restart", s->name);
		goto end;
	}
	atomic_store_explicit((_Atomic long *)field, *(const long *)from, memory_order_relaxed);
	log_info("settings: %s = %s", s->name, after.data != NULL ? after.data : "");
end:
	buf_free(&before);
	buf_free(&after);
}

bool
conf_reload(struct conf *conf, const char *path)
{
	struct buf wrong = { 0 };
	struct conf news;
	bool ok = read_file(&news, path, &wrong);
	char *rest = NULL;

	if (!ok) {
		for (char *line = wrong.data != NULL ? strtok_r(wrong.data, "\n", &rest) : NULL;
		    line != NULL; line = strtok_r(NULL, "\n", &rest))
			log_error("%s", line);
		log_error("settings: the old ones stay in force");
	} else {
		for (size_t i = 0; i < SETTINGS; i++)
			take_change(conf, &news, &settings[i]);
		memcpy(conf->line, news.line, sizeof(conf->line));
		conf_free(&news);
		log_info("settings: read again");
	}
	buf_free(&wrong);
	return ok;
}

bool
conf_setting(const struct conf *conf, int i, struct conf_setting *s, struct buf *value)
{
	if (i < 0 || (size_t)i >= SETTINGS)
		return false;
	*s = (struct conf_setting){ .name = settings[i].name, .unit = settings[i].unit,
	    .line = conf->line[i] };
	add_value(conf, &settings[i], value);
	return true;
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
		struct buf range = { 0 };

		add_range(s, &range);
		fprintf(out, "  %s = %s\n      %s%s%s\n", s->name, s->fallback, s->help,
		    range.data != NULL ? range.data : "", s->live ? "; a reload changes it" : "");
		buf_free(&range);
	}
}
