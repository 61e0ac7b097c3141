/* Documents that make or change a drop, and the members they are taken apart into. */
#include "form.h"

#include "test.h"

static struct form form;

static int
set_up(void **state)
{
	(void)state;
	form = (struct form){ .arena = arena_new() };
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	arena_free(form.arena);
	return 0;
}

static bool
drop(const char *text, bool creating)
{
	struct arena *arena = form.arena;

	arena_reset(arena);
	form = (struct form){ .arena = arena };
	return form_drop(&form, text, strlen(text), creating);
}

/* A document that would make a drop but for `more`, which follows its name and price. */
static bool
create_with(const char *more)
{
	char text[16384];

	snprintf(text, sizeof(text), "{\"name\":\"One\",\"priceCents\":19900%s}", more);
	return drop(text, true);
}

static void
wrong_about(const char *field)
{
	for (int i = 0; i < form.error_count; i++)
		if (strcmp(form.errors[i].field, field) == 0) {
			assert_true(strlen(form.errors[i].message) > 10);
			return;
		}
	fail_msg("nothing is said about `%s`", field);
}

static void
the_least_document_makes_a_drop(void **state)
{
	(void)state;
	assert_true(create_with(",\"totalStock\":17"));
	assert_int_equal(form.error_count, 0);
	assert_true(create_with(",\"totalStock\":0"));
	assert_true(create_with(",\"sizes\":[{\"size\":\"42\",\"totalStock\":3}]"));
}

static void
a_document_of_every_field_makes_a_drop(void **state)
{
	(void)state;
	assert_true(drop("{\"name\":\"Aurora\",\"description\":\"Two\\nlines\",\"priceCents\":0,"
	    "\"currency\":\"EUR\",\"imageUrl\":\"/img/a.svg\",\"dropStartsAt\":\"2026-12-24T10:00:00Z\","
	    "\"dropEndsAt\":null,\"holdSeconds\":86400,\"coolDownSeconds\":0,\"maxPerUser\":1000,\"isActive\":false,"
	    "\"sizes\":[{\"size\":\"41\",\"totalStock\":0},{\"size\":\"42\",\"totalStock\":1000000}]}", true));
}

static void
what_makes_a_drop_is_needed(void **state)
{
	(void)state;
	assert_false(drop("{}", true));
	wrong_about("name");
	wrong_about("priceCents");
	wrong_about("totalStock");
	assert_int_equal(form.error_count, 3);
	assert_false(drop("{\"name\":null,\"priceCents\":null,\"totalStock\":null}", true));
	wrong_about("name");
	wrong_about("priceCents");
	wrong_about("totalStock");
	assert_false(drop("{\"name\":\"\",\"priceCents\":1,\"totalStock\":1}", true));
	wrong_about("name");
}

static void
stock_is_given_one_way_and_only_one(void **state)
{
	(void)state;
	assert_false(create_with(",\"totalStock\":1,\"sizes\":[{\"size\":\"a\",\"totalStock\":1}]"));
	wrong_about("totalStock");
	assert_false(create_with(""));
	wrong_about("totalStock");
}

static void
every_wrong_field_of_a_drop_is_named(void **state)
{
	static const struct {
		const char *more, *field;
	} cases[] = {
		{ ",\"description\":7", "description" },
		{ ",\"description\":\"tab\\tbed\"", "description" },
		{ ",\"currency\":\"usd\"", "currency" },
		{ ",\"currency\":\"EURO\"", "currency" },
		{ ",\"currency\":\"EU\"", "currency" },
		{ ",\"currency\":\"\"", "currency" },
		{ ",\"currency\":978", "currency" },
		{ ",\"imageUrl\":\"javascript:alert(1)\"", "imageUrl" },
		{ ",\"imageUrl\":\"data:image/svg+xml,x\"", "imageUrl" },
		{ ",\"imageUrl\":\"//elsewhere.example/x\"", "imageUrl" },
		{ ",\"imageUrl\":\"img/a.svg\"", "imageUrl" },
		{ ",\"imageUrl\":\"/a b\"", "imageUrl" },
		{ ",\"imageUrl\":\"ftp://a.example/\"", "imageUrl" },
		{ ",\"dropStartsAt\":\"tomorrow\"", "dropStartsAt" },
		{ ",\"dropStartsAt\":1767225600", "dropStartsAt" },
		{ ",\"dropEndsAt\":\"2026-12-24\"", "dropEndsAt" },
		{ ",\"dropEndsAt\":false", "dropEndsAt" },
		{ ",\"holdSeconds\":0", "holdSeconds" },
		{ ",\"holdSeconds\":86401", "holdSeconds" },
		{ ",\"holdSeconds\":60.0", "holdSeconds" },
		{ ",\"holdSeconds\":\"60\"", "holdSeconds" },
		{ ",\"coolDownSeconds\":-1", "coolDownSeconds" },
		{ ",\"coolDownSeconds\":3601", "coolDownSeconds" },
		{ ",\"maxPerUser\":0", "maxPerUser" },
		{ ",\"maxPerUser\":1001", "maxPerUser" },
		{ ",\"maxPerUser\":true", "maxPerUser" },
		{ ",\"isActive\":1", "isActive" },
		{ ",\"isActive\":\"true\"", "isActive" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[512], patch[512];

		snprintf(text, sizeof(text), ",\"totalStock\":1%s", cases[i].more);
		if (create_with(text))
			fail_msg("%s makes a drop", cases[i].more);
		wrong_about(cases[i].field);
		assert_int_equal(form.error_count, 1);
		snprintf(patch, sizeof(patch), "{%s}", cases[i].more + 1);
		if (drop(patch, false))
			fail_msg("%s changes a drop", cases[i].more);
		wrong_about(cases[i].field);
	}
}

static void
money_is_whole_cents_within_bounds(void **state)
{
	static const char *const bad[] = { "-1", "19.99", "1e3", "\"19900\"", "100000000001", "true", "[]",
	    "9223372036854775808" };
	char text[128];

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		snprintf(text, sizeof(text), "{\"name\":\"n\",\"totalStock\":1,\"priceCents\":%s}", bad[i]);
		if (drop(text, true))
			fail_msg("%s passes as a price", bad[i]);
		wrong_about("priceCents");
	}
	assert_true(drop("{\"priceCents\":100000000000}", false));
	assert_true(drop("{\"priceCents\":0}", false));
}

static void
total_stock_is_a_whole_number_to_a_million(void **state)
{
	static const char *const bad[] = { "-1", "1000001", "1.5", "\"7\"", "null", "2147483648" };
	char text[64];

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		snprintf(text, sizeof(text), ",\"totalStock\":%s", bad[i]);
		if (create_with(text))
			fail_msg("%s passes as a stock", bad[i]);
		wrong_about("totalStock");
	}
	assert_true(create_with(",\"totalStock\":1000000"));
}

static void
sizes_are_named_once_and_have_a_stock(void **state)
{
	static const char *const bad[] = {
		"[]", "{}", "null", "\"42\"", "[42]", "[null]", "[[]]", "[{}]",
		"[{\"size\":\"42\"}]", "[{\"totalStock\":1}]",
		"[{\"size\":\"\",\"totalStock\":1}]", "[{\"size\":42,\"totalStock\":1}]",
		"[{\"size\":\"123456789012345678901\",\"totalStock\":1}]",
		"[{\"size\":\"a\\nb\",\"totalStock\":1}]", "[{\"size\":\"42\",\"totalStock\":-1}]",
		"[{\"size\":\"42\",\"totalStock\":1.0}]", "[{\"size\":\"42\",\"totalStock\":1000001}]",
		"[{\"size\":\"42\",\"totalStock\":\"1\"}]",
		"[{\"size\":\"42\",\"totalStock\":1,\"soldStock\":1}]",
		"[{\"size\":\"42\",\"totalStock\":1},{\"size\":\"42\",\"totalStock\":2}]",
		"[{\"size\":\"42\",\"totalStock\":1},{\"size\":\"43\",\"totalStock\":1},{\"size\":\"\\u0034\\u0032\",\"totalStock\":1}]",
	};
	char text[1024];

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		snprintf(text, sizeof(text), ",\"sizes\":%s", bad[i]);
		if (create_with(text))
			fail_msg("%s passes", bad[i]);
		wrong_about("sizes");
		assert_int_equal(form.error_count, 1);
	}
	assert_true(create_with(",\"sizes\":[{\"size\":\"12345678901234567890\",\"totalStock\":1}]"));
	assert_true(create_with(",\"sizes\":[{\"size\":\"a\",\"totalStock\":1},{\"size\":\"A\",\"totalStock\":1}]"));
}

static void
a_change_takes_sizes_as_a_new_drop_does(void **state)
{
	static const char *const bad[] = { "[]", "{}", "null", "[{\"size\":\"\",\"totalStock\":1}]",
		"[{\"size\":\"42\",\"totalStock\":-1}]", "[{\"size\":\"42\"}]",
		"[{\"size\":\"42\",\"totalStock\":1},{\"size\":\"42\",\"totalStock\":2}]" };
	char text[256];

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		snprintf(text, sizeof(text), "{\"sizes\":%s}", bad[i]);
		if (drop(text, false))
			fail_msg("%s passes", bad[i]);
		wrong_about("sizes");
	}
	assert_true(drop("{\"sizes\":[{\"size\":\"42\",\"totalStock\":0}]}", false));
}

static void
there_are_at_most_a_hundred_sizes(void **state)
{
	(void)state;
	for (int count = 100; count <= 101; count++) {
		char text[8192] = ",\"sizes\":[";

		for (int i = 0; i < count; i++)
			snprintf(text + strlen(text), sizeof(text) - strlen(text),
			    "%s{\"size\":\"%d\",\"totalStock\":1}", i > 0 ? "," : "", i);
		strcat(text, "]");
		assert_int_equal(create_with(text), count == 100);
	}
	wrong_about("sizes");
}

static void
a_change_names_something_and_leaves_the_total_alone(void **state)
{
	(void)state;
	assert_true(drop("{\"isActive\":false}", false));
	assert_true(drop("{\"dropEndsAt\":null}", false));
	assert_false(drop("{}", false));
	wrong_about("");
	assert_false(drop("{\"totalStock\":5}", false));
	wrong_about("totalStock");
	assert_false(drop("{\"sizes\":[],\"totalStock\":5}", false));
	wrong_about("totalStock");
	assert_false(drop("{\"name\":\"\"}", false));
	wrong_about("name");
	assert_false(drop("{\"name\":null}", false));
	wrong_about("name");
	assert_false(drop("{\"name\":\" \\u3000\"}", false));
	wrong_about("name");
	assert_false(drop("{\"dropStartsAt\":null}", false));
	wrong_about("dropStartsAt");
}

/* It would pass for a change, and be none. */
static void
a_change_makes_nothing_null_that_has_a_value(void **state)
{
	static const char *const names[] = { "priceCents", "currency", "holdSeconds",
	    "coolDownSeconds", "maxPerUser", "isActive" };
	char text[64];

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		snprintf(text, sizeof(text), "{\"%s\":null}", names[i]);
		assert_false(drop(text, false));
		wrong_about(names[i]);
	}
	assert_true(drop("{\"description\":null,\"imageUrl\":null}", false));
}

static void
a_new_drop_may_leave_its_times_null(void **state)
{
	(void)state;
	assert_true(create_with(",\"totalStock\":1,\"dropStartsAt\":null,\"dropEndsAt\":null"));
}

static void
a_field_that_is_unknown_is_named(void **state)
{
	static const char *const names[] = { "soldStock", "id", "version", "Name", "name ", "" };
	char text[128];

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		snprintf(text, sizeof(text), ",\"totalStock\":1,\"%s\":1", names[i]);
		assert_false(create_with(text));
		wrong_about(names[i]);
	}
}

static void
what_is_no_object_is_said_of_the_whole(void **state)
{
	static const char *const bad[] = { "", "[]", "{", "null", "{\"name\":\"a\",\"name\":\"b\"}" };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_false(drop(bad[i], true));
		assert_int_equal(form.error_count, 1);
		wrong_about("");
	}
}

static void
lengths_of_texts_are_in_characters(void **state)
{
	char name[4096] = "", text[8192];

	(void)state;
	for (int i = 0; i < 120; i++)
		strcat(name, "\xe6\x97\xa5");
	snprintf(text, sizeof(text), "{\"name\":\"%s\"}", name);
	assert_true(drop(text, false));
	snprintf(text, sizeof(text), "{\"name\":\"%sx\"}", name);
	assert_false(drop(text, false));
	wrong_about("name");
	memset(name, 'd', 2001);
	name[2000] = '\0';
	snprintf(text, sizeof(text), "{\"description\":\"%s\"}", name);
	assert_true(drop(text, false));
	snprintf(text, sizeof(text), "{\"description\":\"%sd\"}", name);
	assert_false(drop(text, false));
}

static void
nothing_at_all_is_an_empty_object_only_where_it_may_be(void **state)
{
	static const char *const fields[] = { "size", NULL };
	const char *size = "untouched";

	(void)state;
	assert_true(form_parse(&form, "", 0, fields, true));
	assert_true(form_text(&form, "size", false, 20, false, &size));
	assert_string_equal(size, "untouched");
	assert_false(form_parse(&form, " ", 1, fields, true));
	assert_false(form_parse(&form, "", 0, fields, false));
}

static void
an_absent_or_null_member_leaves_its_value_untouched(void **state)
{
	static const char *const fields[] = { "t", "n", NULL };
	const char *text = "old";
	int64_t n = 7;

	(void)state;
	assert_true(form_parse(&form, "{\"t\":null}", 10, fields, false));
	assert_true(form_has(&form, "t"));
	assert_false(form_has(&form, "n"));
	assert_true(form_text(&form, "t", false, 5, false, &text));
	assert_true(form_whole(&form, "n", false, 0, 9, &n));
	assert_string_equal(text, "old");
	assert_int_equal(n, 7);
	assert_false(form_text(&form, "t", true, 5, false, &text));
	assert_false(form_whole(&form, "n", true, 0, 9, &n));
	assert_int_equal(form.error_count, 2);
}

static const char *
wants_yes(const char *s)
{
	return strcmp(s, "yes") == 0 ? NULL : "It must be yes.";
}

static void
a_checked_text_is_given_back_or_what_is_wrong_is_noted(void **state)
{
	static const char *const fields[] = { "a", "b", "c", NULL };
	static const char text[] = "{\"a\":\"yes\",\"b\":\"no\",\"c\":1}";

	(void)state;
	assert_true(form_parse(&form, text, sizeof(text) - 1, fields, false));
	assert_string_equal(form_checked(&form, "a", wants_yes), "yes");
	assert_int_equal(form.error_count, 0);
	assert_null(form_checked(&form, "b", wants_yes));
	assert_null(form_checked(&form, "c", wants_yes));
	assert_null(form_checked(&form, "d", wants_yes));
	assert_int_equal(form.error_count, 3);
	assert_string_equal(form.errors[0].message, "It must be yes.");
}

static void
no_more_is_noted_than_there_is_room_for(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++)
		form_wrong(&form, "field", "Something is wrong.");
	assert_int_equal(form.error_count, FORM_MAX_ERRORS);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_least_document_makes_a_drop),
		TEST(a_document_of_every_field_makes_a_drop),
		TEST(what_makes_a_drop_is_needed),
		TEST(stock_is_given_one_way_and_only_one),
		TEST(every_wrong_field_of_a_drop_is_named),
		TEST(money_is_whole_cents_within_bounds),
		TEST(total_stock_is_a_whole_number_to_a_million),
		TEST(sizes_are_named_once_and_have_a_stock),
		TEST(a_change_takes_sizes_as_a_new_drop_does),
		TEST(there_are_at_most_a_hundred_sizes),
		TEST(a_change_names_something_and_leaves_the_total_alone),
		TEST(a_change_makes_nothing_null_that_has_a_value),
		TEST(a_new_drop_may_leave_its_times_null),
		TEST(a_field_that_is_unknown_is_named),
		TEST(what_is_no_object_is_said_of_the_whole),
		TEST(lengths_of_texts_are_in_characters),
		TEST(nothing_at_all_is_an_empty_object_only_where_it_may_be),
		TEST(an_absent_or_null_member_leaves_its_value_untouched),
		TEST(a_checked_text_is_given_back_or_what_is_wrong_is_noted),
		TEST(no_more_is_noted_than_there_is_room_for),
	};

	return cmocka_run_group_tests_name("form", tests, NULL, NULL);
}
