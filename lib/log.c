/* Log lines on standard error. */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define LINE_LEN 2048

static const char *program = "lastpair";
static int pid;

void
log_open(const char *name)
{
	program = name;
	pid = (int)getpid();
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

static void
line(const char *level, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

static void
line(const char *level, const char *fmt, va_list ap)
{
	char out[LINE_LEN];
	struct timeval now;
	size_t len;
	ssize_t put;
	int n;

	gettimeofday(&now, NULL);
	n = snprintf(out, sizeof(out), "%s.%03ldZ %s[%d] %s", second(now.tv_sec),
	    (long)now.tv_usec / 1000, program, pid != 0 ? pid : (int)getpid(), level);
	len = n > 0 ? (size_t)n : 0;
	n = vsnprintf(out + len, sizeof(out) - len - 1, fmt, ap);
	if (n > 0)
		len += (size_t)n;
	if (len > sizeof(out) - 2)
		len = sizeof(out) - 2;

	/* What came from outside must not begin a line of its own. */
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)out[i] < 0x20 || out[i] == 0x7f)
			out[i] = ' ';
	out[len++] = '\n';
	put = write(STDERR_FILENO, out, len);
	(void)put;	/* nowhere left to say it */
}

void
log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line("", fmt, ap);
	va_end(ap);
}

void
log_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line("error: ", fmt, ap);
	va_end(ap);
}
