/* Request heads, and what a stream is asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../sse/head.h"

static char buf[2 * HEAD_MAX];

static enum head_result
parse(const char *text, size_t len, struct head *head)
{
	memset(buf, 'Z', sizeof(buf));	/* nothing past the text may be looked at */
	memcpy(buf, text, len);
	return head_parse(buf, len, head);
}

#define PARSE(text, head) parse(text, sizeof(text) - 1, head)

static void
a_head_is_read(void **state)
{
	struct head h;

	(void)state;
	assert_int_equal(PARSE("GET /api/events?drops=1,2&x=%zz HTTP/1.1\r\nHost: a\r\n"
	    "last-event-ID:  abc-1 \t\r\nCookie: a=b; lastpair_session=T.o-k; c=d\r\n\r\nrest", &h),
	    HEAD_OK);
	assert_string_equal(h.method, "GET");
	assert_string_equal(h.path, "/api/events");
	assert_string_equal(h.query, "drops=1,2&x=%zz");
	assert_string_equal(h.last_event_id, "abc-1");
	assert_null(h.authorization);
	assert_string_equal(head_token(&h, COOKIE_ANY), "T.o-k");
	assert_int_equal(PARSE("GET / HTTP/1.0\r\n\r\n", &h), HEAD_OK);
	assert_null(h.query);
	assert_null(head_token(&h, COOKIE_ANY));
}

static void
every_part_of_a_head_wants_more(void **state)
{
	static const char text[] = "GET /api/events HTTP/1.1\r\nA: b\r\n\r\n";
	struct head h;

	(void)state;
	for (size_t len = 0; len < sizeof(text) - 1; len++)
		assert_int_equal(parse(text, len, &h), HEAD_MORE);
	assert_int_equal(parse(text, sizeof(text) - 1, &h), HEAD_OK);
}

static void
what_is_not_http_is_refused(void **state)
{
	static const char *const bad[] = {
		"\r\n\r\n", "GET\r\n\r\n", "GET /\r\n\r\n", "GET  / HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1 \r\n\r\n", "GET / HTTP/2.0\r\n\r\n", "GET x HTTP/1.1\r\n\r\n",
		"GET http://x/ HTTP/1.1\r\n\r\n", "G\x01T / HTTP/1.1\r\n\r\n",
		"GET /\x7f HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\n: b\r\n\r\n",
		"GET / HTTP/1.1\r\nA\r\n\r\n", "GET / HTTP/1.1\r\nA : b\r\n\r\n",
		"GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", "GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n",
		"GET / HTTP/1.1\r\nA: b\rC: d\r\n\r\n", "GET / HTTP/1.1\r\n\xc3\xa9: b\r\n\r\n",
		"GET / HTTP/1.1\r\nLast-Event-ID: 1\r\nLast-Event-ID: 2\r\n\r\n",
		"GET / HTTP/1.1\r\nAuthorization: a\r\nauthorization: a\r\n\r\n",
	};
	struct head h;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse(bad[i], strlen(bad[i]), &h), HEAD_BAD);
	assert_int_equal(PARSE("GET / HTTP/1.1\r\nA: \0\r\n\r\n", &h), HEAD_BAD);
	assert_int_equal(PARSE("GET /\0 HTTP/1.1\r\n\r\n", &h), HEAD_BAD);
}

static void
a_head_has_8_kib_at_most(void **state)
{
	static char text[HEAD_MAX];
	static const char begin[] = "GET / HTTP/1.1\r\nA: ", end[] = "\r\n\r\n";
	struct head h;

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, begin, sizeof(begin) - 1);
	assert_int_equal(parse(text, HEAD_MAX - 1, &h), HEAD_MORE);
	assert_int_equal(parse(text, HEAD_MAX, &h), HEAD_TOO_LONG);
	memcpy(text + HEAD_MAX - 4, end, 4);
	assert_int_equal(parse(text, HEAD_MAX, &h), HEAD_OK);
}

static bool
wanted(const char *query, struct wanted *w)
{
	strcpy(buf, query);
	return wanted_parse(buf, w);
}

static void
drops_are_taken_in_order_and_once(void **state)
{
	struct wanted w;

	(void)state;
	assert_true(wanted_parse(NULL, &w));
	assert_int_equal(w.count, 0);
	assert_null(w.last);
	assert_true(wanted("drops=7%2C3,7,3,12&last=e%2D1&other=1&flag", &w));
	assert_int_equal(w.count, 3);
	assert_int_equal(w.drops[0], 3);
	assert_int_equal(w.drops[1], 7);
	assert_int_equal(w.drops[2], 12);
	assert_string_equal(w.last, "e-1");
	assert_true(wanted("last=%zz", &w));	/* unknown, not wrong */
	assert_string_equal(w.last, "");
	assert_false(w.beats);
	assert_true(wanted("beats=2", &w));
	assert_false(w.beats);
	assert_true(wanted("last=a&beats=1", &w));
	assert_true(w.beats);
}

static void
what_names_no_drop_is_refused(void **state)
{
	static const char *const bad[] = {
		"drops=", "drops=,", "drops=1,", "drops=,1", "drops=1,,2", "drops=a", "drops=-1",
		"drops=0", "drops=1.5", "drops= 1", "drops=%00", "drops=%", "drops=%3", "drops=1%2",
		"drops=9999999999999999999", "drops=1&drops=2",
	};
	struct wanted w;
	char many[1024] = "drops=1";

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(wanted(bad[i], &w));
	for (int i = 1; i < WANTED_MAX; i++)
		strcat(many, ",1");
	assert_true(wanted(many, &w));
	assert_int_equal(w.count, 1);
	strcat(many, ",1");
	assert_false(wanted(many, &w));
}

static const char *
token_by(enum head_cookie which, const char *authorization, const char *cookie)
{
	static char a[256], c[256];
	struct head h = { 0 };

	h.authorization = authorization != NULL ? strcpy(a, authorization) : NULL;
	h.cookie = cookie != NULL ? strcpy(c, cookie) : NULL;
	return head_token(&h, which);
}

static const char *
token(const char *authorization, const char *cookie)
{
	return token_by(COOKIE_ANY, authorization, cookie);
}

static void
the_token_is_found_where_it_may_stand(void **state)
{
	(void)state;
	assert_string_equal(token("Bearer abc", "lastpair_session=no"), "abc");
	assert_string_equal(token("bearer abc", NULL), "abc");
	assert_null(token("Basic abc", "lastpair_session=no"));
	assert_string_equal(token(NULL, "lastpair_session=a"), "a");
	assert_string_equal(token(NULL, "x=y;lastpair_session=a;z"), "a");
	assert_string_equal(token(NULL, "lastpair_session=a; __Host-lastpair_session=b"), "b");
	assert_string_equal(token(NULL, "lastpair_session=; a"), "");
	assert_null(token(NULL, "xlastpair_session=a; lastpair_sessions=b; lastpair_session"));
	assert_null(token(NULL, ""));
	assert_null(token(NULL, ";;;="));
}

static void
a_cookie_that_another_host_can_set_does_not_count_over_tls(void **state)
{
	(void)state;
	assert_null(token_by(COOKIE_OF_HOST, NULL, "lastpair_session=a"));
	assert_string_equal(token_by(COOKIE_OF_HOST, NULL,
	    "lastpair_session=a; __Host-lastpair_session=b"), "b");
	assert_string_equal(token_by(COOKIE_OF_HOST, "Bearer abc", "lastpair_session=a"), "abc");
	assert_null(token_by(COOKIE_NONE, NULL, "__Host-lastpair_session=b"));
	assert_string_equal(token_by(COOKIE_NONE, "Bearer abc", NULL), "abc");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_head_is_read),
		cmocka_unit_test(every_part_of_a_head_wants_more),
		cmocka_unit_test(what_is_not_http_is_refused),
		cmocka_unit_test(a_head_has_8_kib_at_most),
		cmocka_unit_test(drops_are_taken_in_order_and_once),
		cmocka_unit_test(what_names_no_drop_is_refused),
		cmocka_unit_test(the_token_is_found_where_it_may_stand),
		cmocka_unit_test(a_cookie_that_another_host_can_set_does_not_count_over_tls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
