/* What the fuzz targets share. */
#include "fuzz.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../ctl/ctl.h"
#include "log.h"

/* The programs complain of most inputs; libFuzzer and the sanitizers write to descriptor 2
 * themselves. */
__attribute__((constructor)) static void
be_quiet(void)
{
	FILE *nowhere = fopen("/dev/null", "w");

	if (nowhere != NULL)
		stderr = nowhere;
}

/* In the place of lib/log.c: formats, and says nothing. */
static void
line(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

static void
line(const char *fmt, va_list ap)
{
	char out[2048];

	must(vsnprintf(out, sizeof(out), fmt, ap) >= 0);
}

void
log_open(const char *name)
{
	(void)name;
}

void
log_set(enum log_level level, enum log_format format)
{
	(void)level, (void)format;
}

void
log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line(fmt, ap);
	va_end(ap);
}

void
log_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line(fmt, ap);
	va_end(ap);
}

/* In the place of lastpairctl's. */
int
ctl_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line(fmt, ap);
	va_end(ap);
	return EXIT_FAILURE;
}

void
fuzz_failed(const char *cond, const char *file, int at)
{
	dprintf(STDERR_FILENO, "%s:%d: this must hold: %s\n", file, at, cond);
	abort();
}

char *
fuzz_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	must(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

char *
fuzz_line(struct fuzz_input *in, size_t *len)
{
	const uint8_t *end;
	size_t n;
	char *text;

	if (in->size == 0)
		return NULL;
	end = memchr(in->data, '\n', in->size);
	n = end != NULL ? (size_t)(end - in->data) : in->size;
	text = fuzz_text(in->data, n);
	if (len != NULL)
		*len = n;
	n += end != NULL;
	in->data += n;
	in->size -= n;
	return text;
}

int
fuzz_file(const uint8_t *data, size_t size, char path[FUZZ_PATH_LEN])
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	must(fd >= 0);
	must(size == 0 || write(fd, data, size) == (ssize_t)size);
	snprintf(path, FUZZ_PATH_LEN, "/proc/self/fd/%d", fd);
	return fd;
}

/* By Unicode's table of well-formed sequences (3-7), so unlike lib/utf8.c. */
bool
fuzz_utf8(const char *text)
{
	static const struct {
		unsigned char first, last, second_first, second_last;
		int more;
	} forms[] = {
		{ 0x01, 0x7f, 0, 0, 0 },
		{ 0xc2, 0xdf, 0x80, 0xbf, 1 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 2 },
		{ 0xe1, 0xec, 0x80, 0xbf, 2 },
		{ 0xed, 0xed, 0x80, 0x9f, 2 },
		{ 0xee, 0xef, 0x80, 0xbf, 2 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 3 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 3 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 3 },
	};
	const unsigned char *s = (const unsigned char *)text;

	while (*s != '\0') {
		size_t i = 0;

		while (i < sizeof(forms) / sizeof(forms[0]) &&
		    (*s < forms[i].first || *s > forms[i].last))
			i++;
		if (i == sizeof(forms) / sizeof(forms[0]))
			return false;
		for (int n = 1; n <= forms[i].more; n++)
			if (s[n] < (n == 1 ? forms[i].second_first : 0x80) ||
			    s[n] > (n == 1 ? forms[i].second_last : 0xbf))
				return false;
		s += forms[i].more + 1;
	}
	return true;
}

bool
fuzz_redis_announces_much(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		size_t digits = 0;

		while (data[i] == '*' && i + 1 + digits < size && isdigit(data[i + 1 + digits]))
			digits++;
		if (digits > 4)
			return true;
	}
	return false;
}
