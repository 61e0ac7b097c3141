/* Log lines. */
#include "log.h"

#include <fcntl.h>
#include <json-c/json.h>
#include <sys/stat.h>

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

static const struct log_request request = { .id = "5d1c\"x", .pool = "api", .method = "POST",
	.route = "/api/drops/{id}/reservations", .status = 201, .us = 3218 };

static void
a_request_is_a_line_of_its_own_kind(void **state)
{
	(void)state;
	log_open("lastpair-test");
	test_stderr_begin(&said);
	log_request(&request);
	test_stderr_end(&said);
	assert_contains(said.text, "] 5d1c\"x api POST /api/drops/{id}/reservations 201 3.218 ms\n");
}

/* A client may name a method as long as nginx takes. */
static void
a_request_too_long_is_cut_but_still_one_line(void **state)
{
	static const enum log_format formats[] = { LOG_TEXT, LOG_JSON };
	char method[2200];
	struct log_request longest = request;

	(void)state;
	longest.method = method;
	for (size_t i = 0; i < 2 * sizeof(method) - 2; i++) {
		size_t len = i / 2 + 1;

		memset(method, 'M', len);
		method[len] = '\0';
		log_set(LOG_INFO, formats[i % 2]);
		test_stderr_begin(&said);
		log_request(&longest);
		test_stderr_end(&said);
		assert_true(strlen(said.text) <= 2048);
		assert_ptr_equal(strchr(said.text, '\n'), said.text + strlen(said.text) - 1);
	}
	log_set(LOG_INFO, LOG_TEXT);
}

static void
a_level_leaves_out_what_is_below_it(void **state)
{
	(void)state;
	test_stderr_begin(&said);
	log_set(LOG_NOTICE, LOG_TEXT);
	log_request(&request);
	log_info("noticed");
	log_set(LOG_ERROR, LOG_TEXT);
	log_info("unnoticed");
	log_error("broken");
	log_set(LOG_INFO, LOG_TEXT);
	test_stderr_end(&said);
	assert_null(strstr(said.text, "5d1c"));
	assert_contains(said.text, "] noticed\n");
	assert_null(strstr(said.text, "unnoticed"));
	assert_contains(said.text, "broken");
}

static const char *
member(struct json_object *o, const char *name)
{
	struct json_object *value;

	assert_true(json_object_object_get_ex(o, name, &value));
	return json_object_get_string(value);
}

/* Whatever is in a message, the line is one JSON object in UTF-8. */
static void
a_line_of_json_can_be_read_whatever_is_in_it(void **state)
{
	static const char *const messages[] = { "plain", "a \"quoted\" \\ word", "line\nbreak\x1b[2J",
	    "\xc3\xa9t\xc3\xa9", "cut \xc3", "\xff\xfe", "" };
	struct json_object *o;
	char longest[5000];

	(void)state;
	memset(longest, '"', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	log_open("lastpair-test");
	log_set(LOG_INFO, LOG_JSON);
	for (size_t i = 0; i <= COUNT(messages); i++) {
		test_stderr_begin(&said);
		log_error("%s", i < COUNT(messages) ? messages[i] : longest);
		test_stderr_end(&said);
		assert_ptr_equal(strchr(said.text, '\n'), said.text + strlen(said.text) - 1);
		o = json_tokener_parse(said.text);
		assert_non_null(o);
		assert_string_equal(member(o, "level"), "error");
		assert_string_equal(member(o, "program"), "lastpair-test");
		if (i == 1 || i == 3)
			assert_string_equal(member(o, "message"), messages[i]);
		json_object_put(o);
	}
	test_stderr_begin(&said);
	log_request(&request);
	test_stderr_end(&said);
	log_set(LOG_INFO, LOG_TEXT);
	o = json_tokener_parse(said.text);
	assert_non_null(o);
	assert_string_equal(member(o, "request"), request.id);
	assert_string_equal(member(o, "route"), request.route);
	assert_string_equal(member(o, "status"), "201");
	assert_string_equal(member(o, "ms"), "3.218");
	assert_string_equal(member(o, "level"), "info");
	json_object_put(o);
}

static void
the_journal_is_told_the_priority_and_not_what_it_knows(void **state)
{
	struct stat st;
	char stream[64];

	(void)state;
	test_stderr_begin(&said);
	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
	    (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_open("lastpair-test");
	log_error("broken");
	log_info("mended");
	log_request(&request);
	setenv("JOURNAL_STREAM", "1:1", 1);	/* another's */
	log_open("lastpair-test");
	log_info("elsewhere");
	test_stderr_end(&said);
	unsetenv("JOURNAL_STREAM");
	log_open("lastpair-test");
	assert_memory_equal(said.text, "<3>error: broken\n<5>mended\n<6>5d1c\"x api POST ", 40);
	assert_contains(said.text, "lastpair-test[");
	assert_contains(said.text, "] elsewhere\n");
}

/* What the file of the log holds. */
static const char *
content(const char *path)
{
	static char text[4096];
	int fd = open(path, O_RDONLY);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void
write_to_files(void)
{
	char dir[TEST_PATH_LEN], path[TEST_PATH_LEN + 16], moved[TEST_PATH_LEN + 16];

	test_folder(dir);
	snprintf(path, sizeof(path), "%s/api.log", dir);
	snprintf(moved, sizeof(moved), "%s/api.log.1", dir);
	log_open("lastpair-test");
	assert_false(log_to("/nonexistent/folder", "api"));
	assert_true(log_to(dir, "api"));
	log_info("first");
	assert_contains(content(path), "first\n");
	assert_int_equal(rename(path, moved), 0);
	log_reopen();
	log_info("second");
	assert_contains(content(path), "second\n");
	assert_null(strstr(content(moved), "second"));
	assert_int_equal(rename(path, moved), 0);	/* and nobody says so */
	for (int i = 0; i < 50 && access(path, F_OK) != 0; i++) {
		usleep(100000);
		log_info("third");
	}
	assert_contains(content(path), "third\n");
	assert_int_equal(rename(path, moved), 0);	/* and an empty one put in its place */
	close(open(path, O_WRONLY | O_CREAT, 0640));
	for (int i = 0; i < 50 && strstr(content(path), "fourth\n") == NULL; i++) {
		usleep(100000);
		log_info("fourth");
	}
	assert_contains(content(path), "fourth\n");
	unlink(path);
	unlink(moved);
	rmdir(dir);
	_exit(7);
}

static void
a_file_that_was_moved_away_is_begun_anew(void **state)
{
	int status = test_in_child(write_to_files);

	(void)state;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_has_time_program_process_and_message),
		cmocka_unit_test(what_came_from_outside_cannot_begin_a_line_of_its_own),
		cmocka_unit_test(a_message_too_long_is_cut_but_still_one_line),
		cmocka_unit_test(a_request_is_a_line_of_its_own_kind),
		cmocka_unit_test(a_request_too_long_is_cut_but_still_one_line),
		cmocka_unit_test(a_level_leaves_out_what_is_below_it),
		cmocka_unit_test(a_line_of_json_can_be_read_whatever_is_in_it),
		cmocka_unit_test(the_journal_is_told_the_priority_and_not_what_it_knows),
		cmocka_unit_test(a_file_that_was_moved_away_is_begun_anew),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
