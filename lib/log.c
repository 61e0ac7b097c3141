/* Log lines. */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "utf8.h"

#define LINE_LEN 2048
#define PATH_LEN 4096

static const char *program = "lastpair";
static int pid;
static int level = LOG_INFO, format = LOG_TEXT;
static bool journal;		/* reads standard error */

/* The file, whose descriptor keeps its number. */
static char path[PATH_LEN];
static int out = STDERR_FILENO;
static struct stat file;
static time_t looked;		/* when it was last looked for */
static bool reopen;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Whether standard error leads to the journal: it names the very socket in JOURNAL_STREAM. */
static bool
is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char own[64];
	struct stat st;

	if (stream == NULL || fstat(STDERR_FILENO, &st) != 0)
		return false;
	snprintf(own, sizeof(own), "%llu:%llu", (unsigned long long)st.st_dev,
	    (unsigned long long)st.st_ino);
	return strcmp(stream, own) == 0;
}

void
log_open(const char *name)
{
	program = name;
	pid = (int)getpid();
	journal = is_journal();
}

void
log_set(enum log_level new_level, enum log_format new_format)
{
	__atomic_store_n(&level, (int)new_level, __ATOMIC_RELAXED);
	__atomic_store_n(&format, (int)new_format, __ATOMIC_RELAXED);
}

/*
 * The file.
 */

static int
open_file(void)
{
	return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
}

bool
log_to(const char *dir, const char *name)
{
	int n, fd;

	if (dir[0] == '\0')
		return true;
	n = snprintf(path, sizeof(path), "%s/%s.log", dir, name);
	if (n < 0 || (size_t)n >= sizeof(path)) {
		errno = ENAMETOOLONG;
		fd = -1;
	} else {
		fd = open_file();
	}
	if (fd < 0 || fstat(fd, &file) != 0) {
		fprintf(stderr, "%s: %s/%s.log: %s; is log_dir right?\n", program, dir, name,
		    strerror(errno));
		return false;
	}
	journal = false;
	__atomic_store_n(&out, fd, __ATOMIC_RELEASE);
	return true;
}

void
log_reopen(void)
{
	__atomic_store_n(&reopen, true, __ATOMIC_RELAXED);
}

/* Puts the file that the path names now in the place of the one that is open, for all threads at
 * once. While there is none to be had, the old one goes on. */
static void
look_for_file(time_t now)
{
	struct stat st;
	int fd;

	if (__atomic_load_n(&out, __ATOMIC_ACQUIRE) == STDERR_FILENO || (__atomic_load_n(&looked, __ATOMIC_RELAXED) == now &&
	    !__atomic_load_n(&reopen, __ATOMIC_RELAXED)) || pthread_mutex_trylock(&lock) != 0)
		return;
	__atomic_store_n(&looked, now, __ATOMIC_RELAXED);
	if (__atomic_exchange_n(&reopen, false, __ATOMIC_RELAXED) || stat(path, &st) != 0 ||
	    st.st_ino != file.st_ino || st.st_dev != file.st_dev) {
		fd = open_file();
		if (fd >= 0 && fstat(fd, &file) == 0)
			dup3(fd, out, O_CLOEXEC);
		if (fd >= 0)
			close(fd);
	}
	pthread_mutex_unlock(&lock);
}

/*
 * A line.
 */

struct line {
	char text[LINE_LEN];
	size_t len;		/* at most LINE_LEN - 2: the line's end, of two, has its place */
	bool json;
};

static void
add(struct line *l, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void
add(struct line *l, const char *fmt, ...)
{
	size_t room = sizeof(l->text) - 1 - l->len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(l->text + l->len, room, fmt, ap);
	va_end(ap);
	if (n > 0)
		l->len += (size_t)n < room ? (size_t)n : room - 1;
}

/* Adds text of this program's own, as it is. */
static void
add_plain(struct line *l, const char *text)
{
	size_t room = sizeof(l->text) - 2 - l->len, len = strlen(text);

	len = len < room ? len : room;
	memcpy(l->text + l->len, text, len);
	l->len += len;
}

/* Adds a number of at least so many digits. */
static void
add_number(struct line *l, unsigned long long n, int digits)
{
	char text[24], *p = text + sizeof(text) - 1;

	*p = '\0';
	for (; n > 0 || digits > 0; n /= 10, digits--)
		*--p = (char)('0' + n % 10);
	add_plain(l, p);
}

/* Microseconds as milliseconds. */
static void
add_ms(struct line *l, unsigned long long us)
{
	add_number(l, us / 1000, 1);
	add_plain(l, ".");
	add_number(l, us % 1000, 3);
}

/* Adds text from wherever: no control characters, which might begin a line of their own, and in
 * JSON what has to be escaped. Room is left for what ends an object. */
static void
add_text(struct line *l, const char *text)
{
	const char *end = text + strlen(text);

	while (text < end && l->len < sizeof(l->text) - 16) {
		unsigned char c = (unsigned char)*text;
		const char *after = text;

		if (c < 0x20 || c == 0x7f) {
			l->text[l->len++] = ' ';
			text++;
		} else if (!l->json) {
			l->text[l->len++] = *text++;
		} else if (c >= 0x80 && utf8_next(&after, end) < 0) {
			l->text[l->len++] = '?';
			text++;
		} else {
			if (c == '"' || c == '\\')
				l->text[l->len++] = '\\';
			do
				l->text[l->len++] = *text++;
			while (text < after);
		}
	}
}

/* The second as text; a thread formats each once. */
static const char *
second(time_t now)
{
	static _Thread_local char text[32];
	static _Thread_local time_t of = -1;
	struct tm tm;

	if (of != now) {
		gmtime_r(&now, &tm);
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
		of = now;
	}
	return text;
}

/* When, and who. */
static void
add_stamp(struct line *l, const struct timeval *now, int process)
{
	add_plain(l, second(now->tv_sec));
	add_plain(l, ".");
	add_number(l, (unsigned long long)now->tv_usec / 1000, 3);
	add_plain(l, "Z ");
	add_plain(l, program);
	add_plain(l, "[");
	add_number(l, (unsigned long long)process, 1);
	add_plain(l, "] ");
}

static void
begin(struct line *l, enum log_level as)
{
	static const char *const names[] = { "error", "notice", "info" };
	static const int priorities[] = { 3, 5, 6 };	/* of syslog(3) */
	int process = pid != 0 ? pid : (int)getpid();
	struct timeval now;

	gettimeofday(&now, NULL);
	look_for_file(now.tv_sec);
	l->len = 0;
	l->json = __atomic_load_n(&format, __ATOMIC_RELAXED) == LOG_JSON;
	if (journal)
		add(l, "<%d>", priorities[as]);
	if (l->json)
		add(l, "{\"time\":\"%s.%03ldZ\",\"program\":\"%s\",\"pid\":%d,\"level\":\"%s\"",
		    second(now.tv_sec), (long)now.tv_usec / 1000, program, process, names[as]);
	else if (!journal)
		add_stamp(l, &now, process);
}

static void
end(struct line *l)
{
	ssize_t put;

	if (l->json)
		l->text[l->len++] = '}';
	l->text[l->len++] = '\n';
	put = write(__atomic_load_n(&out, __ATOMIC_ACQUIRE), l->text, l->len);
	(void)put;	/* nowhere left to say it */
}

static bool
wanted(enum log_level as)
{
	return (int)as <= __atomic_load_n(&level, __ATOMIC_RELAXED);
}

static void
say(enum log_level as, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

static void
say(enum log_level as, const char *fmt, va_list ap)
{
	char message[LINE_LEN];
	struct line l;

	if (!wanted(as))
		return;
	vsnprintf(message, sizeof(message), fmt, ap);
	begin(&l, as);
	if (l.json)
		add(&l, ",\"message\":\"");
	else if (as == LOG_ERROR)
		add(&l, "error: ");
	add_text(&l, message);
	if (l.json)
		add(&l, "\"");
	end(&l);
}

void
log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(LOG_NOTICE, fmt, ap);
	va_end(ap);
}

void
log_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(LOG_ERROR, fmt, ap);
	va_end(ap);
}

/* One field: its name in JSON, its text. */
static void
field(struct line *l, const char *name, const char *text)
{
	if (l->json)
		add(l, ",\"%s\":\"", name);
	add_text(l, text);
	add_plain(l, l->json ? "\"" : " ");
}

void
log_request(const struct log_request *r)
{
	struct line l;

	if (!wanted(LOG_INFO))
		return;
	begin(&l, LOG_INFO);
	field(&l, "request", r->id);
	field(&l, "pool", r->pool);
	field(&l, "method", r->method);
	field(&l, "route", r->route);
	add_plain(&l, l.json ? ",\"status\":" : "");
	add_number(&l, (unsigned long long)r->status, 1);
	add_plain(&l, l.json ? ",\"ms\":" : " ");
	add_ms(&l, (unsigned long long)r->us);
	add_plain(&l, l.json ? "" : " ms");
	end(&l);
}
