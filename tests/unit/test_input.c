/* Rules for names, addresses, passwords and times. */
#include "input.h"

#include "test.h"

static const char *const good_texts[] = {
	"plain", "caf\xc3\xa9", "\xe6\x97\xa5\xe6\x9c\xac", "\xf0\x9f\x91\x9f shoe", "a b",
	"\xc2\xa1", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbd",
	"\xf0\x90\x80\x80", "\xf3\xb0\x80\x80",
};

static const char *const bad_utf8[] = {
	"\x80",				/* a continuation alone */
	"a\xc3",			/* cut short */
	"\xe6\x97",
	"\xf0\x9f\x91",
	"\xc3(",
	"\xc0\xaf", "\xc1\xbf",		/* overlong: two bytes for ASCII */
	"\xe0\x80\xaf", "\xe0\x9f\xbf",	/* three for two */
	"\xf0\x80\x80\xaf", "\xf0\x8f\xbf\xbf",
	"\xed\xa0\x80", "\xed\xbf\xbf",	/* surrogates */
	"\xed\xa0\xbd\xed\xb1\x9f",	/* a pair of them (CESU-8) */
	"\xf4\x90\x80\x80",		/* beyond U+10FFFF */
	"\xf5\x80\x80\x80", "\xf8\x88\x80\x80\x80", "\xfe", "\xff",
};

static const char *const unprintable[] = {
	"a\nb", "a\tb", "a\rb", "\x01", "\x1b[31m", "\x7f",
	"\xc2\x80", "\xc2\x85", "\xc2\x9f",		/* C1 controls, NEL among them */
	"a\xe2\x80\xa8" "b", "a\xe2\x80\xa9" "b",	/* line and paragraph separator */
	"\xef\xbf\xbe", "\xef\xbf\xbf", "\xf0\x9f\xbf\xbf",	/* no characters */
};

/* Unicode's Bidi_Control characters, all of them. */
static const char *const bidi[] = {
	"a\xd8\x9c" "b",				/* U+061C Arabic letter mark */
	"a\xe2\x80\x8e" "b", "a\xe2\x80\x8f" "b",	/* U+200E, U+200F marks */
	"a\xe2\x80\xaa" "b", "a\xe2\x80\xab" "b", "a\xe2\x80\xac" "b",
	"a\xe2\x80\xad" "b", "a\xe2\x80\xae" "b",	/* U+202A to U+202E */
	"a\xe2\x81\xa6" "b", "a\xe2\x81\xa7" "b", "a\xe2\x81\xa8" "b",
	"a\xe2\x81\xa9" "b",				/* U+2066 to U+2069 */
};

static const char *const invisible[] = {
	"a\xc2\xad" "b",		/* U+00AD soft hyphen */
	"a\xe2\x80\x8b" "b",		/* U+200B zero width space */
	"a\xe2\x80\x8c" "b", "a\xe2\x80\x8d" "b",	/* the joiners */
	"a\xe2\x81\xa0" "b",		/* U+2060 word joiner */
	"a\xef\xbb\xbf" "b",		/* U+FEFF byte order mark */
	"a\xe1\xa0\x8e" "b",		/* U+180E Mongolian vowel separator */
	"a\xe3\x85\xa4" "b",		/* U+3164 Hangul filler */
	"a\xf3\xa0\x81\x81" "b",	/* U+E0041 a tag */
};

/* None of these may be printable. */
static void
all_refused(const char *const texts[], size_t count)
{
	bool any = false;

	for (size_t i = 0; i < count; i++) {
		bool passes = input_printable(texts[i], 0, 20, false) || input_username(texts[i]) == NULL;

		if (passes) {
			print_error("passes:");
			for (const char *p = texts[i]; *p != '\0'; p++)
				print_error(" %02x", (unsigned char)*p);
			print_error("\n");
		}
		any = any || passes;
	}
	assert_false(any);
}

static void
texts_of_every_script_are_printable(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(good_texts); i++)
		if (!input_printable(good_texts[i], 1, 20, false))
			fail_msg("text %zu is refused", i);
}

static void
what_is_no_utf8_is_refused_everywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad_utf8); i++) {
		char padded[64];

		snprintf(padded, sizeof(padded), "padding-%s", bad_utf8[i]);
		if (input_printable(bad_utf8[i], 0, 20, true) ||
		    input_username(padded) == NULL || input_password(padded) == NULL)
			fail_msg("sequence %zu passes", i);
		snprintf(padded, sizeof(padded), "%s@example.com", bad_utf8[i]);
		assert_non_null(input_email(padded));
	}
}

static void
control_characters_are_not_printable(void **state)
{
	(void)state;
	all_refused(unprintable, COUNT(unprintable));
}

static void
direction_overrides_are_not_printable(void **state)
{
	(void)state;
	all_refused(bidi, COUNT(bidi));
}

static void
invisible_characters_are_not_printable(void **state)
{
	(void)state;
	all_refused(invisible, COUNT(invisible));
}

static void
newlines_pass_only_where_they_are_allowed(void **state)
{
	(void)state;
	assert_true(input_printable("two\nlines", 0, 20, true));
	assert_false(input_printable("two\nlines", 0, 20, false));
	assert_false(input_printable("two\r\nlines", 0, 20, true));
	assert_false(input_printable("a\tb", 0, 20, true));
}

static void
lengths_are_counted_in_characters(void **state)
{
	(void)state;
	assert_true(input_printable("", 0, 3, false));
	assert_false(input_printable("", 1, 3, false));
	assert_true(input_printable("\xc3\xa9\xc3\xa9\xc3\xa9", 3, 3, false));
	assert_false(input_printable("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 1, 3, false));
	assert_false(input_printable("ab", 3, 3, false));
}

static void
user_names_have_1_to_40_characters_and_no_space_around_them(void **state)
{
	static const char forty[] = "1234567890123456789012345678901234567890";
	char longer[64];

	(void)state;
	assert_null(input_username("a"));
	assert_null(input_username("Ada Lovelace"));
	assert_null(input_username("\xe6\x97\xa5\xe6\x9c\xac"));
	assert_null(input_username(forty));
	snprintf(longer, sizeof(longer), "%sx", forty);
	assert_non_null(input_username(longer));
	assert_non_null(input_username(""));
	assert_non_null(input_username(" "));
	assert_non_null(input_username("\xe3\x80\x80\xc2\xa0"));	/* wide and no-break spaces */
	assert_non_null(input_username(" ada"));
	assert_non_null(input_username("ada "));
	assert_non_null(input_username("a\nb"));
}

static void
addresses_have_one_at_and_something_on_both_sides(void **state)
{
	static const char *const good[] = { "a@b", "ada@example.com", "a.b+c@x-y.example",
	    "\xc3\xa9@example.com", "o'brien@example.com" };
	static const char *const bad[] = { "", "a", "@", "a@", "@b.example", "a@b@c.example", "a b@c.example",
	    "a@.example", "a@b.", "a@b.example ", "a,b@c.example", "a;b@c.example", "<a@b.example>",
	    "\"a\"@b.example", "a@b.example\n", "a\xe2\x80\xae@b.example" };
	char address[300];

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		if (input_email(good[i]) != NULL)
			fail_msg("%s is refused", good[i]);
	for (size_t i = 0; i < COUNT(bad); i++)
		if (input_email(bad[i]) == NULL)
			fail_msg("%s passes", bad[i]);
	memset(address, 'a', sizeof(address));
	memcpy(address + 242, "@example.com", 13);
	assert_int_equal(strlen(address), 254);
	assert_null(input_email(address));
	memset(address, 'a', 243);
	memcpy(address + 243, "@example.com", 13);
	assert_non_null(input_email(address));
}

static void
passwords_have_8_characters_to_1024_bytes(void **state)
{
	char text[1100];

	(void)state;
	assert_non_null(input_password(""));
	assert_non_null(input_password("1234567"));
	assert_null(input_password("12345678"));
	/* Characters are counted below, bytes above. */
	assert_non_null(input_password("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"));
	assert_null(input_password("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"));
	memset(text, 'p', sizeof(text));
	text[1024] = '\0';
	assert_null(input_password(text));
	text[1024] = 'p';
	text[1025] = '\0';
	assert_non_null(input_password(text));
	for (int i = 0; i < 64; i++)
		memcpy(text + 4 * i, "\xf0\x9f\x91\x9f", 4);
	text[256] = '\0';
	assert_null(input_password(text));
	text[255] = '\0';
	assert_non_null(input_password(text));
	assert_null(input_password("with spaces, too "));
}

static void
times_of_rfc_3339_pass(void **state)
{
	static const char *const good[] = {
		"2026-12-24T10:00:00Z", "2026-12-24t10:00:00z", "2026-12-24T10:00:00.5Z",
		"2026-12-24T10:00:00.123456789Z", "2026-12-24T10:00:00+01:00",
		"2026-12-24T10:00:00-09:30", "2026-12-24T10:00:00+14:00", "2026-12-24T00:00:00-00:00",
		"2028-02-29T00:00:00Z", "2000-02-29T00:00:00Z", "2000-01-01T00:00:00Z",
		"2199-12-31T23:59:59Z", "2026-12-31T23:59:60Z",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		if (!input_timestamp(good[i]))
			fail_msg("%s is refused", good[i]);
}

static void
what_is_no_time_is_refused(void **state)
{
	static const char *const bad[] = {
		"", "now", "today", "infinity", "-infinity", "epoch", "2026", "2026-12-24",
		"2026-12-24T10:00:00", "2026-12-24T10:00Z", "2026-12-24 10:00:00Z",
		"2026-12-24T10:00:00 Z", " 2026-12-24T10:00:00Z", "2026-12-24T10:00:00Z ",
		"2026-12-24T10:00:00ZZ", "2026-12-24T10:00:00Zjunk",
		"2027-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2026-02-30T00:00:00Z",
		"2026-04-31T00:00:00Z", "2026-00-10T00:00:00Z", "2026-13-10T00:00:00Z",
		"2026-12-00T00:00:00Z", "2026-12-32T00:00:00Z", "2026-12-24T24:00:00Z",
		"2026-12-24T10:60:00Z", "2026-12-24T10:00:61Z", "2026-1-2T03:04:05Z",
		"2026-12-24T1:00:00Z", "1999-12-31T23:59:59Z", "2200-01-01T00:00:00Z",
		"0000-01-01T00:00:00Z", "12026-12-24T10:00:00Z", "-026-12-24T10:00:00Z",
		"2026-12-24T10:00:00.Z", "2026-12-24T10:00:00.1234567890Z",
		"2026-12-24T10:00:00,5Z", "2026-12-24T10:00:00+1:00", "2026-12-24T10:00:00+0100",
		"2026-12-24T10:00:00+01", "2026-12-24T10:00:00+15:00", "2026-12-24T10:00:00+01:60",
		"2026-12-24T10:00:00+01:00Z", "2026-12-24T10:00:00UTC", "2026-12-24T10:00:00 Europe/Berlin",
		"\357\274\222026-12-24T10:00:00Z", "20x6-12-24T10:00:00Z",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (input_timestamp(bad[i]))
			fail_msg("%s passes", bad[i]);
}

static void
no_time_cut_short_passes_or_is_read_beyond_its_end(void **state)
{
	static const char whole[] = "2026-12-24T10:00:00.123+01:00";

	(void)state;
	for (size_t len = 0; len < sizeof(whole) - 1; len++) {
		char *cut = strndup(whole, len);	/* its end is the end of its memory */

		assert_false(input_timestamp(cut));
		free(cut);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_of_every_script_are_printable),
		cmocka_unit_test(what_is_no_utf8_is_refused_everywhere),
		cmocka_unit_test(control_characters_are_not_printable),
		cmocka_unit_test(direction_overrides_are_not_printable),
		cmocka_unit_test(invisible_characters_are_not_printable),
		cmocka_unit_test(newlines_pass_only_where_they_are_allowed),
		cmocka_unit_test(lengths_are_counted_in_characters),
		cmocka_unit_test(user_names_have_1_to_40_characters_and_no_space_around_them),
		cmocka_unit_test(addresses_have_one_at_and_something_on_both_sides),
		cmocka_unit_test(passwords_have_8_characters_to_1024_bytes),
		cmocka_unit_test(times_of_rfc_3339_pass),
		cmocka_unit_test(what_is_no_time_is_refused),
		cmocka_unit_test(no_time_cut_short_passes_or_is_read_beyond_its_end),
	};

	return cmocka_run_group_tests_name("input", tests, NULL, NULL);
}
