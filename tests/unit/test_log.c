/* Log lines. */
#include "log.h"

#include "test.h"

static struct test_stderr said;

static void
a_line_has_time_program_process_and_message(void **state)
{
	int year, month, day, hour, minute, second, ms, pid;
	char program[32];

	(void)state;
	log_open("lastpair-test");
	test_stderr_begin(&said);
	log_info("%d of %s", 3, "pairs");
	test_stderr_end(&said);
	assert_int_equal(sscanf(said.text, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ %31[^[][%d] ", &year, &month, &day,
	    &hour, &minute, &second, &ms, program, &pid), 9);
	assert_string_equal(program, "lastpair-test");
	assert_int_equal(pid, getpid());
	assert_contains(said.text, "] 3 of pairs\n");
	test_stderr_begin(&said);
	log_error("broken");
	test_stderr_end(&said);
	assert_contains(said.text, "] error: broken\n");
}

static void
what_came_from_outside_cannot_begin_a_line_of_its_own(void **state)
{
	(void)state;
	test_stderr_begin(&said);
	log_info("path %s", "/x\n2026-01-01T00:00:00.000Z lastpair-api[1] all is well\r\x1b[2J\x7f\t");
	test_stderr_end(&said);
	assert_ptr_equal(strchr(said.text, '\n'), said.text + strlen(said.text) - 1);
	for (const char *p = said.text; p[1] != '\0'; p++)
		assert_true((unsigned char)*p >= 0x20 && *p != 0x7f);
}

static void
a_message_too_long_is_cut_but_still_one_line(void **state)
{
	char text[6000];

	(void)state;
	for (size_t len = 1900; len < 5999; len += len < 2100 ? 1 : 997) {
		memset(text, 'x', len);
		text[len] = '\0';
		test_stderr_begin(&said);
		log_error("%s", text);
		test_stderr_end(&said);
		assert_true(strlen(said.text) <= 2048);
		assert_int_equal(said.text[strlen(said.text) - 1], '\n');
		assert_contains(said.text, "xxxx");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_has_time_program_process_and_message),
		cmocka_unit_test(what_came_from_outside_cannot_begin_a_line_of_its_own),
		cmocka_unit_test(a_message_too_long_is_cut_but_still_one_line),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
