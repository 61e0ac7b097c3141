/* Growing texts, and texts as JSON. realloc() is the linker's --wrap, so that it can fail. */
#include "buf.h"

#include <json-c/json.h>

#include "test.h"

static bool no_memory;

void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);

void *
__wrap_realloc(void *p, size_t size)
{
	return no_memory ? NULL : __real_realloc(p, size);
}

static void
a_buf_is_ended_by_a_nul_at_every_length(void **state)
{
	struct buf b = { 0 };

	(void)state;
	assert_null(b.data);
	for (size_t i = 0; i < 5000; i++) {
		buf_add(&b, "x", 1);
		assert_int_equal(b.len, i + 1);
		assert_true(b.cap > b.len);
		assert_int_equal(b.data[b.len], '\0');
	}
	assert_int_equal(strlen(b.data), 5000);
	buf_free(&b);
	assert_null(b.data);
}

static void
bytes_are_kept_as_they_are(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_add(&b, "a\0b", 3);
	buf_puts(&b, "c");
	assert_int_equal(b.len, 4);
	assert_memory_equal(b.data, "a\0bc", 5);
	buf_free(&b);
}

static void
a_format_fits_exactly_where_the_room_ends(void **state)
{
	(void)state;
	for (int len = 250; len < 262; len++) {
		struct buf b = { 0 };

		buf_printf(&b, "%*s", len, "z");
		assert_int_equal(b.len, len);
		assert_int_equal(strlen(b.data), len);
		buf_printf(&b, "%d", 12);
		assert_string_equal(b.data + len, "12");
		buf_free(&b);
	}
}

static void
clearing_keeps_the_memory(void **state)
{
	struct buf b = { 0 };
	const char *before;

	(void)state;
	buf_puts(&b, "something");
	before = b.data;
	buf_clear(&b);
	assert_int_equal(b.len, 0);
	assert_string_equal(b.data, "");
	buf_puts(&b, "else");
	assert_ptr_equal(b.data, before);
	assert_string_equal(b.data, "else");
	buf_free(&b);
	buf_clear(&b);		/* harmless with nothing in it */
	buf_free(&b);
}

static void
without_memory_what_was_there_stays_and_failed_says_so(void **state)
{
	struct buf b = { 0 };
	char long_text[1000];

	(void)state;
	memset(long_text, 'l', sizeof(long_text));
	buf_puts(&b, "kept");
	no_memory = true;
	buf_add(&b, long_text, sizeof(long_text));
	no_memory = false;
	assert_true(b.failed);
	assert_string_equal(b.data, "kept");
	buf_puts(&b, "x");	/* would fit, and would leave a hole before it */
	buf_printf(&b, "%d", 1);
	assert_string_equal(b.data, "kept");
	buf_clear(&b);
	assert_false(b.failed);
	buf_puts(&b, "again");
	assert_string_equal(b.data, "again");
	buf_free(&b);
}

static void
a_json_text_is_escaped_as_rfc_8259_says(void **state)
{
	static const struct {
		const char *text, *json;
	} cases[] = {
		{ "", "\"\"" },
		{ "plain", "\"plain\"" },
		{ "a\"b", "\"a\\\"b\"" },
		{ "a\\b", "\"a\\\\b\"" },
		{ "a\nb\tc\r", "\"a\\u000ab\\u0009c\\u000d\"" },
		{ "\x01\x1f", "\"\\u0001\\u001f\"" },
		{ "\x7f", "\"\x7f\"" },
		{ "caf\xc3\xa9 \xf0\x9f\x91\x9f", "\"caf\xc3\xa9 \xf0\x9f\x91\x9f\"" },
		{ "</script>", "\"</script>\"" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf b = { 0 };

		buf_json(&b, cases[i].text);
		assert_string_equal(b.data, cases[i].json);
		buf_free(&b);
	}
}

static void
every_byte_of_ascii_survives_the_way_through_json(void **state)
{
	char all[128];
	struct buf b = { 0 };
	struct json_object *o;

	(void)state;
	for (int i = 0; i < 127; i++)
		all[i] = (char)(i + 1);
	all[127] = '\0';
	buf_json(&b, all);
	o = json_tokener_parse(b.data);
	assert_non_null(o);
	assert_string_equal(json_object_get_string(o), all);
	json_object_put(o);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_buf_is_ended_by_a_nul_at_every_length),
		cmocka_unit_test(bytes_are_kept_as_they_are),
		cmocka_unit_test(a_format_fits_exactly_where_the_room_ends),
		cmocka_unit_test(clearing_keeps_the_memory),
		cmocka_unit_test(without_memory_what_was_there_stays_and_failed_says_so),
		cmocka_unit_test(a_json_text_is_escaped_as_rfc_8259_says),
		cmocka_unit_test(every_byte_of_ascii_survives_the_way_through_json),
	};

	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
