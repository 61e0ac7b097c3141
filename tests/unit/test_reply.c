/* Answers as they go out: the table of refusals and the problem documents made of it. */
#include "reply.h"

#include <json-c/json.h>

#include "test.h"

static struct req req;
static struct buf out;

static int
set_up(void **state)
{
	(void)state;
	req = (struct req){ .arena = arena_new(), .id = "r-1" };
	req.form.arena = req.arena;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	buf_free(&out);
	arena_free(req.arena);
	return 0;
}

/* The answer; *body is what comes after its headers. */
static const char *
written(const char **body)
{
	buf_free(&out);
	reply_write(&req, &out);
	*body = strstr(out.data, "\r\n\r\n");
	assert_non_null(*body);
	*body += 4;
	return out.data;
}

/* Code and HTTP status of each refusal, as the contract has them. */
static const struct {
	enum status status;
	const char *code;
	int http;
} table[] = {
	{ INVALID, "invalid", 400 }, { UNKNOWN_SIZE, "unknown_size", 400 },
	{ UNAUTHENTICATED, "unauthenticated", 401 }, { BAD_CREDENTIALS, "bad_credentials", 401 },
	{ FORBIDDEN, "forbidden", 403 }, { CROSS_SITE, "cross_site", 403 },
	{ NOT_FOUND, "not_found", 404 }, { METHOD_NOT_ALLOWED, "method_not_allowed", 405 },
	{ EMAIL_TAKEN, "email_taken", 409 }, { USERNAME_TAKEN, "username_taken", 409 },
	{ BELOW_COMMITTED, "below_committed", 409 }, { SOLD_OUT, "sold_out", 409 },
	{ ALREADY_RESERVED, "already_reserved", 409 }, { LIMIT_REACHED, "limit_reached", 409 },
	{ COOLING_DOWN, "cooling_down", 409 },
	{ NOT_STARTED, "not_started", 409 }, { ENDED, "ended", 409 }, { PAUSED, "paused", 409 },
	{ NOT_ACTIVE, "not_active", 409 }, { RESERVATION_EXPIRED, "reservation_expired", 410 },
	{ PAYLOAD_TOO_LARGE, "payload_too_large", 413 }, { KEY_REUSED, "key_reused", 422 },
	{ TOO_MANY_ATTEMPTS, "too_many_attempts", 429 }, { INTERNAL, "internal", 500 },
	{ UNAVAILABLE, "unavailable", 503 },
};

static void
every_refusal_is_a_problem_document(void **state)
{
	(void)state;
	assert_int_equal(COUNT(table), STATUS_COUNT - 1);	/* all but OK */
	for (size_t i = 0; i < COUNT(table); i++) {
		struct json_object *o, *m = NULL;
		const char *body, *all;
		char line[64];

		req.status = table[i].status;
		all = written(&body);
		snprintf(line, sizeof(line), "Status: %d\r\n", table[i].http);
		assert_memory_equal(all, line, strlen(line));
		assert_int_equal(reply_http_status(&req), table[i].http);
		assert_contains(all, "\r\nContent-Type: application/problem+json\r\n");
		assert_contains(all, "\r\nX-Request-Id: r-1\r\n");
		snprintf(line, sizeof(line), "\r\nContent-Length: %zu\r\n", strlen(body));
		assert_contains(all, line);

		o = json_tokener_parse(body);
		assert_non_null(o);
		assert_true(json_object_object_get_ex(o, "status", &m));
		assert_int_equal(json_object_get_int(m), table[i].http);
		assert_true(json_object_object_get_ex(o, "code", &m));
		assert_string_equal(json_object_get_string(m), table[i].code);
		assert_true(json_object_object_get_ex(o, "title", &m));
		assert_true(json_object_object_get_ex(o, "detail", &m));
		assert_true(strlen(json_object_get_string(m)) > 10);
		json_object_put(o);
	}
}

static void
codes_of_stored_functions_lead_to_their_refusal(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(table); i++)
		assert_int_equal(status_of_code(table[i].code), table[i].status);
	assert_int_equal(status_of_code("no_such_code"), INTERNAL);
	assert_int_equal(status_of_code(""), INTERNAL);
}

static void
what_is_wrong_with_the_input_is_listed_and_escaped(void **state)
{
	const char *body;
	struct json_object *o, *errors = NULL, *first, *m = NULL;

	(void)state;
	form_wrong(&req.form, "na\"me\n", "It has a \\ in it.");
	form_wrong(&req.form, "size", "It is missing.");
	req.status = INVALID;
	written(&body);
	o = json_tokener_parse(body);
	assert_non_null(o);
	assert_true(json_object_object_get_ex(o, "errors", &errors));
	assert_int_equal(json_object_array_length(errors), 2);
	first = json_object_array_get_idx(errors, 0);
	assert_true(json_object_object_get_ex(first, "field", &m));
	assert_string_equal(json_object_get_string(m), "na\"me\n");
	assert_true(json_object_object_get_ex(first, "message", &m));
	assert_string_equal(json_object_get_string(m), "It has a \\ in it.");
	json_object_put(o);
}

static void
a_refusal_says_when_to_come_back(void **state)
{
	const char *body;

	(void)state;
	req.status = TOO_MANY_ATTEMPTS;
	assert_contains(written(&body), "\r\nRetry-After: 60\r\n");
	req.retry_after_s = 17;
	assert_contains(written(&body), "\r\nRetry-After: 17\r\n");
	req.retry_after_s = 0;
	req.status = UNAVAILABLE;
	assert_contains(written(&body), "\r\nRetry-After: 2\r\n");
	req.status = SOLD_OUT;
	assert_null(strstr(written(&body), "Retry-After"));
	req.status = UNAUTHENTICATED;
	assert_contains(written(&body), "\r\nWWW-Authenticate: Bearer\r\n");
}

static void
a_success_carries_its_body_and_its_headers(void **state)
{
	const char *body, *all;

	(void)state;
	assert_int_equal(reply_json(&req, 201, "{\"a\":1}"), OK);
	req_header(&req, "Location: /api/reservations/x");
	all = written(&body);
	assert_memory_equal(all, "Status: 201\r\n", 13);
	assert_contains(all, "\r\nLocation: /api/reservations/x\r\n");
	assert_contains(all, "\r\nContent-Type: application/json\r\n");
	assert_contains(all, "\r\nContent-Length: 7\r\n");
	assert_string_equal(body, "{\"a\":1}");
}

static void
a_head_is_answered_with_the_length_but_without_the_body(void **state)
{
	const char *body;

	(void)state;
	reply_json(&req, 200, "{\"a\":1}");
	req.head = true;
	assert_contains(written(&body), "\r\nContent-Length: 7\r\n");
	assert_string_equal(body, "");
	req.status = NOT_FOUND;
	written(&body);
	assert_string_equal(body, "");
}

static void
a_204_has_neither_body_nor_type(void **state)
{
	const char *body, *all;

	(void)state;
	reply_json(&req, 204, NULL);
	all = written(&body);
	assert_memory_equal(all, "Status: 204\r\n", 13);
	assert_null(strstr(all, "Content-"));
	assert_string_equal(body, "");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_refusal_is_a_problem_document),
		TEST(codes_of_stored_functions_lead_to_their_refusal),
		TEST(what_is_wrong_with_the_input_is_listed_and_escaped),
		TEST(a_refusal_says_when_to_come_back),
		TEST(a_success_carries_its_body_and_its_headers),
		TEST(a_head_is_answered_with_the_length_but_without_the_body),
		TEST(a_204_has_neither_body_nor_type),
	};

	return cmocka_run_group_tests_name("reply", tests, NULL, NULL);
}
