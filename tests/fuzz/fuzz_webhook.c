/* Where webhooks may be sent to, and how they are signed: a URL, a secret and a body, a line each.
 * The last bytes are an address as well. */
#include "webhook.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "fuzz.h"

static bool
allowed_v4(const uint8_t bytes[4], bool local, bool private_allowed)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };

	memcpy(&v4.sin_addr, bytes, 4);
	return webhook_address_allowed((const struct sockaddr *)&v4, local, private_allowed);
}

static bool
allowed_v6(const uint8_t bytes[16], bool local, bool private_allowed)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

	memcpy(&v6.sin6_addr, bytes, 16);
	return webhook_address_allowed((const struct sockaddr *)&v6, local, private_allowed);
}

/* What everybody knows of IPv4, read from its bytes. */
static bool
not_public(const uint8_t a[4])
{
	return a[0] == 0 || a[0] == 10 || a[0] == 127 || a[0] >= 224 ||
	    (a[0] == 169 && a[1] == 254) || (a[0] == 172 && a[1] >= 16 && a[1] <= 31) ||
	    (a[0] == 192 && a[1] == 168);
}

static void
check_address(const uint8_t bytes[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	uint8_t v6[16];

	memcpy(v6, mapped, 12);
	memcpy(v6 + 12, bytes, 4);
	for (int i = 0; i < 4; i++) {
		bool local = i % 2 != 0, private_allowed = i / 2 != 0;

		must(allowed_v4(bytes, local, private_allowed) == allowed_v6(v6, local, private_allowed));
		must(!local || allowed_v4(bytes, true, private_allowed) == (bytes[0] == 127));
	}
	must(!allowed_v4(bytes, false, false) || !not_public(bytes));
	must(!allowed_v4(bytes, false, false) || allowed_v4(bytes, false, true));
	must(!allowed_v6(bytes, false, false) || allowed_v6(bytes, false, true));
	must(!allowed_v6(bytes, false, false) || !allowed_v6(bytes, true, false));
}

/* An accepted URL fits a request's line, and has nobody's name and password, nor a part behind a #. */
static void
check_url(const char *url)
{
	const char *host = strchr(url, ':'), *part = strchr(url, '#'), *at;

	if (webhook_url_wrong(url) != NULL)
		return;
	must(strlen(url) <= WEBHOOK_URL_MAX && strpbrk(url, " \t\r\n") == NULL);
	must(part == NULL || part[1] == '\0');
	must(strncasecmp(url, "https:", 6) == 0 || strncasecmp(url, "http:", 5) == 0);
	must(strncasecmp(url, "https:", 6) == 0 || webhook_url_local(url));
	must(host != NULL);
	host += 1 + strspn(host + 1, "/");	/* libcurl takes one slash, and three, for two */
	at = memchr(host, '@', strcspn(host, "/?#"));
	must(at == NULL || strspn(host, ":") == (size_t)(at - host));
}

static void
check_signature(const char *secret, const char *body)
{
	char out[WEBHOOK_SIGNATURE_LEN], both[WEBHOOK_SIGNATURE_LEN];
	size_t len;

	must(webhook_sign(body, 1, secret, NULL, out));
	must(strncmp(out, "t=1,v1=", 7) == 0 && strspn(out + 7, "0123456789abcdef") == 64);
	must(webhook_sign(body, 1, secret, secret, both));
	len = strlen(out);
	must(len == 71 && strncmp(both, out, len) == 0 && strcmp(both + len, out + 3) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	char *url = fuzz_line(&in, NULL), *secret = fuzz_line(&in, NULL), *body = fuzz_line(&in, NULL);

	if (url != NULL)
		check_url(url);
	if (body != NULL)
		check_signature(secret, body);
	if (size >= 16)
		check_address(data + size - 16);
	free(url);
	free(secret);
	free(body);
	return 0;
}
