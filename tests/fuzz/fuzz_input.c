/* Names, addresses, passwords, times and ids: the whole input is each of them in turn. */
#include "input.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fuzz.h"
#include "password.h"
#include "uuid.h"

/* The date must be one that the calendar has. */
static void
check_time(const char *s)
{
	struct tm tm = { 0 }, same;
	time_t t;

	must(strptime(s, "%Y-%m-%d", &tm) != NULL);
	same = tm;
	t = timegm(&same);
	must(t != (time_t)-1 && same.tm_mday == tm.tm_mday && same.tm_mon == tm.tm_mon);
	must(strlen(s) >= 20 && strlen(s) <= 35);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *s = fuzz_text(data, size);
	size_t len = strlen(s);
	bool utf8 = fuzz_utf8(s);

	if (input_printable(s, 0, len, true))
		must(utf8 && strpbrk(s, "\r\t\x7f\x1b") == NULL);
	if (input_username(s) == NULL)
		must(utf8 && len >= 1 && len <= 160 && s[0] != ' ' && strchr(s, '\n') == NULL);
	if (input_email(s) == NULL)
		must(utf8 && len <= 254 && strpbrk(s, " \n\",;<>") == NULL &&
		    strchr(s, '@') != NULL && strchr(s, '@') == strrchr(s, '@'));
	if (input_password(s) == NULL)
		must(utf8 && len >= PASSWORD_MIN_CHARACTERS);
	if (input_timestamp(s))
		check_time(s);
	if (uuid_valid(s))
		must(len == 36 && s[8] == '-' && s[23] == '-');
	if (password_hash_valid(s)) {
		const char *bcrypt = strncmp(s, "hmac-sha256", 11) == 0 ? s + 11 : s;

		must(strlen(bcrypt) == 60 && bcrypt[0] == '$' && bcrypt[1] == '2' && strpbrk(s, " :\n") == NULL);
	}
	free(s);
	return 0;
}
