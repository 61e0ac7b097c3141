/* Password hashes. */
#include "password.h"

#include <crypt.h>
#include <time.h>

#include "test.h"

#define COST 4	/* the least: these tests are about right and wrong, not about time */

static char hash[PASSWORD_HASH_LEN];

static void
a_password_verifies_against_its_own_hash_and_no_other(void **state)
{
	char other[PASSWORD_HASH_LEN];

	(void)state;
	assert_true(password_hash("correct horse", COST, hash));
	assert_true(password_hash("correct horse", COST, other));
	assert_string_not_equal(hash, other);	/* a salt each */
	assert_memory_equal(hash, "hmac-sha256$2b$04$", 18);
	assert_int_equal(strlen(hash), PASSWORD_HASH_LEN - 1);
	assert_true(password_hash_valid(hash));
	assert_true(password_verify("correct horse", hash, COST));
	assert_true(password_verify("correct horse", other, COST));
	assert_false(password_verify("correct hors", hash, COST));
	assert_false(password_verify("correct horsee", hash, COST));
	assert_false(password_verify("Correct horse", hash, COST));
	assert_false(password_verify("", hash, COST));
}

static void
every_byte_counts_however_long_it_is(void **state)
{
	static const size_t changed[] = { 0, 71, 72, 100, PASSWORD_MAX_BYTES - 1 };
	char text[PASSWORD_MAX_BYTES + 1];

	(void)state;
	memset(text, 'p', PASSWORD_MAX_BYTES);
	text[PASSWORD_MAX_BYTES] = '\0';
	assert_true(password_hash(text, COST, hash));
	assert_true(password_verify(text, hash, COST));
	for (size_t i = 0; i < COUNT(changed); i++) {
		text[changed[i]] = 'q';
		if (password_verify(text, hash, COST))
			fail_msg("byte %zu does not count", changed[i]);
		text[changed[i]] = 'p';
	}
	text[PASSWORD_MAX_BYTES - 1] = '\0';
	assert_false(password_verify(text, hash, COST));
	text[72] = '\0';
	assert_false(password_verify(text, hash, COST));
}

/* Made with Python's hmac, base64 and crypt: hmac(key=salt, password), base64, bcrypt. */
static void
a_hash_of_ours_is_what_the_header_says(void **state)
{
	(void)state;
	assert_true(password_verify("correct horse", "hmac-sha256$2b$04$abcdefghijklmnopqrstuuDDZkjU09Vim05Ait7x7R.JfuHDNAppu", COST));
	assert_false(password_verify("correct hors", "hmac-sha256$2b$04$abcdefghijklmnopqrstuuDDZkjU09Vim05Ait7x7R.JfuHDNAppu", COST));
}

/* Who learns the HMAC must not be able to use it as a password, nor pass a hash without
 * its mark for one of another system. */
static void
the_mark_is_part_of_the_hash(void **state)
{
	(void)state;
	assert_true(password_hash("correct horse", COST, hash));
	assert_false(password_verify("correct horse", hash + strlen("hmac-sha256"), COST));
	memcpy(hash, "hmac-sha512", 11);
	assert_false(password_hash_valid(hash));
	assert_false(password_verify("correct horse", hash, COST));
}

static void
the_commonest_are_known_in_any_case(void **state)
{
	static const char *const common[] = { "password", "Password1", "PASSWORD123", "P@ssw0rd", "passw0rd!",
		"12345678", "123456789", "1234567890", "87654321", "11111111", "00000000", "12121212", "123123123",
		"abcabcabc", "qwertyui", "QWERTYUIOP", "asdfghjkl", "1q2w3e4r", "1qaz2wsx", "qazwsxedc", "zxcvbnm,",
		"iloveyou", "sunshine", "princess", "football", "baseball", "superman", "letmein1", "welcome1",
		"Welcome123", "admin123", "administrator", "changeme", "trustno1", "Summer2024", "winter2025!",
		"michael1", "jennifer", "charlie1", "dragon123", "monkey123", "starwars", "computer", "liverpool",
		"abcd1234", "qwerty123", "qwerty12345", "testtest", "Test1234", "sneakers", "lastpair1" };
	static const char *const fine[] = { "correct horse battery", "a fine password", "blue kettle 9",
		"pppppppppppppppppppppppppppppppp", "Tr0ub4dor&3", "passwordless shop", "mondays are long",
		"1234567x", "\xf0\x9f\x91\x9f\xf0\x9f\x91\x9e runs", "" };

	(void)state;
	for (size_t i = 0; i < COUNT(common); i++)
		if (!password_common(common[i]))
			fail_msg("\"%s\" is not known", common[i]);
	for (size_t i = 0; i < COUNT(fine) - 1; i++)
		if (password_common(fine[i]))
			fail_msg("\"%s\" is called common", fine[i]);
}

static void
hashes_of_other_systems_verify(void **state)
{
	/* Openwall's own test vector: the same bytes under each of the three prefixes. */
	char vector[] = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

	(void)state;
	for (const char *p = "aby"; *p != '\0'; p++) {
		vector[2] = *p;
		assert_true(password_verify("U*U", vector, COST));
		assert_false(password_verify("U*V", vector, COST));
	}
}

static void
the_cost_of_the_setting_does_not_matter_to_a_hash_that_has_its_own(void **state)
{
	(void)state;
	assert_true(password_hash("correct horse", 5, hash));
	assert_true(password_verify("correct horse", hash, 12));
}

/* What libcrypt makes of `password` by `setting`: for hashes of other methods. */
static const char *
made_by(struct crypt_data *data, const char *password, const char *setting)
{
	memset(data, 0, sizeof(*data));
	return crypt_r(password, setting, data);
}

static void
a_right_hash_by_another_method_never_verifies(void **state)
{
	static const char *const settings[] = { "ab", "$1$saltsalt$", "$5$saltsalt$", "$6$saltsalt$",
	    "$y$j75$saltsaltsaltsalt$", "_J9..salt" };
	struct crypt_data *data = calloc(1, sizeof(*data));

	(void)state;
	assert_non_null(data);
	for (size_t i = 0; i < COUNT(settings); i++) {
		const char *stored = made_by(data, "correct horse", settings[i]);

		assert_non_null(stored);
		if (password_hash_valid(stored) || password_verify("correct horse", stored, COST))
			fail_msg("a hash by %s verifies", settings[i]);
	}
	free(data);
}

/* libcrypt falls back to DES for what is no setting of another method: then `stored`
 * would verify whoever's first eight characters match. */
static void
a_malformed_stored_hash_never_verifies(void **state)
{
	static const char *const bad[] = {
		"", "x", "*0", "*1", "!", "$", "$2b$", "$2b$04$", "$2b$04$short",
		"$2b$04$abcdefghijklmnopqrstu",		/* salt alone, cut */
		"$2b$04$abcdefghijklmnopqrstuu",	/* salt alone: crypt() would make it whole */
		"$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",	/* prefixes */
		"$2$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeWx",
		"$2B$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		"#2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		"$3a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		"$2a05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeWxx",
		"$2a$05CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeWxx",
		"$2a$5$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeWx",
		"$2a$xx$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		"$2a$-5$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		"$2a$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",	/* costs */
		"$2a$17$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		"$2a$99$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe",	/* lengths */
		"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeWW",
		"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe\n",	/* alphabet */
		"$2a$05$CCCCCCCCCC CCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyO*W",
		"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyO\xc3\xa9",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (password_hash_valid(bad[i]))
			fail_msg("\"%s\" is called a hash", bad[i]);
		if (password_verify("U*U", bad[i], COST) || password_verify(bad[i], bad[i], COST) ||
		    password_verify("", bad[i], COST))
			fail_msg("\"%s\" verifies", bad[i]);
	}
}

static void
hashes_of_every_cost_in_use_are_valid(void **state)
{
	char text[] = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

	(void)state;
	for (int cost = 4; cost <= 16; cost++) {
		text[4] = (char)('0' + cost / 10);
		text[5] = (char)('0' + cost % 10);
		assert_true(password_hash_valid(text));
	}
}

static void
a_cost_that_is_none_makes_no_hash(void **state)
{
	static const int costs[] = { -1, 1, 3, 32, 1000 };

	(void)state;
	for (size_t i = 0; i < COUNT(costs); i++)
		if (password_hash("correct horse", costs[i], hash))
			fail_msg("cost %d gives %s", costs[i], hash);
}

static double
cpu_seconds(const char *stored, int cost)
{
	struct timespec from, to;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	assert_false(password_verify("wrong password", stored, cost));
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	return (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
}

static void
an_unknown_user_costs_as_much_as_a_wrong_password(void **state)
{
	const int cost = 9;
	static const char quick[] = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
	double known, unknown, malformed, imported;

	(void)state;
	assert_true(password_hash("correct horse", cost, hash));
	known = cpu_seconds(hash, cost);
	unknown = cpu_seconds(NULL, cost);
	malformed = cpu_seconds("$2b$09$short", cost);
	imported = cpu_seconds(quick, cost);
	assert_true(known > 0.001);
	if (imported < known / 2 || imported > known * 2)
		fail_msg("known %f s, of a lower cost %f s", known, imported);
	if (unknown < known / 3 || unknown > known * 3)
		fail_msg("known %f s, unknown %f s", known, unknown);
	if (malformed < known / 3)
		fail_msg("known %f s, malformed %f s", known, malformed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_password_verifies_against_its_own_hash_and_no_other),
		cmocka_unit_test(every_byte_counts_however_long_it_is),
		cmocka_unit_test(a_hash_of_ours_is_what_the_header_says),
		cmocka_unit_test(the_mark_is_part_of_the_hash),
		cmocka_unit_test(the_commonest_are_known_in_any_case),
		cmocka_unit_test(hashes_of_other_systems_verify),
		cmocka_unit_test(the_cost_of_the_setting_does_not_matter_to_a_hash_that_has_its_own),
		cmocka_unit_test(a_right_hash_by_another_method_never_verifies),
		cmocka_unit_test(a_malformed_stored_hash_never_verifies),
		cmocka_unit_test(hashes_of_every_cost_in_use_are_valid),
		cmocka_unit_test(a_cost_that_is_none_makes_no_hash),
		cmocka_unit_test(an_unknown_user_costs_as_much_as_a_wrong_password),
	};

	return cmocka_run_group_tests_name("password", tests, NULL, NULL);
}
