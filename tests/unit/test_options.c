/* The options that every program has, and how it ends when they are wrong. */
#include "options.h"

#include "test.h"

static struct options options;
static const char *arguments[8];

static void
set(const char *const list[])
{
	options = (struct options){ .program = "lastpair-test", .usage = "usage: lastpair-test\n" };
	memset(arguments, 0, sizeof(arguments));
	for (int i = 0; list[i] != NULL; i++)
		arguments[i] = list[i];
}

static int
parse(void)
{
	int argc = 0;

	while (arguments[argc] != NULL)
		argc++;
	return options_parse(&options, argc, (char **)(uintptr_t)arguments);
}

#define GIVEN(...) set((const char *const[]){ "lastpair-test", __VA_ARGS__, NULL })

static void
parse_only(void)
{
	parse();
	_exit(50);		/* it should not have come back */
}

static void
load_what_is_not_there(void)
{
	struct conf conf;

	parse();
	options_conf(&options, &conf);
	_exit(50);
}

static int
ends_with(void (*fn)(void))
{
	int status = test_in_child(fn);

	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
the_settings_file_is_named_and_the_rest_is_left(void **state)
{
	(void)state;
	GIVEN("-c", "/x.conf", "sweep", "-c", "y");
	assert_int_equal(parse(), 3);
	assert_string_equal(options.conf_path, "/x.conf");
	GIVEN("--once");
	assert_int_equal(parse(), 1);
	assert_string_equal(options.conf_path, "/etc/lastpair/lastpair.conf");
	GIVEN("-c", "a", "-c", "b");
	assert_int_equal(parse(), 5);
	assert_string_equal(options.conf_path, "b");
	GIVEN("sweep", "--help");	/* the command's own, not the program's */
	assert_int_equal(parse(), 1);
}

static void
asking_for_help_or_version_is_fine(void **state)
{
	(void)state;
	GIVEN("--help");
	assert_int_equal(ends_with(parse_only), 0);
	GIVEN("-h");
	assert_int_equal(ends_with(parse_only), 0);
	GIVEN("-c", "x", "--version");
	assert_int_equal(ends_with(parse_only), 0);
}

static void
wrong_use_ends_with_2_and_bad_settings_with_1(void **state)
{
	(void)state;
	GIVEN("-c");
	assert_int_equal(ends_with(parse_only), EXIT_USAGE);
	assert_int_equal(EXIT_USAGE, 2);
	GIVEN("-c", "/nonexistent/lastpair.conf");
	assert_int_equal(ends_with(load_what_is_not_there), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_settings_file_is_named_and_the_rest_is_left),
		cmocka_unit_test(asking_for_help_or_version_is_fine),
		cmocka_unit_test(wrong_use_ends_with_2_and_bad_settings_with_1),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
