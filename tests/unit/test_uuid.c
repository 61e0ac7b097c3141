/* Identifiers. */
#include "uuid.h"

#include "clock.h"
#include "test.h"

static void
an_id_is_a_version_7_uuid_of_this_moment(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++) {
		char id[UUID_TEXT_LEN], digits[13];
		int64_t before = clock_wall_ms(), ms, after;

		uuid_new(id);
		after = clock_wall_ms();
		assert_true(uuid_valid(id));
		assert_int_equal(strlen(id), 36);
		assert_int_equal(id[14], '7');
		assert_non_null(strchr("89ab", id[19]));
		memcpy(digits, id, 8);
		memcpy(digits + 8, id + 9, 4);
		digits[12] = '\0';
		ms = strtoll(digits, NULL, 16);
		assert_true(ms >= before && ms <= after);
		for (const char *p = id; *p != '\0'; p++)
			assert_false(*p >= 'A' && *p <= 'Z');
	}
}

static void
ids_are_in_order_of_time(void **state)
{
	char last[UUID_TEXT_LEN] = "", id[UUID_TEXT_LEN];

	(void)state;
	for (int i = 0; i < 20; i++) {
		uuid_new(id);
		assert_true(strcmp(id, last) > 0);
		strcpy(last, id);
		clock_sleep_ms(2);
	}
}

static int
compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void
no_two_ids_are_the_same_nor_do_they_share_their_random_part(void **state)
{
	enum { N = 20000 };
	char (*tails)[UUID_TEXT_LEN] = calloc(N, sizeof(*tails));

	(void)state;
	assert_non_null(tails);
	for (int i = 0; i < N; i++) {
		char id[UUID_TEXT_LEN];

		uuid_new(id);
		strcpy(tails[i], id + 15);	/* without time and version */
	}
	qsort(tails, N, sizeof(*tails), compare);
	for (int i = 1; i < N; i++)
		assert_string_not_equal(tails[i - 1], tails[i]);
	free(tails);
}

static void
every_random_bit_is_sometimes_set_and_sometimes_not(void **state)
{
	unsigned int ones[16] = { 0 }, zeros[16] = { 0 };	/* digits 16.. of the tail */

	(void)state;
	for (int i = 0; i < 2000; i++) {
		char id[UUID_TEXT_LEN], digit[2] = { 0 };

		uuid_new(id);
		for (int d = 0; d < 12; d++) {
			unsigned int n;

			digit[0] = id[24 + d];
			n = (unsigned int)strtoul(digit, NULL, 16);
			ones[d] |= n;
			zeros[d] |= ~n & 0xf;
		}
	}
	for (int d = 0; d < 12; d++) {
		assert_int_equal(ones[d], 0xf);
		assert_int_equal(zeros[d], 0xf);
	}
}

static void
a_uuid_is_36_characters_of_its_usual_form(void **state)
{
	static const char *const bad[] = {
		"", "01890a5d-ac96-774b-bcce-b302099a805", "01890a5d-ac96-774b-bcce-b302099a80577",
		"01890a5dac96774bbcceb302099a8057", "{01890a5d-ac96-774b-bcce-b302099a805}",
		"01890a5d_ac96-774b-bcce-b302099a8057", "01890a5da-c96-774b-bcce-b302099a8057",
		"01890a5d-ac96-774b-bcce-b302099a805g", "01890a5d-ac96-774b-bcce-b302099a805\n",
		" 1890a5d-ac96-774b-bcce-b302099a8057", "01890a5d-ac96-774b-bcce-b302099a80'--",
		"0x890a5d-ac96-774b-bcce-b302099a8057", "------------------------------------",
		"01890a5d-ac96-774b-bcce-b302099a805\xc3",
	};

	(void)state;
	assert_true(uuid_valid("01890a5d-ac96-774b-bcce-b302099a8057"));
	assert_true(uuid_valid("01890A5D-AC96-774B-BCCE-B302099A8057"));
	assert_true(uuid_valid("00000000-0000-0000-0000-000000000000"));
	for (size_t i = 0; i < COUNT(bad); i++)
		if (uuid_valid(bad[i]))
			fail_msg("\"%s\" passes", bad[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_is_a_version_7_uuid_of_this_moment),
		cmocka_unit_test(ids_are_in_order_of_time),
		cmocka_unit_test(no_two_ids_are_the_same_nor_do_they_share_their_random_part),
		cmocka_unit_test(every_random_bit_is_sometimes_set_and_sometimes_not),
		cmocka_unit_test(a_uuid_is_36_characters_of_its_usual_form),
	};

	return cmocka_run_group_tests_name("uuid", tests, NULL, NULL);
}
