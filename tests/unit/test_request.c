/* Taking a request apart. */
#include "request.h"

#include "test.h"

static struct req req;

static int
set_up(void **state)
{
	(void)state;
	req = (struct req){ .arena = arena_new(), .query = "", .body = "" };
	req.form.arena = req.arena;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	arena_free(req.arena);
	return 0;
}

static bool
query(const char *text, const char *name, const char **out)
{
	req.query = text;
	req.form.error_count = 0;
	return req_query(&req, name, out);
}

static void
a_query_s_values_are_decoded(void **state)
{
	static const struct {
		const char *query, *wanted;
	} cases[] = {
		{ "", NULL }, { "status=live", "live" }, { "limit=5&status=live", "live" },
		{ "status=live&limit=5", "live" }, { "status=a+b", "a b" }, { "status=a%20b", "a b" },
		{ "status=%6c%69ve", "live" }, { "status=%C3%A9", "\xc3\xa9" }, { "status=%2B%26%3D", "+&=" },
		{ "status=a=b", "a=b" }, { "&&status=live&", "live" },
		/* not there, or nothing */
		{ "status", NULL }, { "status=", NULL }, { "statuses=live", NULL }, { "mystatus=live", NULL },
		{ "Status=live", NULL }, { "limit=status=live", NULL }, { "s%74atus=live", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *value = "unset";

		if (!query(cases[i].query, "status", &value))
			fail_msg("%s is refused", cases[i].query);
		if (cases[i].wanted == NULL)
			assert_null(value);
		else
			assert_string_equal(value, cases[i].wanted);
		assert_int_equal(req.form.error_count, 0);
	}
}

static void
a_malformed_or_repeated_query_value_is_named(void **state)
{
	static const char *const bad[] = {
		"status=%", "status=%2", "status=%zz", "status=%g0", "status=%0g", "status=a%",
		"status=%00", "status=a%00b", "status=%ff", "status=%c0%af", "status=%0a", "status=%e2%80%ae",
		"status=a&status=b", "status=a&status=a", "status=&status=a", "status=%+1", "status=%-1",
	};
	const char *value;
	char longer[300];

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (query(bad[i], "status", &value))
			fail_msg("%s passes", bad[i]);
		assert_int_equal(req.form.error_count, 1);
		assert_string_equal(req.form.errors[0].field, "status");
	}
	memset(longer, 'v', sizeof(longer));
	memcpy(longer, "status=", 7);
	longer[7 + 200] = '\0';
	assert_true(query(longer, "status", &value));
	longer[7 + 200] = 'v';
	longer[7 + 201] = '\0';
	assert_false(query(longer, "status", &value));
}

static void
a_bad_value_of_another_name_does_not_matter(void **state)
{
	const char *value;

	(void)state;
	assert_true(query("other=%zz&status=live&other=1", "status", &value));
	assert_string_equal(value, "live");
}

static void
a_drop_s_id_is_a_number_without_sign_or_leading_nought(void **state)
{
	static const char *const good[] = { "1", "12", "100", "999999999999999999" };
	static const char *const bad[] = { "0", "01", "-1", "+1", "1a", "a", "1.0", " 1", "1 ", "0x1",
	    "1e3", "1000000000000000000", "9223372036854775808", "%31", "1;", "\xd9\xa1" };

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		strcpy(req.path_id, good[i]);
		if (!req_drop_id(&req))
			fail_msg("%s is refused", good[i]);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		strcpy(req.path_id, bad[i]);
		if (req_drop_id(&req))
			fail_msg("%s passes", bad[i]);
	}
}

static const char *
token(const char *authorization, const char *cookie)
{
	req.authorization = authorization;
	req.cookie = cookie;
	req.by_cookie = true;
	return req_token(&req);
}

static void
a_token_comes_in_the_header_or_the_cookie(void **state)
{
	(void)state;
	assert_null(token(NULL, NULL));
	assert_false(req.by_cookie);
	assert_string_equal(token("Bearer t1", NULL), "t1");
	assert_false(req.by_cookie);
	assert_string_equal(token("bearer t1", NULL), "t1");
	assert_string_equal(token(NULL, "lastpair_session=t2"), "t2");
	assert_true(req.by_cookie);
	assert_string_equal(token(NULL, "a=1; lastpair_session=t2; b=2"), "t2");
	assert_string_equal(token(NULL, "a=1;lastpair_session=t2;b=2"), "t2");
	assert_string_equal(token(NULL, " \tlastpair_session=t2"), "t2");
}

static void
the_header_wins_over_the_cookie_even_when_it_is_of_another_kind(void **state)
{
	(void)state;
	assert_string_equal(token("Bearer t1", "lastpair_session=t2"), "t1");
	assert_false(req.by_cookie);
	assert_string_equal(token("Basic dTpw", "lastpair_session=t2"), "");
	assert_false(req.by_cookie);
	assert_string_equal(token("", "lastpair_session=t2"), "");
	assert_string_equal(token("Bearer", "lastpair_session=t2"), "");
	assert_string_equal(token("Bearert2", NULL), "");
}

static void
the_cookie_bound_to_the_host_wins_over_one_that_a_neighbour_could_set(void **state)
{
	(void)state;
	assert_string_equal(token(NULL, "lastpair_session=plain; __Host-lastpair_session=bound"), "bound");
	assert_string_equal(token(NULL, "__Host-lastpair_session=bound; lastpair_session=plain"), "bound");
	assert_true(req.by_cookie);
}

static void
a_cookie_of_a_name_that_is_only_alike_is_no_token(void **state)
{
	static const char *const cookies[] = { "xlastpair_session=t", "lastpair_session2=t", "lastpair_session",
	    "a=lastpair_session=t", "a=1, lastpair_session=t", "LASTPAIR_SESSION=t", "", ";;; ;", "=t" };

	(void)state;
	for (size_t i = 0; i < COUNT(cookies); i++) {
		if (token(NULL, cookies[i]) != NULL)
			fail_msg("%s gives a token", cookies[i]);
		assert_false(req.by_cookie);
	}
	assert_string_equal(token(NULL, "xlastpair_session=bad; lastpair_session=good"), "good");
}

static bool
cross_site(bool tls, const char *host, const char *fetch_site, const char *origin)
{
	req.tls = tls;
	req.host = host;
	req.fetch_site = fetch_site;
	req.origin = origin;
	return req_cross_site(&req);
}

static void
fetch_metadata_decides_where_a_browser_sends_it(void **state)
{
	(void)state;
	assert_false(cross_site(false, "store.example", "same-origin", NULL));
	assert_false(cross_site(false, "store.example", "none", NULL));
	assert_true(cross_site(false, "store.example", "same-site", NULL));
	assert_true(cross_site(false, "store.example", "cross-site", NULL));
	assert_true(cross_site(false, "store.example", "", NULL));
	assert_true(cross_site(false, "store.example", "cross-site", "http://store.example"));
	/* Its own pages may be reached through a proxy that changes the host. */
	assert_false(cross_site(false, "inner:8080", "same-origin", "http://store.example"));
}

static void
else_the_origin_must_be_this_host_by_this_scheme(void **state)
{
	static const char *const others[] = {
		"null", "", "http://", "https://store.example:8080", "http://store.example",
		"http://store.example:80", "http://store.example:8081", "http://store.example:8080.evil.example",
		"http://store.example:8080/", "http://evil.example", "http://sub.store.example:8080",
		"http://store.example:8080@evil.example", "file://", "http:/store.example:8080",
	};

	(void)state;
	assert_false(cross_site(false, "store.example:8080", NULL, NULL));	/* no browser */
	assert_false(cross_site(false, "store.example:8080", NULL, "http://store.example:8080"));
	assert_false(cross_site(false, "store.example:8080", NULL, "HTTP://Store.Example:8080"));
	for (size_t i = 0; i < COUNT(others); i++)
		if (!cross_site(false, "store.example:8080", NULL, others[i]))
			fail_msg("\"%s\" passes", others[i]);
	assert_false(cross_site(true, "store.example", NULL, "https://store.example"));
	assert_true(cross_site(true, "store.example", NULL, "http://store.example"));
	assert_true(cross_site(false, NULL, NULL, "http://store.example"));
}

static bool
key(const char *text)
{
	req.key = text;
	req.form.error_count = 0;
	return req_key(&req);
}

static void
an_idempotency_key_has_8_to_128_visible_characters(void **state)
{
	static const char *const bad[] = { "", "1234567", "1234 5678", " 12345678", "12345678 ", "1234567\t8",
	    "1234567\x7f", "1234567\xc3\xa9", "1234567\n" };
	char text[130];

	(void)state;
	assert_true(key(NULL));
	assert_true(key("12345678"));
	assert_true(key("!~\"\\'{}:,"));
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (key(bad[i]))
			fail_msg("\"%s\" passes", bad[i]);
		assert_int_equal(req.form.error_count, 1);
		assert_string_equal(req.form.errors[0].field, "Idempotency-Key");
	}
	memset(text, 'k', sizeof(text));
	text[128] = '\0';
	assert_true(key(text));
	text[128] = 'k';
	text[129] = '\0';
	assert_false(key(text));
}

static void
a_key_stands_for_method_path_and_body(void **state)
{
	const char *first;

	(void)state;
	req.method_text = "POST";
	req.path = "/api/drops/1/reservations";
	req.body = "{\"size\":\"42\"}";
	assert_null(req_print(&req));
	req.key = "12345678";
	first = req_print(&req);
	assert_string_equal(first, req_print(&req));
	req.body = "{\"size\":\"43\"}";
	assert_string_not_equal(first, req_print(&req));
	req.body = "{\"size\":\"42\"}";
	req.path = "/api/drops/2/reservations";
	assert_string_not_equal(first, req_print(&req));
	req.path = "/api/drops/1/reservations";
	req.method_text = "PATCH";
	assert_string_not_equal(first, req_print(&req));
}

static void
no_more_headers_are_kept_than_there_is_room_for(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++)
		req_header(&req, "X-A: b");
	assert_int_equal(req.header_count, MAX_HEADERS);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_query_s_values_are_decoded),
		TEST(a_malformed_or_repeated_query_value_is_named),
		TEST(a_bad_value_of_another_name_does_not_matter),
		TEST(a_drop_s_id_is_a_number_without_sign_or_leading_nought),
		TEST(a_token_comes_in_the_header_or_the_cookie),
		TEST(the_header_wins_over_the_cookie_even_when_it_is_of_another_kind),
		TEST(the_cookie_bound_to_the_host_wins_over_one_that_a_neighbour_could_set),
		TEST(a_cookie_of_a_name_that_is_only_alike_is_no_token),
		TEST(fetch_metadata_decides_where_a_browser_sends_it),
		TEST(else_the_origin_must_be_this_host_by_this_scheme),
		TEST(an_idempotency_key_has_8_to_128_visible_characters),
		TEST(a_key_stands_for_method_path_and_body),
		TEST(no_more_headers_are_kept_than_there_is_room_for),
	};

	return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
