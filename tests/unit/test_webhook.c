/* Addresses and signatures of webhooks. */
#include "webhook.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "test.h"

static void
urls_that_will_do(void **state)
{
	static const char *const urls[] = {
		"https://example.com", "https://example.com/hook?x=1", "https://192.0.2.1:8443/",
		"https://[2001:db8::1]/", "https://localhost/", "http://localhost:8080/hook",
		"http://127.0.0.1/", "http://127.1.2.3:99/", "http://[::1]:8080/", "HTTPS://EXAMPLE.COM/",
		"http://127.1/",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(urls); i++)
		if (webhook_url_wrong(urls[i]) != NULL)
			fail_msg("%s: %s", urls[i], webhook_url_wrong(urls[i]));
}

static void
urls_that_will_not(void **state)
{
	static const char *const urls[] = {
		"", " ", "x", "example.com/", "https://", "http://example.com/",
		"http://10.0.0.1/", "http://localhost.example.com/", "http://128.0.0.1/", "ftp://localhost/",
		"file:///etc/passwd", "gopher://localhost/", "https://user@example.com/",
		"https://user:pw@example.com/", "https://:pw@example.com/", "https://example.com/#part",
		"https://example.com/a b", "https://example.com/\n", "https://example.com/\x7f",
		"https://\xc3\xbcx.example/", "https://example.com:99999/", "javascript:alert(1)",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(urls); i++)
		if (webhook_url_wrong(urls[i]) == NULL)
			fail_msg("%s will do", urls[i]);
}

static void
a_url_has_two_thousand_characters_at_most(void **state)
{
	char url[WEBHOOK_URL_MAX + 2] = "https://example.com/";

	(void)state;
	memset(url + strlen(url), 'x', sizeof(url) - strlen(url));
	url[WEBHOOK_URL_MAX] = '\0';
	assert_null(webhook_url_wrong(url));
	url[WEBHOOK_URL_MAX] = 'x';
	url[WEBHOOK_URL_MAX + 1] = '\0';
	assert_non_null(webhook_url_wrong(url));
}

static void
this_machine_is_known_by_what_a_url_says(void **state)
{
	(void)state;
	assert_true(webhook_url_local("http://localhost/"));
	assert_true(webhook_url_local("https://LOCALHOST:1/"));
	assert_true(webhook_url_local("http://127.9.9.9/"));
	assert_true(webhook_url_local("http://2130706433/"));	/* 127.0.0.1 as one number */
	assert_true(webhook_url_local("http://[::1]/"));
	assert_false(webhook_url_local("https://example.com/"));
	assert_false(webhook_url_local("https://localhost.localdomain/"));
	assert_false(webhook_url_local("https://127.0.0.1.example.com/"));
	assert_false(webhook_url_local("https://[::2]/"));
	assert_false(webhook_url_local("nonsense"));
}

static bool
allowed(const char *text, bool local, bool private_allowed)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

	if (strchr(text, ':') == NULL) {
		assert_int_equal(inet_pton(AF_INET, text, &v4.sin_addr), 1);
		return webhook_address_allowed((struct sockaddr *)&v4, local, private_allowed);
	}
	assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
	return webhook_address_allowed((struct sockaddr *)&v6, local, private_allowed);
}

static void
anybodys_address_will_do_always(void **state)
{
	static const char *const addresses[] = {
		"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
		"128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0",
		"192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255",
		"2600::1", "2a00:1450::1", "2001:4860::8888", "2001:200::1", "2002:101:101::1", "::ffff:1.1.1.1",
		"64:ff9b::1.1.1.1",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(addresses); i++)
		if (!allowed(addresses[i], false, false) || !allowed(addresses[i], false, true) ||
		    allowed(addresses[i], true, true))
			fail_msg("%s", addresses[i]);
}

static void
private_addresses_take_the_setting(void **state)
{
	static const char *const addresses[] = {
		"10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255", "169.254.169.254", "172.16.0.0",
		"172.31.255.255", "192.0.0.1", "192.88.99.1", "192.168.0.0", "192.168.255.255", "198.18.0.0",
		"198.19.255.255", "fc00::1", "fdff::1", "fe80::1", "febf::1", "fec0::1", "2001::1", "2001:1ff::1",
		"::ffff:10.0.0.1", "64:ff9b::192.168.0.1", "2002:a00:1::1",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(addresses); i++)
		if (allowed(addresses[i], false, false) || !allowed(addresses[i], false, true) ||
		    allowed(addresses[i], true, true))
			fail_msg("%s", addresses[i]);
}

static void
this_machine_is_reached_by_its_own_name_or_the_setting(void **state)
{
	static const char *const addresses[] = {
		"127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1", "64:ff9b::127.0.0.1",
		"2002:7f00:1::1",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(addresses); i++)
		if (allowed(addresses[i], false, false) || !allowed(addresses[i], false, true) ||
		    !allowed(addresses[i], true, false))
			fail_msg("%s", addresses[i]);
}

static void
nobodys_addresses_never_will(void **state)
{
	static const char *const addresses[] = {
		"0.0.0.0", "0.1.2.3", "192.0.2.1", "198.51.100.1", "203.0.113.1", "224.0.0.1",
		"239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "::2", "::7f00:1", "100::1", "ff02::1",
		"2001:db8::1", "3fff::1", "4000::1", "::ffff:0.0.0.0", "64:ff9b:1::1",
	};
	struct sockaddr_storage other = { .ss_family = AF_UNIX };

	(void)state;
	for (size_t i = 0; i < COUNT(addresses); i++)
		if (allowed(addresses[i], false, true) || allowed(addresses[i], true, true))
			fail_msg("%s", addresses[i]);
	assert_false(webhook_address_allowed((struct sockaddr *)&other, false, true));
}

/* By openssl: printf '1700000000.{"id":1}' | openssl dgst -sha256 -hmac secret-of-one */
static void
a_signature_is_the_hmac_of_time_and_body(void **state)
{
	char out[WEBHOOK_SIGNATURE_LEN];

	(void)state;
	assert_true(webhook_sign("{\"id\":1}", 1700000000, "secret-of-one", NULL, out));
	assert_string_equal(out, "t=1700000000,v1=7f608164d44220bb5d7fd43aa756d5fc01494d620cc679a7d44c4d797a58f5c4");
	assert_true(webhook_sign("{\"id\":1}", 1700000000, "secret-of-two", "secret-of-one", out));
	assert_string_equal(out, "t=1700000000,v1=ab2b8a8f66801e49d9093fffeb4273e936cf952e68a8ee78255ca9c28929a273,v1=7f608164d44220bb5d7fd43aa756d5fc01494d620cc679a7d44c4d797a58f5c4");
}

static void
secrets_differ_and_are_hexadecimal(void **state)
{
	char a[WEBHOOK_SECRET_LEN], b[WEBHOOK_SECRET_LEN];

	(void)state;
	webhook_secret_new(a);
	webhook_secret_new(b);
	assert_string_not_equal(a, b);
	assert_int_equal(strlen(a), WEBHOOK_SECRET_LEN - 1);
	assert_memory_equal(a, "whsec_", 6);
	assert_int_equal(strspn(a + 6, "0123456789abcdef"), 64);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls_that_will_do),
		cmocka_unit_test(urls_that_will_not),
		cmocka_unit_test(a_url_has_two_thousand_characters_at_most),
		cmocka_unit_test(this_machine_is_known_by_what_a_url_says),
		cmocka_unit_test(anybodys_address_will_do_always),
		cmocka_unit_test(private_addresses_take_the_setting),
		cmocka_unit_test(this_machine_is_reached_by_its_own_name_or_the_setting),
		cmocka_unit_test(nobodys_addresses_never_will),
		cmocka_unit_test(a_signature_is_the_hmac_of_time_and_body),
		cmocka_unit_test(secrets_differ_and_are_hexadecimal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
