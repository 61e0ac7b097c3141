/* Origins: what is one, and that nothing but the same is let in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../sse/origins.h"
#include "origin.h"

static void
only_the_very_origins_listed_are_known(void **state)
{
	static const char *const others[] = { "", "null", "http://shop.example:80",
	    "http://shop.example/", "http://SHOP.example", "https://shop.example",
	    "http://shop.example.evil.example", "http://shop.exampl", "http://a.shop.example",
	    "https://shop.example:8443 ", "http://shop.example https://shop.example:8443", "*" };
	static const char list[] = " http://shop.example,https://shop.example:8443\thttp://[::1]:8080 ";
	struct origins *o = origins_new(list);

	(void)state;
	assert_null(origins_wrong(list));
	assert_non_null(o);
	assert_string_equal(origins_fields(o, "https://shop.example:8443"),
	    "Access-Control-Allow-Origin: https://shop.example:8443\r\n"
	    "Access-Control-Allow-Credentials: true\r\nVary: Origin\r\n");
	assert_non_null(origins_fields(o, "http://shop.example"));
	assert_non_null(origins_fields(o, "http://[::1]:8080"));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_null(origins_fields(o, others[i]));
	origins_free(o);
}

static void
what_no_browser_sends_is_refused_at_the_start(void **state)
{
	static const char *const wrong[] = { "*", "null", "shop.example", "ftp://shop.example",
	    "http://", "http:///", "http://Shop.example", "http://shop.example/",
	    "http://shop.example:80", "https://shop.example:443", "http://shop.example:",
	    "http://shop.example:0", "http://shop.example:080", "http://shop.example:65536",
	    "http://shop.example:1x", "http://user@shop.example", "http://[]", "http://[::1",
	    "http://shop.example http://x/", "http://shop.example:99999999999999999999" };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_non_null(origins_wrong(wrong[i]));
}

static void
an_empty_list_lets_nobody_in(void **state)
{
	struct origins *o = origins_new("");

	(void)state;
	assert_non_null(o);
	assert_null(origins_fields(o, ""));
	assert_null(origins_fields(o, "http://shop.example"));
	origins_free(o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_very_origins_listed_are_known),
		cmocka_unit_test(what_no_browser_sends_is_refused_at_the_start),
		cmocka_unit_test(an_empty_list_lets_nobody_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
