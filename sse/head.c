/* Request heads. */
#include "head.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A token of RFC 9110, section 5.6.2. */
static bool
is_token(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c >= 0x7f || (!isalnum(c) && strchr("!#$%&'*+-.^_`|~", c) == NULL) || c == '\0')
			return false;
	}
	return len > 0;
}

/* Whether the bytes can stand in a line: no control characters but the tab. */
static bool
is_text(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

static bool
parse_request_line(char *line, size_t len, struct head *head)
{
	char *target, *version;

	if (!is_text(line, len))
		return false;
	target = strchr(line, ' ');
	if (target == NULL || !is_token(line, (size_t)(target - line)))
		return false;
	*target++ = '\0';
	version = strchr(target, ' ');
	if (version == NULL || *target != '/' || strchr(target, '\t') != NULL)
		return false;
	*version++ = '\0';
	if (strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0)
		return false;
	head->method = line;
	head->path = target;
	head->query = strchr(target, '?');
	if (head->query != NULL)
		*head->query++ = '\0';
	return true;
}

static bool
parse_field(char *line, size_t len, struct head *head)
{
	struct { const char *name; char **value; bool once; } known[] = {
		{ "Last-Event-ID", &head->last_event_id, true },
		{ "Authorization", &head->authorization, true },
		{ "Cookie", &head->cookie, false },
		{ "Origin", &head->origin, true },
	};
	char *colon = memchr(line, ':', len), *value, *end = line + len;

	if (colon == NULL || !is_token(line, (size_t)(colon - line)) || !is_text(line, len))
		return false;
	*colon = '\0';
	for (value = colon + 1; *value == ' ' || *value == '\t'; value++)
		;
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcasecmp(line, known[i].name) != 0)
			continue;
		if (*known[i].value != NULL)
			return !known[i].once;	/* the first cookie line counts */
		*known[i].value = value;
	}
	return true;
}

enum head_result
head_parse(char *buf, size_t len, struct head *head)
{
	size_t look = len < HEAD_MAX ? len : HEAD_MAX;
	char *end = memmem(buf, look, "\r\n\r\n", 4), *line, *next;

	*head = (struct head){ 0 };
	if (end == NULL)
		return len >= HEAD_MAX ? HEAD_TOO_LONG : HEAD_MORE;
	end += 2;	/* each line, the last included, now ends with CRLF */
	*end = '\0';
	for (line = buf; line < end; line = next) {
		char *cr = memmem(line, (size_t)(end - line), "\r\n", 2);

		next = cr + 2;
		*cr = '\0';
		if (line == buf ? !parse_request_line(line, (size_t)(cr - line), head) :
		    !parse_field(line, (size_t)(cr - line), head))
			return HEAD_BAD;
	}
	return HEAD_OK;
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes %XX in place; false when that is malformed or makes a NUL. */
static bool
decode(char *s)
{
	char *to = s;

	for (; *s != '\0'; s++) {
		int high, low;

		if (*s != '%') {
			*to++ = *s;
			continue;
		}
		high = hex(s[1]);
		low = high >= 0 ? hex(s[2]) : -1;
		if (low < 0 || (high == 0 && low == 0))
			return false;
		*to++ = (char)(high << 4 | low);
		s += 2;
	}
	*to = '\0';
	return true;
}

static int
drop_order(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Reads numbers parted by commas. */
static bool
parse_drops(const char *s, struct wanted *wanted)
{
	int kept = 0;

	for (;; s++) {
		int64_t n = 0;
		int digits = 0;

		for (; *s >= '0' && *s <= '9'; s++) {
			if (++digits > 18)
				return false;
			n = n * 10 + (*s - '0');
		}
		if (n < 1 || wanted->count == WANTED_MAX)
			return false;
		wanted->drops[wanted->count++] = n;
		if (*s == '\0')
			break;
		if (*s != ',')
			return false;
	}
	qsort(wanted->drops, (size_t)wanted->count, sizeof(wanted->drops[0]), drop_order);
	for (int i = 1; i < wanted->count; i++)
		if (wanted->drops[i] != wanted->drops[kept])
			wanted->drops[++kept] = wanted->drops[i];
	wanted->count = kept + 1;
	return true;
}

bool
wanted_parse(char *query, struct wanted *wanted)
{
	char *pair, *value;

	wanted->count = 0;
	wanted->last = NULL;
	wanted->beats = false;
	while ((pair = strsep(&query, "&")) != NULL) {
		value = strchr(pair, '=');
		if (value == NULL)
			continue;
		*value++ = '\0';
		if (strcmp(pair, "drops") == 0) {
			if (wanted->count != 0 || !decode(value) || !parse_drops(value, wanted))
				return false;
		} else if (strcmp(pair, "last") == 0) {
			wanted->last = decode(value) ? value : "";
		} else if (strcmp(pair, "beats") == 0) {
			wanted->beats = strcmp(value, "1") == 0;
		}
	}
	return true;
}

/* Finds a cookie (RFC 6265, section 4.2.1) and ends its value where it ends. */
static const char *
cookie_value(char *cookie, const char *name)
{
	size_t len = strlen(name);

	for (char *s = cookie; s != NULL; s = strchr(s, ';')) {
		s += strspn(s, "; \t");
		if (strncmp(s, name, len) != 0 || s[len] != '=')
			continue;
		s += len + 1;
		s[strcspn(s, "; \t")] = '\0';
		return s;
	}
	return NULL;
}

const char *
head_token(struct head *head, enum head_cookie which)
{
	char *s = head->authorization;
	const char *token;

	if (s != NULL)
		return strncasecmp(s, "Bearer ", 7) == 0 ? s + 7 : NULL;
	if (head->cookie == NULL || which == COOKIE_NONE)
		return NULL;
	/* As the workers do: the prefixed name first, which only this host can set. */
	token = cookie_value(head->cookie, "__Host-lastpair_session");
	return token != NULL || which == COOKIE_OF_HOST ? token :
	    cookie_value(head->cookie, "lastpair_session");
}
