/* JSON as strangers send it. */
#include "json.h"

#include <sys/mman.h>

#include "test.h"

static struct json_object *
parse(const char *text)
{
	const char *why = "unset";
	struct json_object *o = json_parse_object(text, strlen(text), &why);

	if (o == NULL) {
		assert_non_null(why);	/* a sentence for the caller */
		assert_true(strlen(why) > 10 && why[strlen(why) - 1] == '.');
	} else {
		assert_null(why);
	}
	return o;
}

static void
all_refused(const char *const texts[], size_t count)
{
	bool any = false;

	for (size_t i = 0; i < count; i++) {
		struct json_object *o = parse(texts[i]);

		if (o != NULL)
			print_error("%s passes as %s\n", texts[i], json_object_to_json_string(o));
		any = any || o != NULL;
		json_object_put(o);
	}
	assert_false(any);
}

static void
all_accepted(const char *const texts[], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct json_object *o = parse(texts[i]);

		if (o == NULL)
			fail_msg("%s is refused", texts[i]);
		json_object_put(o);
	}
}

/* The member `a` of {"a":VALUE}. */
static struct json_object *
value_of(const char *value, struct json_object **whole)
{
	char text[256];
	struct json_object *o = NULL;

	snprintf(text, sizeof(text), "{\"a\":%s}", value);
	*whole = parse(text);
	json_object_object_get_ex(*whole, "a", &o);
	return o;
}

static void
ordinary_objects_are_read(void **state)
{
	static const char *const good[] = {
		"{}", " {} ", "\t{\r\n\"a\" : 1 }\n", "{\"a\":null,\"b\":true,\"c\":[1,2,{\"d\":\"e\"}]}",
		"{\"a\":-0.5e-3}", "{\"\":1}", "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"}",
		"{\"a\":\"{[':,/*\"}", "{\"a\":\"caf\xc3\xa9\"}", "{\"a\":[],\"b\":{}}",
	};

	(void)state;
	all_accepted(good, COUNT(good));
}

static void
what_is_no_json_is_refused(void **state)
{
	static const char *const bad[] = {
		"", " ", "{", "}", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,}", "{,}", "{\"a\"}",
		"{\"a\" 1}", "{a:1}", "{\"a\":1 \"b\":2}", "{\"a\":[1,]}", "{\"a\":[1 2]}", "{\"a\":}",
		"{\"a\":tru}", "{\"a\":True}", "{\"a\":TRUE}", "{\"a\":truE}", "{\"a\":nul}",
		"{\"a\":NULL}", "{\"a\":\"x}", "{\"a\":\"\\x41\"}", "{\"a\":\"\\u12\"}", "{\"a\":\"\\\"}",
		"{\"a\":1}}", "{\"a\":[}", "{\"a\":{]}", "{\"a\":undefined}",
		"\xef\xbb\xbf{}", "{\"a\":1}\v", "{\f}",
	};

	(void)state;
	all_refused(bad, COUNT(bad));
}

static void
what_json_c_would_let_pass_is_refused(void **state)
{
	static const char *const bad[] = {
		"{'a':1}", "{\"a\":'x'}", "{\"a\":NaN}", "{\"a\":nan}", "{\"a\":Infinity}",
		"{\"a\":-Infinity}", "{\"a\":1}/* c */", "{/* c */}", "{\"a\":1 // c\n}", "# c\n{}",
		"{\"a\":12abc}", "{\"a\":0x10}", "{\"a\":01}", "{\"a\":-01}", "{\"a\":+1}", "{\"a\":.5}", "{\"a\":1.}",
		"{\"a\":00}", "{\"a\":-.5}", "{\"a\":1.e5}", "{\"a\":1E+}",
		"{\"a\":-}", "{\"a\":1e}", "{\"a\":--1}", "{\"a\":1-1}", "{\"a\":1.2.3}",
	};

	(void)state;
	all_refused(bad, COUNT(bad));
}

static void
only_an_object_will_do(void **state)
{
	static const char *const bad[] = { "[]", "[{}]", "1", "\"a\"", "true", "null", "-1.5" };

	(void)state;
	all_refused(bad, COUNT(bad));
}

static void
nothing_follows_the_object(void **state)
{
	static const char *const bad[] = { "{} {}", "{}x", "{},", "{}1", "{}\"\"", "{\"a\":1} true",
	    "{}null", "{}[]" };

	(void)state;
	all_refused(bad, COUNT(bad));
}

static void
a_member_named_twice_is_refused_at_any_depth(void **state)
{
	static const char *const bad[] = {
		"{\"a\":1,\"a\":1}", "{\"a\":1,\"b\":2,\"a\":3}", "{\"a\" :1,\"a\"\n:2}",
		"{\"o\":{\"a\":1,\"a\":2}}", "{\"l\":[{\"a\":1},{\"b\":1,\"b\":2}]}",
		"{\"x\":{\"y\":{\"z\":[{\"k\":0,\"k\":0}]}}}", "{\"o\":{\"p\":1},\"o\":2}",
		"{\"\":1,\"\":2}", "{\"a\\\"\":1,\"a\\\"\":2}", "{\"b\":[\"x\"],\"c\":{},\"b\":1}",
	};
	static const char *const good[] = {
		"{\"a\":\"a\",\"b\":\"a\"}", "{\"a\":{\"a\":{\"a\":1}}}", "{\"l\":[{\"a\":1},{\"a\":2}]}",
		"{\"a\":[\"b\",\"b\"],\"b\":1}", "{\"a\":1,\"A\":2}", "{\"a\":{\"b\":1},\"b\":{\"a\":1}}",
		"{\"a\":\"b\\\":\",\"b\":1}",
	};

	(void)state;
	all_refused(bad, COUNT(bad));
	all_accepted(good, COUNT(good));
}

static void
a_name_written_in_escapes_is_still_the_same_name(void **state)
{
	static const char *const bad[] = {
		"{\"quantity\":1,\"\\u0071uantity\":500}", "{\"\\u0061\":1,\"a\":2}",
		"{\"a/b\":1,\"a\\/b\":2}", "{\"o\":{\"\\u00e9\":1,\"\xc3\xa9\":2}}",
		"{\"\\u00E9\":1,\"\\u00e9\":2}",
	};

	(void)state;
	all_refused(bad, COUNT(bad));
}

static void
an_object_of_very_many_members_is_refused(void **state)
{
	char text[4096] = "{";

	(void)state;
	for (int i = 0; i < 200; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s\"m%d\":1",
		    i > 0 ? "," : "", i);
	strcat(text, "}");
	assert_null(parse(text));
}

/* `depth` objects in each other, the innermost with a number in it. */
static void
nest(char *text, int depth, const char *open, const char *close)
{
	strcpy(text, "{\"a\":");
	for (int i = 1; i < depth; i++)
		strcat(text, open);
	strcat(text, "1");
	for (int i = 1; i < depth; i++)
		strcat(text, close);
	strcat(text, "}");
}

static void
eight_objects_in_each_other_pass_and_nine_do_not(void **state)
{
	char text[256];
	struct json_object *o;

	(void)state;
	nest(text, 8, "{\"a\":", "}");
	o = parse(text);
	assert_non_null(o);
	json_object_put(o);
	nest(text, 9, "{\"a\":", "}");
	assert_null(parse(text));
}

static void
eight_lists_and_objects_in_each_other_pass_and_nine_do_not(void **state)
{
	char text[256];
	struct json_object *o;

	(void)state;
	nest(text, 8, "[", "]");
	o = parse(text);
	assert_non_null(o);
	json_object_put(o);
	nest(text, 9, "[", "]");
	assert_null(parse(text));
	assert_null(parse("{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["));
}

static void
control_characters_and_nul_have_no_place(void **state)
{
	static const char *const bad[] = {
		"{\"a\":\"x\ny\"}", "{\"a\":\"x\ty\"}", "{\"a\":\"\x01\"}", "{\"a\nb\":1}", "{\"a\":\"\x1f\"}",
		"{\"a\":\"x\\u0000y\"}", "{\"a\\u0000b\":1}", "{\"a\":\"\\u0000\"}",
		"{\"o\":{\"\\u0000\":[\"\"]}}",
	};
	static const char *const good[] = {
		"{\"a\":\"\\u0001\"}", "{\"a\":\"\\\\u0000\"}", "{\"a\":\"u0000\"}",
	};
	static const char nul_inside[] = "{\"a\":\"x\0y\"}", nul_after[] = "{}\0";
	const char *why;

	(void)state;
	all_refused(bad, COUNT(bad));
	all_accepted(good, COUNT(good));
	assert_null(json_parse_object(nul_inside, sizeof(nul_inside) - 1, &why));
	assert_null(json_parse_object(nul_after, sizeof(nul_after) - 1, &why));
}

static void
invalid_utf8_is_refused(void **state)
{
	static const char *const bad[] = {
		"{\"a\":\"\x80\"}", "{\"a\":\"\xc3\"}", "{\"a\":\"\xc0\xaf\"}", "{\"a\":\"\xff\"}",
		"{\"\xc3(\":1}", "{\"a\":\"\xe6\x97\"}", "{\"\xc0\xaf\":1}",
		"{\"a\":\"\xe0\x80\xaf\"}", "{\"a\":\"\xed\xa0\x80\"}", "{\"a\":\"\xf4\x90\x80\x80\"}",
		"{\"a\":\"\xf0\x80\x80\xaf\"}",
	};

	(void)state;
	all_refused(bad, COUNT(bad));
}

static void
a_lone_surrogate_in_escapes_never_becomes_invalid_utf8(void **state)
{
	static const char *const texts[] = { "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800x\"",
	    "\"\\ud800\\ud800\"", "\"\\ud83d\\udc5f\"" };

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct json_object *whole, *o = value_of(texts[i], &whole);
		const char *s = whole != NULL ? json_text(o) : "";

		for (; *s != '\0'; s++)		/* a surrogate would begin with ED A0 to ED BF */
			assert_false((unsigned char)s[0] == 0xed && (unsigned char)s[1] >= 0xa0);
		json_object_put(whole);
	}
}

static void
text_is_only_what_was_written_as_text(void **state)
{
	static const char *const others[] = { "1", "true", "null", "[]", "{}", "1.5" };
	struct json_object *whole, *o = value_of("\"x\"", &whole);

	(void)state;
	assert_string_equal(json_text(o), "x");
	json_object_put(whole);
	for (size_t i = 0; i < COUNT(others); i++) {
		o = value_of(others[i], &whole);
		assert_null(json_text(o));
		json_object_put(whole);
	}
	assert_null(json_text(NULL));
}

static bool
whole_in(const char *value, int64_t min, int64_t max, int64_t *n)
{
	struct json_object *whole, *o = value_of(value, &whole);
	bool ok = json_whole(o, min, max, n);

	json_object_put(whole);
	return ok;
}

static void
a_whole_number_is_one_that_was_written_as_one(void **state)
{
	static const char *const others[] = { "1.0", "1.9", "1e3", "1E3", "1e-1", "\"1\"", "\"12abc\"",
	    "true", "false", "null", "[]", "[1]", "{}", "-1.0", "\"\"" };
	int64_t n;

	(void)state;
	for (size_t i = 0; i < COUNT(others); i++)
		if (whole_in(others[i], INT64_MIN + 1, INT64_MAX - 1, &n))
			fail_msg("%s passes", others[i]);
	assert_false(json_whole(NULL, 0, 10, &n));
	assert_true(whole_in("0", 0, 0, &n) && n == 0);
	assert_true(whole_in("-0", 0, 0, &n) && n == 0);
	assert_true(whole_in("42", 0, 100, &n) && n == 42);
	assert_true(whole_in("-42", -42, 0, &n) && n == -42);
}

static void
a_whole_number_is_within_its_range(void **state)
{
	int64_t n;

	(void)state;
	assert_true(whole_in("1", 1, 3, &n));
	assert_true(whole_in("3", 1, 3, &n));
	assert_false(whole_in("0", 1, 3, &n));
	assert_false(whole_in("4", 1, 3, &n));
	assert_false(whole_in("-1", 0, 3, &n));
}

static void
the_edges_of_64_bits_are_numbers_and_what_lies_beyond_is_not(void **state)
{
	static const char *const beyond[] = { "9223372036854775808", "-9223372036854775809",
	    "18446744073709551615", "18446744073709551616", "-18446744073709551616",
	    "100000000000000000000000000000" };
	int64_t n;

	(void)state;
	assert_true(whole_in("9223372036854775807", INT64_MIN, INT64_MAX, &n) && n == INT64_MAX);
	assert_true(whole_in("-9223372036854775807", INT64_MIN, INT64_MAX, &n) && n == -INT64_MAX);
	assert_false(whole_in("-9223372036854775808", INT64_MIN, INT64_MAX, &n));	/* json-c can't tell */
	for (size_t i = 0; i < COUNT(beyond); i++) {
		if (whole_in(beyond[i], 0, 100000000000, &n))
			fail_msg("%s passes as an amount", beyond[i]);
		if (whole_in(beyond[i], INT64_MIN, INT64_MAX, &n))
			fail_msg("%s passes as a number of 64 bits", beyond[i]);
	}
}

/* Texts that end where their memory ends. */
static void
parse_at_the_edge_of_a_page(void)
{
	static const char *const texts[] = { "{}", "{\"a\":1}", "{} ", "{\"a\":\"b", "{\"a\\", "{\"a\":\"\\u00" };
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *memory = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED || mprotect(memory + page, page, PROT_NONE) != 0)
		_exit(99);
	for (size_t i = 0; i < COUNT(texts); i++) {
		size_t len = strlen(texts[i]);
		char *text = memory + page - len;
		const char *why;

		memcpy(text, texts[i], len);
		json_object_put(json_parse_object(text, len, &why));
	}
	munmap(memory, 2 * page);
}

static void
no_byte_after_the_text_is_read(void **state)
{
	(void)state;
	assert_int_equal(test_in_child(parse_at_the_edge_of_a_page), 0);
}

/* Not a proof: some thousand variations, for the sanitizers to watch. */
static void
no_mangled_document_gets_past_or_breaks_the_reader(void **state)
{
	static const char seed_text[] =
	    "{\"name\":\"Caf\\u00e9 \\\"1\\\"\",\"l\":[{\"size\":\"42\",\"totalStock\":3},{}],\"o\":{\"a\":[1,-2.5e3,null,true]}}";
	static const char bytes[] = "{}[]\",:\\u0'ntfe1-+. \n\x80\xc3";
	unsigned int seed = 20260131;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		char text[sizeof(seed_text)];
		size_t len = sizeof(seed_text) - 1;
		const char *why;
		struct json_object *o, *again;

		memcpy(text, seed_text, sizeof(text));
		for (int i = rand_r(&seed) % 4; i >= 0; i--)
			text[(size_t)rand_r(&seed) % len] = bytes[(size_t)rand_r(&seed) % (sizeof(bytes) - 1)];
		if (rand_r(&seed) % 4 == 0)
			len = (size_t)rand_r(&seed) % len;
		o = json_parse_object(text, len, &why);
		if (o == NULL)
			continue;
		/* What passed is an object that can be written and read again. */
		text[len] = '\0';
		again = json_parse_object(json_object_to_json_string(o),
		    strlen(json_object_to_json_string(o)), &why);
		if (again == NULL)
			fail_msg("%s was read as %s", text, json_object_to_json_string(o));
		json_object_put(again);
		json_object_put(o);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ordinary_objects_are_read),
		cmocka_unit_test(what_is_no_json_is_refused),
		cmocka_unit_test(what_json_c_would_let_pass_is_refused),
		cmocka_unit_test(only_an_object_will_do),
		cmocka_unit_test(nothing_follows_the_object),
		cmocka_unit_test(a_member_named_twice_is_refused_at_any_depth),
		cmocka_unit_test(a_name_written_in_escapes_is_still_the_same_name),
		cmocka_unit_test(an_object_of_very_many_members_is_refused),
		cmocka_unit_test(eight_objects_in_each_other_pass_and_nine_do_not),
		cmocka_unit_test(eight_lists_and_objects_in_each_other_pass_and_nine_do_not),
		cmocka_unit_test(control_characters_and_nul_have_no_place),
		cmocka_unit_test(invalid_utf8_is_refused),
		cmocka_unit_test(a_lone_surrogate_in_escapes_never_becomes_invalid_utf8),
		cmocka_unit_test(text_is_only_what_was_written_as_text),
		cmocka_unit_test(a_whole_number_is_one_that_was_written_as_one),
		cmocka_unit_test(a_whole_number_is_within_its_range),
		cmocka_unit_test(the_edges_of_64_bits_are_numbers_and_what_lies_beyond_is_not),
		cmocka_unit_test(no_byte_after_the_text_is_read),
		cmocka_unit_test(no_mangled_document_gets_past_or_breaks_the_reader),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
