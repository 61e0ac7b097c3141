/* Reading CSV. */
#include "csv.h"

#include "test.h"

static char *fields[CSV_MAX_FIELDS];
static char *text, *next;
static int line;

static void
open_text(const char *s)
{
	free(text);
	text = next = strdup(s);
	line = 1;
	assert_non_null(text);
}

/* The next record must be these fields, NULL-ended, and leave the reader on `line_after`. */
static void
record_is(int line_after, ...)
{
	int count = csv_record(&next, &line, fields), i = 0;
	const char *wanted;
	va_list ap;

	va_start(ap, line_after);
	for (; (wanted = va_arg(ap, const char *)) != NULL; i++) {
		assert_true(i < count);
		assert_string_equal(fields[i], wanted);
	}
	va_end(ap);
	assert_int_equal(count, i);
	assert_int_equal(line, line_after);
}

static int
tear_down(void **state)
{
	(void)state;
	free(text);
	text = NULL;
	return 0;
}

static void
plain_fields_are_taken_line_by_line(void **state)
{
	(void)state;
	open_text("a,b,c\nd,,f\n");
	record_is(2, "a", "b", "c", NULL);
	record_is(3, "d", "", "f", NULL);
	assert_int_equal(csv_record(&next, &line, fields), 0);
	assert_int_equal(csv_record(&next, &line, fields), 0);
}

static void
the_last_line_may_have_no_end(void **state)
{
	(void)state;
	open_text("a,b\nc,d");
	record_is(2, "a", "b", NULL);
	record_is(2, "c", "d", NULL);
	assert_int_equal(csv_record(&next, &line, fields), 0);
	open_text("a,");
	record_is(1, "a", "", NULL);
	assert_int_equal(csv_record(&next, &line, fields), 0);
	open_text("\"q\"");
	record_is(1, "q", NULL);
	assert_int_equal(csv_record(&next, &line, fields), 0);
}

static void
lines_may_end_with_crlf(void **state)
{
	(void)state;
	open_text("a,\"b\"\r\nc,d\r\n");
	record_is(2, "a", "b", NULL);
	record_is(3, "c", "d", NULL);
	assert_int_equal(csv_record(&next, &line, fields), 0);
}

static void
quotes_hold_commas_quotes_and_nothing(void **state)
{
	(void)state;
	open_text("\"a,b\",\"say \"\"hi\"\"\",\"\",\"\"\"\",\" x \"\n");
	record_is(2, "a,b", "say \"hi\"", "", "\"", " x ", NULL);
}

static void
a_newline_in_quotes_belongs_to_the_field_and_counts_as_a_line(void **state)
{
	(void)state;
	open_text("\"two\nlines\",x\n\"three\r\nmore\n\",y\nlast,z\n");
	record_is(3, "two\nlines", "x", NULL);
	record_is(6, "three\r\nmore\n", "y", NULL);
	record_is(7, "last", "z", NULL);
}

static void
an_empty_line_is_one_empty_field(void **state)
{
	(void)state;
	open_text("a\n\nb\n");
	record_is(2, "a", NULL);
	record_is(3, "", NULL);
	record_is(4, "b", NULL);
}

static void
a_quote_in_the_wrong_place_is_an_error(void **state)
{
	static const char *const bad[] = { "\"open", "\"open,x\ny\n", "\"a\"b,c\n", "\"a\" ,c\n", "a\"b\n",
	    "a\"b\",c\n", "x,\"", "\"\"\"", "x,\"a\"\"\n" };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		open_text(bad[i]);
		if (csv_record(&next, &line, fields) != -1)
			fail_msg("%s passes", bad[i]);
	}
}

static void
sixty_four_fields_fit_and_one_more_is_an_error(void **state)
{
	char row[CSV_MAX_FIELDS * 2 + 3];

	(void)state;
	for (int i = 0; i < CSV_MAX_FIELDS; i++)
		memcpy(row + (size_t)i * 2, i + 1 < CSV_MAX_FIELDS ? "x," : "y\n", 3);
	open_text(row);
	assert_int_equal(csv_record(&next, &line, fields), 64);
	assert_string_equal(fields[63], "y");
	memcpy(row + sizeof(row) - 4, ",z\n", 4);
	open_text(row);
	assert_int_equal(csv_record(&next, &line, fields), -1);
	memcpy(row + sizeof(row) - 4, ",", 2);
	open_text(row);
	assert_int_equal(csv_record(&next, &line, fields), -1);
}

#define TEST(fn) cmocka_unit_test_teardown(fn, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(plain_fields_are_taken_line_by_line),
		TEST(the_last_line_may_have_no_end),
		TEST(lines_may_end_with_crlf),
		TEST(quotes_hold_commas_quotes_and_nothing),
		TEST(a_newline_in_quotes_belongs_to_the_field_and_counts_as_a_line),
		TEST(an_empty_line_is_one_empty_field),
		TEST(a_quote_in_the_wrong_place_is_an_error),
		TEST(sixty_four_fields_fit_and_one_more_is_an_error),
	};

	return cmocka_run_group_tests_name("csv", tests, NULL, NULL);
}
