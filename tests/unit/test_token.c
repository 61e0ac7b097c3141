/* Tokens. The hostile ones are made by libjwt itself. */
#include "token.h"

#include <jwt.h>

#include "test.h"

#define SECRET		"0123456789abcdef0123456789abcdef"
#define OTHER_SECRET	"fedcba9876543210fedcba9876543210"
#define SESSION		"01890a5d-ac96-774b-bcce-b302099a8057"
#define NOW		1800000000

static struct token_keys *keys;
static struct token_claims claims;

/* Loads keys from files with these contents; `previous` may be NULL. */
static struct token_keys *
load(const char *current, const char *previous)
{
	char path[TEST_PATH_LEN], previous_path[TEST_PATH_LEN] = "";
	struct token_keys *loaded;

	test_file(path, current, strlen(current));
	if (previous != NULL)
		test_file(previous_path, previous, strlen(previous));
	loaded = token_keys_load(path, previous != NULL ? previous_path : NULL);
	unlink(path);
	if (previous != NULL)
		unlink(previous_path);
	return loaded;
}

static int
set_up(void **state)
{
	(void)state;
	keys = load("k1 " SECRET "\n", NULL);
	return keys == NULL;
}

static int
tear_down(void **state)
{
	(void)state;
	token_keys_free(keys);
	return 0;
}

/* Claims as the store makes them; a test then spoils one. */
static jwt_t *
good_jwt(void)
{
	jwt_t *jwt;

	assert_int_equal(jwt_new(&jwt), 0);
	assert_int_equal(jwt_add_grants_json(jwt, "{\"iss\":\"lastpair\",\"aud\":\"lastpair\",\"sub\":\"7\","
	    "\"jti\":\"" SESSION "\",\"iat\":1799999000,\"nbf\":1799999000,\"exp\":1800001000}"), 0);
	return jwt;
}

/* Signs, frees and judges. */
static bool
accepted_as(jwt_t *jwt, jwt_alg_t alg, const char *secret)
{
	char *token;
	bool ok;

	assert_int_equal(jwt_set_alg(jwt, alg, (const unsigned char *)secret,
	    secret != NULL ? (int)strlen(secret) : 0), 0);
	token = jwt_encode_str(jwt);
	assert_non_null(token);
	ok = token_verify(keys, token, NOW, &claims);
	free(token);
	jwt_free(jwt);
	return ok;
}

static bool
accepted(jwt_t *jwt)
{
	return accepted_as(jwt, JWT_ALG_HS256, SECRET);
}

/* The good claims but for `name`, which is `json` (NULL: missing). */
static bool
accepted_with(const char *name, const char *json)
{
	jwt_t *jwt = good_jwt();
	char text[512];

	assert_int_equal(jwt_del_grants(jwt, name), 0);
	if (json != NULL) {
		snprintf(text, sizeof(text), "{\"%s\":%s}", name, json);
		assert_int_equal(jwt_add_grants_json(jwt, text), 0);
	}
	return accepted(jwt);
}

static char *
signed_at(int64_t issued, int64_t expires)
{
	struct token_claims c = { .session = SESSION, .user = 7, .issued_at = issued,
	    .expires_at = expires };
	char *token = token_sign(keys, &c);

	assert_non_null(token);
	return token;
}

static void
what_was_signed_is_read_again(void **state)
{
	char *token = signed_at(NOW - 5, NOW + 1000);

	(void)state;
	assert_true(token_verify(keys, token, NOW, &claims));
	assert_string_equal(claims.session, SESSION);
	assert_int_equal(claims.user, 7);
	assert_int_equal(claims.issued_at, NOW - 5);
	assert_int_equal(claims.expires_at, NOW + 1000);
	free(token);
}

static void
the_same_claims_give_the_same_bytes(void **state)
{
	char *one = signed_at(NOW, NOW + 10), *two = signed_at(NOW, NOW + 10);
	char *later = signed_at(NOW, NOW + 11);

	(void)state;
	assert_string_equal(one, two);
	assert_string_not_equal(one, later);
	assert_true(strlen(one) <= TOKEN_MAX_LEN);
	free(one);
	free(two);
	free(later);
}

static void
the_claims_that_these_tests_spoil_are_good_as_they_stand(void **state)
{
	(void)state;
	assert_true(accepted(good_jwt()));
	assert_int_equal(claims.user, 7);
	assert_true(accepted_with("exp", "1800001000"));
}

static void
no_character_of_a_token_can_be_changed(void **state)
{
	char *token = signed_at(NOW, NOW + 1000);

	(void)state;
	/* The last one of a signature of 32 bytes has two bits that say nothing. */
	for (size_t i = 0; i + 1 < strlen(token); i++) {
		char kept = token[i];

		token[i] = kept == 'A' ? 'B' : 'A';
		if (token_verify(keys, token, NOW, &claims))
			fail_msg("character %zu may change", i);
		token[i] = kept;
	}
	for (size_t len = 0; len < strlen(token); len++) {
		char *cut = strndup(token, len);

		if (token_verify(keys, cut, NOW, &claims))
			fail_msg("%zu characters are enough", len);
		free(cut);
	}
	assert_true(token_verify(keys, token, NOW, &claims));
	free(token);
}

static void
what_is_no_token_is_refused(void **state)
{
	static const char *const bad[] = { "", ".", "..", "...", "a.b.c", "null", "Bearer x",
	    "eyJhbGciOiJIUzI1NiJ9", "eyJhbGciOiJIUzI1NiJ9..", "eyJhbGciOiJIUzI1NiJ9.e30.",
	    "eyJhbGciOiJub25lIn0.e30.", ".e30.AA", "eyJhbGciOiJIUzI1NiJ9..AA",
	    "eyJhbGciOiJIUzI1NiJ9.e30.AA.", "eyJhbGciOiJIUzI1NiJ9.e30.A A", "\xff\xfe.\xff.\xff" };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (token_verify(keys, bad[i], NOW, &claims))
			fail_msg("\"%s\" passes", bad[i]);
}

static void
an_unsigned_token_is_refused(void **state)
{
	(void)state;
	assert_false(accepted_as(good_jwt(), JWT_ALG_NONE, NULL));
}

static void
a_token_signed_with_another_algorithm_is_refused(void **state)
{
	(void)state;
	assert_false(accepted_as(good_jwt(), JWT_ALG_HS512, SECRET));
	assert_false(accepted_as(good_jwt(), JWT_ALG_HS384, SECRET));
}

static void
a_token_signed_with_another_key_is_refused(void **state)
{
	(void)state;
	assert_false(accepted_as(good_jwt(), JWT_ALG_HS256, OTHER_SECRET));
	assert_false(accepted_as(good_jwt(), JWT_ALG_HS256, "x"));
}

static void
a_token_is_over_when_it_says_so_but_for_the_leeway(void **state)
{
	char *token = signed_at(NOW - 100, NOW);

	(void)state;
	assert_true(token_verify(keys, token, NOW - 1, &claims));
	assert_true(token_verify(keys, token, NOW + TOKEN_LEEWAY_S - 1, &claims));
	assert_false(token_verify(keys, token, NOW + TOKEN_LEEWAY_S, &claims));
	assert_false(token_verify(keys, token, NOW + 100000, &claims));
	free(token);
}

static void
a_token_of_the_future_is_refused_but_for_the_leeway(void **state)
{
	char *token = signed_at(NOW, NOW + 1000);

	(void)state;
	assert_true(token_verify(keys, token, NOW - TOKEN_LEEWAY_S, &claims));
	assert_false(token_verify(keys, token, NOW - TOKEN_LEEWAY_S - 1, &claims));
	free(token);
}

static void
a_time_that_is_missing_or_no_number_is_refused(void **state)
{
	static const char *const names[] = { "exp", "nbf", "iat" };
	static const char *const values[] = { NULL, "\"1800001000\"", "null", "true", "1.8e9",
	    "1800001000.5", "[1800001000]", "{}" };

	(void)state;
	for (size_t n = 0; n < COUNT(names); n++)
		for (size_t v = 0; v < COUNT(values); v++)
			if (accepted_with(names[n], values[v]))
				fail_msg("%s may be %s", names[n], values[v] != NULL ? values[v] : "missing");
	assert_false(accepted_with("exp", "0"));
	assert_false(accepted_with("exp", "-1"));
}

static void
a_token_for_somebody_else_is_refused(void **state)
{
	static const char *const names[] = { "iss", "aud" };
	static const char *const values[] = { NULL, "\"other\"", "\"\"", "\"lastpair2\"", "\"Lastpair\"",
	    "null", "1", "[\"lastpair\"]", "{\"lastpair\":1}" };

	(void)state;
	for (size_t n = 0; n < COUNT(names); n++)
		for (size_t v = 0; v < COUNT(values); v++)
			if (accepted_with(names[n], values[v]))
				fail_msg("%s may be %s", names[n], values[v] != NULL ? values[v] : "missing");
}

static void
a_subject_is_a_user_s_number(void **state)
{
	static const char *const bad[] = { NULL, "7", "\"\"", "\"7a\"", "\" 7\"", "\"-7\"", "\"+7\"", "\"0x7\"",
	    "\"7 \"", "\"7.0\"", "\"9223372036854775808\"", "null", "[\"7\"]" };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (accepted_with("sub", bad[i]))
			fail_msg("sub may be %s", bad[i] != NULL ? bad[i] : "missing");
	assert_true(accepted_with("sub", "\"9223372036854775807\""));
	assert_int_equal(claims.user, INT64_MAX);
}

static void
a_session_is_a_uuid(void **state)
{
	static const char *const bad[] = { NULL, "\"\"", "\"1\"", "7", "null", "\"" SESSION "0\"",
	    "\"01890a5d-ac96-774b-bcce-b302099a805\"", "\"01890a5dac96774bbcceb302099a8057\"",
	    "\"01890a5d-ac96-774b-bcce-b302099a805'\"" };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (accepted_with("jti", bad[i]))
			fail_msg("jti may be %s", bad[i] != NULL ? bad[i] : "missing");
}

static char *
padded_token(size_t padding)
{
	jwt_t *jwt = good_jwt();
	char *pad = calloc(1, padding + 1), *token;

	memset(pad, 'p', padding);
	assert_int_equal(jwt_add_grant(jwt, "pad", pad), 0);
	assert_int_equal(jwt_set_alg(jwt, JWT_ALG_HS256, (const unsigned char *)SECRET, sizeof(SECRET) - 1), 0);
	token = jwt_encode_str(jwt);
	assert_non_null(token);
	jwt_free(jwt);
	free(pad);
	return token;
}

static void
a_token_longer_than_2_kib_is_not_even_looked_at(void **state)
{
	size_t padding = 1000;
	char *token = padded_token(padding);

	(void)state;
	while (strlen(token) <= TOKEN_MAX_LEN) {
		assert_true(token_verify(keys, token, NOW, &claims));
		free(token);
		token = padded_token(++padding);
	}
	assert_false(token_verify(keys, token, NOW, &claims));
	free(token);
}

static void
a_token_of_the_previous_key_is_still_accepted(void **state)
{
	char *old = signed_at(NOW, NOW + 1000), *fresh;

	(void)state;
	token_keys_free(keys);
	keys = load("k2 " OTHER_SECRET "\n", "k1 " SECRET "\n");
	assert_non_null(keys);
	assert_true(token_verify(keys, old, NOW, &claims));
	fresh = signed_at(NOW, NOW + 1000);
	assert_string_not_equal(fresh, old);

	/* New tokens are the current key's, and once the old key is gone so are its. */
	token_keys_free(keys);
	keys = load("k2 " OTHER_SECRET "\n", NULL);
	assert_true(token_verify(keys, fresh, NOW, &claims));
	assert_false(token_verify(keys, old, NOW, &claims));
	free(old);
	free(fresh);
}

static void
an_expired_token_of_the_previous_key_is_refused_too(void **state)
{
	char *old = signed_at(NOW - 1000, NOW - 500);

	(void)state;
	token_keys_free(keys);
	keys = load("k2 " OTHER_SECRET "\n", "k1 " SECRET "\n");
	assert_false(token_verify(keys, old, NOW, &claims));
	free(old);
}

static void
a_key_file_that_will_not_do_is_refused_without_showing_the_secret(void **state)
{
	static const char *const bad[] = {
		"", "\n", "k1", "k1\n", "k1 \n", " " SECRET "\n", SECRET "\n",
		"k1 0123456789abcdef0123456789abcde\n",		/* 31 */
		"k1 short\n", "k1  " SECRET "\n", "k1 " SECRET " more\n", "k/1 " SECRET "\n",
		"k\"1 " SECRET "\n", "k1\t" SECRET "\n",
		"0123456789012345678901234567890123 " SECRET "\n",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct test_stderr said;
		struct token_keys *loaded;

		test_stderr_begin(&said);
		loaded = load(bad[i], NULL);
		test_stderr_end(&said);
		if (loaded != NULL)
			fail_msg("\"%s\" is taken for a key", bad[i]);
		assert_contains(said.text, "/tmp/lastpair-unit-");
		assert_null(strstr(said.text, "0123456789abcdef"));

		test_stderr_begin(&said);
		loaded = load("k1 " SECRET "\n", bad[i]);
		test_stderr_end(&said);
		assert_null(loaded);	/* a previous key that is named must be one */
	}
}

static void
a_secret_far_too_long_is_refused_not_cut(void **state)
{
	char text[2000] = "k1 ";
	struct test_stderr said;
	struct token_keys *loaded;

	(void)state;
	for (size_t len = 257; len < 1500; len += 300) {
		memset(text + 3, 's', len);
		strcpy(text + 3 + len, "\n");
		test_stderr_begin(&said);
		loaded = load(text, NULL);
		test_stderr_end(&said);
		assert_null(loaded);
	}
	memset(text + 3, 's', 256);
	strcpy(text + 3 + 256, "\n");
	loaded = load(text, NULL);
	assert_non_null(loaded);
	token_keys_free(loaded);
}

static void
a_key_file_that_is_not_there_is_named(void **state)
{
	struct test_stderr said;

	(void)state;
	test_stderr_begin(&said);
	assert_null(token_keys_load("/nonexistent/signing.key", NULL));
	test_stderr_end(&said);
	assert_contains(said.text, "/nonexistent/signing.key");
	token_keys_free(NULL);
}

static void
a_key_file_may_end_without_a_newline_or_with_crlf(void **state)
{
	static const char *const good[] = { "k1 " SECRET, "k1 " SECRET "\r\n" };
	char *token = signed_at(NOW, NOW + 10);

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		struct token_keys *same = load(good[i], NULL);

		assert_non_null(same);
		assert_true(token_verify(same, token, NOW, &claims));
		token_keys_free(same);
	}
	free(token);
}

/* Remembering what was verified must not make anything else pass, nor outlast its time. */
static void
a_token_seen_before_is_judged_like_the_first_time(void **state)
{
	char *token = signed_at(NOW - 5, NOW + 100);

	(void)state;
	for (int i = 0; i < 3; i++) {
		memset(&claims, 0, sizeof(claims));
		assert_true(token_verify(keys, token, NOW, &claims));
		assert_int_equal(claims.user, 7);
		assert_string_equal(claims.session, SESSION);
	}
	assert_false(token_verify(keys, token, NOW + 100 + TOKEN_LEEWAY_S, &claims));
	assert_false(token_verify(keys, token, NOW - 6 - TOKEN_LEEWAY_S, &claims));
	assert_true(token_verify(keys, token, NOW, &claims));
	token[strlen(token) - 2] ^= 1;
	assert_false(token_verify(keys, token, NOW, &claims));
	token[strlen(token) - 2] ^= 1;
	assert_true(token_verify(keys, token, NOW, &claims));
	free(token);
}

/* More tokens than one: each means what it says, also where they meet in the table. */
static void
tokens_are_not_taken_for_each_other(void **state)
{
	enum { MANY = 3000 };
	char *tokens[MANY];

	(void)state;
	for (int i = 0; i < MANY; i++) {
		struct token_claims c = { .session = SESSION, .user = i + 1, .issued_at = NOW,
		    .expires_at = NOW + 10 };

		tokens[i] = token_sign(keys, &c);
		assert_non_null(tokens[i]);
	}
	for (int round = 0; round < 2; round++)
		for (int i = MANY - 1; i >= 0; i--) {
			assert_true(token_verify(keys, tokens[i], NOW, &claims));
			assert_int_equal(claims.user, i + 1);
		}
	for (int i = 0; i < MANY; i++)
		free(tokens[i]);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_signed_is_read_again),
		TEST(the_same_claims_give_the_same_bytes),
		TEST(the_claims_that_these_tests_spoil_are_good_as_they_stand),
		TEST(no_character_of_a_token_can_be_changed),
		TEST(what_is_no_token_is_refused),
		TEST(an_unsigned_token_is_refused),
		TEST(a_token_signed_with_another_algorithm_is_refused),
		TEST(a_token_signed_with_another_key_is_refused),
		TEST(a_token_is_over_when_it_says_so_but_for_the_leeway),
		TEST(a_token_of_the_future_is_refused_but_for_the_leeway),
		TEST(a_time_that_is_missing_or_no_number_is_refused),
		TEST(a_token_for_somebody_else_is_refused),
		TEST(a_subject_is_a_user_s_number),
		TEST(a_session_is_a_uuid),
		TEST(a_token_longer_than_2_kib_is_not_even_looked_at),
		TEST(a_token_of_the_previous_key_is_still_accepted),
		TEST(an_expired_token_of_the_previous_key_is_refused_too),
		TEST(a_key_file_that_will_not_do_is_refused_without_showing_the_secret),
		TEST(a_secret_far_too_long_is_refused_not_cut),
		TEST(a_key_file_that_is_not_there_is_named),
		TEST(a_key_file_may_end_without_a_newline_or_with_crlf),
		TEST(a_token_seen_before_is_judged_like_the_first_time),
		TEST(tokens_are_not_taken_for_each_other),
	};

	return cmocka_run_group_tests_name("token", tests, NULL, NULL);
}
