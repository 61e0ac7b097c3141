/* Tokens. After `r` a token as it stands; after `s` a line of header and one of payload,
 * which are signed as they should be, so that what libjwt then reads is any JSON. */
#include "token.h"

#include <json-c/json.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "fuzz.h"

#define SECRET	"0123456789abcdef0123456789abcdef"
#define NOW	1800000000

static const struct token_keys *
keys(void)
{
	static struct token_keys *loaded;
	char path[FUZZ_PATH_LEN];
	int fd;

	if (loaded == NULL) {
		fd = fuzz_file((const uint8_t *)"k1 " SECRET "\n", strlen("k1 " SECRET "\n"), path);
		loaded = token_keys_load(path, NULL);
		must(loaded != NULL);
		close(fd);
	}
	return loaded;
}

static void
add_base64(struct buf *b, const void *data, size_t len)
{
	char *text = malloc(len / 3 * 4 + 8);

	must(text != NULL);
	EVP_EncodeBlock((unsigned char *)text, data, (int)len);
	text[strcspn(text, "=")] = '\0';
	for (char *s = text; *s != '\0'; s++)
		*s = *s == '+' ? '-' : *s == '/' ? '_' : *s;
	buf_puts(b, text);
	free(text);
}

/* HEADER.PAYLOAD.SIGNATURE; malloc'd. */
static char *
sign(const char *header, size_t header_len, const char *payload, size_t payload_len)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned int mac_len;
	struct buf b = { 0 };

	add_base64(&b, header, header_len);
	buf_puts(&b, ".");
	add_base64(&b, payload, payload_len);
	must(HMAC(EVP_sha256(), SECRET, strlen(SECRET), (const unsigned char *)b.data, b.len, mac,
	    &mac_len) != NULL);
	buf_puts(&b, ".");
	add_base64(&b, mac, mac_len);
	must(!b.failed);
	return b.data;
}

/* Whether the header, as json-c reads it, names HS256. */
static bool
says_hs256(const char *header)
{
	struct json_object *o = json_tokener_parse(header), *alg = NULL;
	bool ok = json_object_object_get_ex(o, "alg", &alg) &&
	    json_object_is_type(alg, json_type_string) &&
	    strcasecmp(json_object_get_string(alg), "HS256") == 0;

	json_object_put(o);
	return ok;
}

static bool
verify(const char *token)
{
	struct token_claims claims, again;
	bool ok = token_verify(keys(), token, NOW, &claims);

	must(ok == token_verify(keys(), token, NOW, &again));	/* remembered, it is the same */
	if (ok) {
		must(strlen(token) <= TOKEN_MAX_LEN);
		must(uuid_valid(claims.session) && claims.user >= 0);
		must(claims.expires_at > NOW - TOKEN_LEEWAY_S);
		must(claims.user == again.user && claims.expires_at == again.expires_at &&
		    strcmp(claims.session, again.session) == 0);
		if (claims.expires_at < INT64_MAX - TOKEN_LEEWAY_S)
			must(!token_verify(keys(), token, claims.expires_at + TOKEN_LEEWAY_S,
			    &again));
	}
	return ok;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	char *header, *payload, *token;
	size_t header_len, payload_len;

	if (size == 0)
		return 0;
	in.data++;
	in.size--;
	if (data[0] == 's') {
		header = fuzz_line(&in, &header_len);
		payload = fuzz_line(&in, &payload_len);
		if (header != NULL && payload != NULL) {
			token = sign(header, header_len, payload, payload_len);
			if (verify(token))
				must(says_hs256(header));
			free(token);
		}
		free(header);
		free(payload);
	} else {
		token = fuzz_text(in.data, in.size);
		verify(token);
		free(token);
	}
	return 0;
}
