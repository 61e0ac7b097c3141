/* Reading UTF-8. */
#include "utf8.h"

#include "test.h"

/* Writes `c` as UTF-8, whether or not it may be written; returns its length. */
static size_t
encode(int32_t c, char out[4])
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

static void
every_character_is_read_and_surrogates_and_what_lies_beyond_are_not(void **state)
{
	(void)state;
	for (int32_t c = 0; c < 0x120000; c++) {
		char bytes[4];
		size_t len = encode(c, bytes);
		const char *s = bytes;
		bool fine = c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);

		if (utf8_next(&s, bytes + len) != (fine ? c : -1) || s != bytes + (fine ? len : 0))
			fail_msg("U+%04X", (unsigned int)c);
	}
}

static void
a_character_that_is_cut_short_is_none_and_what_follows_is_not_read(void **state)
{
	(void)state;
	for (int32_t c = 0x80; c < 0x110000; c += 0x3ff) {
		char bytes[4];
		size_t len = encode(c, bytes);

		if (c >= 0xd800 && c <= 0xdfff)
			continue;
		for (size_t cut = 1; cut < len; cut++) {
			char *part = malloc(cut);	/* its end is the end of its memory */
			const char *s = part;

			assert_non_null(part);
			memcpy(part, bytes, cut);
			assert_int_equal(utf8_next(&s, part + cut), -1);
			assert_ptr_equal(s, part);
			free(part);
		}
	}
}

static void
of_all_pairs_of_bytes_only_the_right_ones_are_a_character(void **state)
{
	(void)state;
	for (int a = 0x80; a < 0x100; a++)
		for (int b = 0; b < 0x100; b++) {
			const char bytes[] = { (char)a, (char)b };
			const char *s = bytes;
			bool fine = a >= 0xc2 && a <= 0xdf && b >= 0x80 && b <= 0xbf;

			assert_int_equal(utf8_next(&s, bytes + 2), fine ? (a & 0x1f) << 6 | (b & 0x3f) : -1);
		}
}

static void
no_character_has_a_second_longer_form(void **state)
{
	static const char *const longer[] = { "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf",
	    "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", "\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80" };

	(void)state;
	for (size_t i = 0; i < COUNT(longer); i++) {
		const char *s = longer[i];

		assert_int_equal(utf8_next(&s, s + strlen(s)), -1);
		assert_ptr_equal(s, longer[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_character_is_read_and_surrogates_and_what_lies_beyond_are_not),
		cmocka_unit_test(a_character_that_is_cut_short_is_none_and_what_follows_is_not_read),
		cmocka_unit_test(of_all_pairs_of_bytes_only_the_right_ones_are_a_character),
		cmocka_unit_test(no_character_has_a_second_longer_form),
	};

	return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
