/* Addresses and signatures of webhooks. */
#include "webhook.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "buf.h"
#include "log.h"

#define SECRET_BYTES	32
#define MAC_LEN		32

enum place { PUBLIC, PRIVATE, LOCAL, NOWHERE };

/* A part of a URL; the caller's, by curl_free(). NULL: it has none. */
static char *
part(CURLU *u, CURLUPart which)
{
	char *s = NULL;

	return curl_url_get(u, which, &s, 0) == CURLUE_OK ? s : NULL;
}

static bool
has(CURLU *u, CURLUPart which)
{
	char *s = part(u, which);

	curl_free(s);
	return s != NULL;
}

/* libcurl writes 127.1 and the like as 127.0.0.1. */
static bool
host_local(CURLU *u)
{
	char *host = part(u, CURLUPART_HOST);
	struct in_addr v4;
	bool local = host != NULL && (strcasecmp(host, "localhost") == 0 ||
	    strcmp(host, "[::1]") == 0 || (inet_pton(AF_INET, host, &v4) == 1 &&
	    ntohl(v4.s_addr) >> 24 == 127));

	curl_free(host);
	return local;
}

static const char *
wrong(CURLU *u, const char *url)
{
	size_t len = strlen(url);
	char *scheme;
	bool https, http;

	if (len == 0 || len > WEBHOOK_URL_MAX)
		return "A URL has 1 to 2000 characters.";
	for (size_t i = 0; i < len; i++)
		if (url[i] <= 0x20 || url[i] >= 0x7f)
			return "A URL has visible ASCII characters alone.";
	if (curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
		return "This is no URL.";
	scheme = part(u, CURLUPART_SCHEME);
	https = scheme != NULL && strcmp(scheme, "https") == 0;
	http = scheme != NULL && strcmp(scheme, "http") == 0;
	curl_free(scheme);
	if (!https && !(http && host_local(u)))
		return "A URL begins with https://, or names this machine (http://127.0.0.1/...).";
	if (has(u, CURLUPART_USER) || has(u, CURLUPART_PASSWORD))
		return "A URL has no user name or password: deliveries are signed.";
	if (has(u, CURLUPART_FRAGMENT))
		return "A URL that events are sent to has no part behind a #.";
	return NULL;
}

const char *
webhook_url_wrong(const char *url)
{
	CURLU *u = curl_url();
	const char *why = u != NULL ? wrong(u, url) : "Out of memory.";

	curl_url_cleanup(u);
	return why;
}

bool
webhook_url_local(const char *url)
{
	CURLU *u = curl_url();
	bool local = u != NULL && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK && host_local(u);

	curl_url_cleanup(u);
	return local;
}

/* IANA IPv4 Special-Purpose Address Registry. */
static enum place
place_of_v4(uint32_t a)
{
	static const struct {
		uint32_t net;
		int bits;
		enum place place;
	} nets[] = {
		{ 0x00000000,  8, NOWHERE },	/* 0.0.0.0/8: this network */
		{ 0x0a000000,  8, PRIVATE },	/* 10.0.0.0/8 */
		{ 0x64400000, 10, PRIVATE },	/* 100.64.0.0/10: carriers' NAT */
		{ 0x7f000000,  8, LOCAL },	/* 127.0.0.0/8 */
		{ 0xa9fe0000, 16, PRIVATE },	/* 169.254.0.0/16: link, clouds' metadata */
		{ 0xac100000, 12, PRIVATE },	/* 172.16.0.0/12 */
		{ 0xc0000000, 24, PRIVATE },	/* 192.0.0.0/24: protocols */
		{ 0xc0000200, 24, NOWHERE },	/* 192.0.2.0/24: documentation */
		{ 0xc0586300, 24, PRIVATE },	/* 192.88.99.0/24: 6to4 relays */
		{ 0xc0a80000, 16, PRIVATE },	/* 192.168.0.0/16 */
		{ 0xc6120000, 15, PRIVATE },	/* 198.18.0.0/15: benchmarks */
		{ 0xc6336400, 24, NOWHERE },	/* 198.51.100.0/24: documentation */
		{ 0xcb007100, 24, NOWHERE },	/* 203.0.113.0/24: documentation */
		{ 0xe0000000,  3, NOWHERE },	/* 224.0.0.0/3: multicast, reserved */
	};

	for (size_t i = 0; i < sizeof(nets) / sizeof(nets[0]); i++)
		if ((a ^ nets[i].net) >> (32 - nets[i].bits) == 0)
			return nets[i].place;
	return PUBLIC;
}

static uint32_t
word(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Only 2000::/3 is anybody's (IANA IPv6 Special-Purpose Address Registry); what holds an
 * IPv4 address is where that one is. */
static enum place
place_of_v6(const uint8_t a[16])
{
	static const uint8_t zero[16], mapped[12] = { [10] = 0xff, [11] = 0xff };
	static const uint8_t nat64[12] = { 0x00, 0x64, 0xff, 0x9b };

	if (memcmp(a, mapped, 12) == 0 || memcmp(a, nat64, 12) == 0)
		return place_of_v4(word(a + 12));
	if (memcmp(a, zero, 15) == 0)
		return a[15] == 1 ? LOCAL : NOWHERE;
	if ((a[0] & 0xfe) == 0xfc || (a[0] == 0xfe && (a[1] & 0x80) == 0x80))
		return PRIVATE;		/* fc00::/7; fe80::/10 and the old fec0::/10 */
	if ((a[0] & 0xe0) != 0x20)
		return NOWHERE;
	if (a[0] == 0x20 && a[1] == 0x02)	/* 6to4 */
		return place_of_v4(word(a + 2));
	if (word(a) == 0x20010db8 || word(a) >> 4 == 0x3fff000)
		return NOWHERE;		/* documentation */
	if (word(a) >> 9 == 0x20010000 >> 9)
		return PRIVATE;		/* 2001::/23: Teredo and other protocols */
	return PUBLIC;
}

bool
webhook_address_allowed(const struct sockaddr *address, bool local, bool private_allowed)
{
	enum place place = NOWHERE;

	if (address->sa_family == AF_INET)
		place = place_of_v4(ntohl(
		    ((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr));
	else if (address->sa_family == AF_INET6)
		place = place_of_v6(
		    ((const struct sockaddr_in6 *)(const void *)address)->sin6_addr.s6_addr);
	if (local)
		return place == LOCAL;
	return place == PUBLIC || (place != NOWHERE && private_allowed);
}

static void
hex(const unsigned char *bytes, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		*out++ = digits[bytes[i] >> 4];
		*out++ = digits[bytes[i] & 15];
	}
	*out = '\0';
}

void
webhook_secret_new(char out[WEBHOOK_SECRET_LEN])
{
	unsigned char bytes[SECRET_BYTES];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes)) {
		log_error("the kernel gives no random numbers");
		abort();
	}
	strcpy(out, "whsec_");
	hex(bytes, sizeof(bytes), out + 6);
}

static bool
add_mac(struct buf *out, const struct buf *text, const char *secret)
{
	unsigned char mac[MAC_LEN];
	char digits[2 * MAC_LEN + 1];
	unsigned int len = 0;

	if (HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)text->data,
	    text->len, mac, &len) == NULL || len != sizeof(mac))
		return false;
	hex(mac, sizeof(mac), digits);
	buf_printf(out, ",v1=%s", digits);
	return true;
}

bool
webhook_sign(const char *body, int64_t unix_time, const char *secret, const char *old_secret,
    char out[WEBHOOK_SIGNATURE_LEN])
{
	struct buf text = { 0 }, value = { 0 };
	bool ok;

	buf_printf(&text, "%lld.", (long long)unix_time);
	buf_puts(&text, body);
	buf_printf(&value, "t=%lld", (long long)unix_time);
	ok = !text.failed && add_mac(&value, &text, secret) &&
	    (old_secret == NULL || add_mac(&value, &text, old_secret)) && !value.failed &&
	    value.len < WEBHOOK_SIGNATURE_LEN;
	if (ok)
		memcpy(out, value.data, value.len + 1);
	buf_free(&text);
	buf_free(&value);
	return ok;
}
