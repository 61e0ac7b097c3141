/* Rules for names, addresses, passwords and times. */
#include "input.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "password.h"
#include "utf8.h"

/* Characters that would let one text pass for another, or break a line. */
static bool
unwanted(int32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c || c == 0x180e ||
	    c == 0x3164 || (c >= 0xe0000 && c <= 0xe0fff) ||
	    (c >= 0x200b && c <= 0x200f) ||
	    (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x2069) || c == 0xfeff ||
	    (c & 0xfffe) == 0xfffe;
}

bool
input_printable(const char *s, size_t min, size_t max, bool newlines)
{
	const char *end = s + strlen(s);
	size_t count = 0;

	for (; s < end; count++) {
		int32_t c = utf8_next(&s, end);

		if (c < 0 || (unwanted(c) && !(newlines && c == '\n')))
			return false;
	}
	return count >= min && count <= max;
}

/* The separators of Unicode (Zs), of which input_printable() lets pass all. */
static bool
is_space(int32_t c)
{
	return c == ' ' || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x202f ||
	    c == 0x205f || c == 0x3000;
}

bool
input_blank(const char *s)
{
	const char *end = s + strlen(s);

	while (s < end)
		if (!is_space(utf8_next(&s, end)))
			return false;
	return true;
}

const char *
input_username(const char *s)
{
	size_t len = strlen(s);

	if (!input_printable(s, 1, 40, false) || input_blank(s))
		return "A user name has 1 to 40 printable characters.";
	if (s[0] == ' ' || s[len - 1] == ' ')
		return "A user name neither begins nor ends with a space.";
	return NULL;
}

const char *
input_email(const char *s)
{
	const char *at = strrchr(s, '@');
	size_t len = strlen(s);

	if (len > 254 || !input_printable(s, 3, 254, false) || strpbrk(s, " ,;<>\"") != NULL ||
	    at == NULL || at == s || at[1] == '\0' || at[1] == '.' || s[len - 1] == '.' ||
	    strchr(s, '@') != at)
		return "An e-mail address looks like name@example.com.";
	return NULL;
}

const char *
input_password(const char *s)
{
	const char *p = s, *end = s + strlen(s);
	size_t count = 0;

	for (; p < end; count++)
		if (utf8_next(&p, end) < 0)
			return "A password is text in UTF-8.";
	if (count < PASSWORD_MIN_CHARACTERS)
		return "A password has at least 8 characters.";
	if (end - s > PASSWORD_MAX_BYTES)
		return "A password has at most 1024 bytes.";
	return NULL;
}

/* Reads exactly `digits` digits; -1 if they are not there. */
static int
digits(const char **s, int count)
{
	int n = 0;

	for (int i = 0; i < count; i++, (*s)++) {
		if (!isdigit((unsigned char)**s))
			return -1;
		n = n * 10 + (**s - '0');
	}
	return n;
}

static bool
take(const char **s, const char *any)
{
	if (**s == '\0' || strchr(any, **s) == NULL)
		return false;
	(*s)++;
	return true;
}

static int
days_in(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

static bool
time_of_day(const char **s)
{
	int hour, minute, second;

	if ((hour = digits(s, 2)) < 0 || hour > 23 || !take(s, ":") ||
	    (minute = digits(s, 2)) < 0 || minute > 59 || !take(s, ":") ||
	    (second = digits(s, 2)) < 0 || second > 60)
		return false;
	if (!take(s, "."))
		return true;
	if (!isdigit((unsigned char)**s))
		return false;
	for (int i = 0; isdigit((unsigned char)**s); i++, (*s)++)
		if (i == 9)
			return false;
	return true;
}

bool
input_timestamp(const char *s)
{
	int year, month, day, hour, minute;

	if ((year = digits(&s, 4)) < 2000 || year > 2199 || !take(&s, "-") ||
	    (month = digits(&s, 2)) < 1 || month > 12 || !take(&s, "-") ||
	    (day = digits(&s, 2)) < 1 || day > days_in(year, month) ||
	    !take(&s, "Tt") || !time_of_day(&s))
		return false;
	if (take(&s, "Zz"))
		return *s == '\0';
	return take(&s, "+-") && (hour = digits(&s, 2)) >= 0 && hour <= 14 && take(&s, ":") &&
	    (minute = digits(&s, 2)) >= 0 && minute <= 59 && *s == '\0';
}
