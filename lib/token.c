/* Tokens: the only file that speaks to libjwt.
 *
 * Checking a signature takes a tenth of what a reserve costs in all, and a browser sends the same
 * token with each request. So what was verified is remembered: by the token's SHA-256,
 * in a table of small sets, where a newer token takes the place of the oldest of its set. */
#include "token.h"

#include <ctype.h>
#include <errno.h>
#include <jwt.h>
#include <limits.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service.h"

#define ISSUER		"lastpair"
#define AUDIENCE	"lastpair"
#define MIN_SECRET	32
#define MAX_SECRET	256
#define MAX_ID		32
#define BASE64URL	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
#define DIGEST_LEN	32	/* of SHA-256 */
#define SEEN_SETS	32768	/* a power of two */
#define SEEN_WAYS	8	/* tokens in a set: of 100,000 that come in turn hardly any push
				 * each other out again and again; of four a third did */
#define SEEN_LOCKS	64

struct key {
	char id[MAX_ID + 1];
	char secret[MAX_SECRET + 1];	/* its text is the secret; empty: no key */
};

/* A token that was verified. */
struct seen {
	unsigned char digest[DIGEST_LEN];
	struct token_claims claims;	/* user 0: nothing is here */
	int64_t not_before;
};

struct memory {
	pthread_mutex_t locks[SEEN_LOCKS];
	struct seen sets[SEEN_SETS][SEEN_WAYS];	/* newest first; what was never used
						 * takes no room */
};

struct token_keys {
	struct key current, previous;
	EVP_MD *sha256;		/* to look it up takes longer than to use it */
	struct memory *memory;
};

static bool
read_key(const char *setting, struct key *key)
{
	char path[PATH_MAX];
	FILE *f = service_secret(setting, path, sizeof(path)) ? fopen(path, "re") : NULL;
	char line[512] = "", *secret, *end;
	bool ok = false;

	if (f == NULL) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return false;
	}
	if (fgets(line, sizeof(line), f) == NULL)
		line[0] = '\0';
	fclose(f);
	end = line + strcspn(line, "\r\n");
	*end = '\0';
	secret = strchr(line, ' ');
	if (secret != NULL) {
		*secret++ = '\0';
		ok = line[0] != '\0' && strlen(line) <= MAX_ID &&
		    strspn(line, BASE64URL) == strlen(line) &&
		    strlen(secret) >= MIN_SECRET && strlen(secret) <= MAX_SECRET &&
		    strchr(secret, ' ') == NULL;
	}
	if (ok) {
		strcpy(key->id, line);
		strcpy(key->secret, secret);
	} else {
		fprintf(stderr, "%s: a key file is one line: an id, a space, and a secret of at "
		    "least %d characters\n", path, MIN_SECRET);
	}
	explicit_bzero(line, sizeof(line));
	return ok;
}

struct token_keys *
token_keys_load(const char *path, const char *previous_path)
{
	struct token_keys *keys = calloc(1, sizeof(*keys));

	if (keys == NULL)
		return NULL;
	keys->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	keys->memory = calloc(1, sizeof(*keys->memory));
	for (int i = 0; keys->memory != NULL && i < SEEN_LOCKS; i++)
		pthread_mutex_init(&keys->memory->locks[i], NULL);
	if (keys->sha256 == NULL || keys->memory == NULL || !read_key(path, &keys->current) || (previous_path != NULL && *previous_path != '\0' &&
	    !read_key(previous_path, &keys->previous))) {
		token_keys_free(keys);
		return NULL;
	}
	return keys;
}

void
token_keys_free(struct token_keys *keys)
{
	if (keys == NULL)
		return;
	for (int i = 0; keys->memory != NULL && i < SEEN_LOCKS; i++)
		pthread_mutex_destroy(&keys->memory->locks[i]);
	free(keys->memory);
	EVP_MD_free(keys->sha256);
	explicit_bzero(keys, sizeof(*keys));
	free(keys);
}

char *
token_sign(const struct token_keys *keys, const struct token_claims *claims)
{
	const struct key *key = &keys->current;
	char subject[24], *token = NULL;
	jwt_t *jwt = NULL;

	snprintf(subject, sizeof(subject), "%lld", (long long)claims->user);
	if (jwt_new(&jwt) == 0 &&
	    jwt_add_header(jwt, "kid", key->id) == 0 &&
	    jwt_add_grant(jwt, "iss", ISSUER) == 0 &&
	    jwt_add_grant(jwt, "aud", AUDIENCE) == 0 &&
	    jwt_add_grant(jwt, "sub", subject) == 0 &&
	    jwt_add_grant(jwt, "jti", claims->session) == 0 &&
	    jwt_add_grant_int(jwt, "iat", (long)claims->issued_at) == 0 &&
	    jwt_add_grant_int(jwt, "nbf", (long)claims->issued_at) == 0 &&
	    jwt_add_grant_int(jwt, "exp", (long)claims->expires_at) == 0 &&
	    jwt_set_alg(jwt, JWT_ALG_HS256, (const unsigned char *)key->secret,
	    (int)strlen(key->secret)) == 0)
		token = jwt_encode_str(jwt);	/* malloc'd, as libjwt 1.10 leaves its default */
	jwt_free(jwt);
	return token;
}

/* A claim that must be a whole number, written as one. libjwt's own getter gives 0 for
 * other types. */
static bool
number_claim(jwt_t *jwt, const char *name, int64_t *value)
{
	char *text = jwt_get_grants_json(jwt, name), *end = NULL;
	bool ok;

	errno = 0;
	*value = text != NULL ? strtoll(text, &end, 10) : 0;
	ok = end != NULL && end != text && *end == '\0' && errno == 0;
	free(text);
	return ok;
}

static bool
text_claim_is(jwt_t *jwt, const char *name, const char *wanted)
{
	const char *s = jwt_get_grant(jwt, name);

	return s != NULL && strcmp(s, wanted) == 0;
}

/* libjwt checks the signature alone; algorithm, types and names are ours. */
static bool
read_claims(jwt_t *jwt, struct seen *seen)
{
	const char *session = jwt_get_grant(jwt, "jti"), *subject = jwt_get_grant(jwt, "sub");
	struct token_claims *claims = &seen->claims;
	char *end;

	if (jwt_get_alg(jwt) != JWT_ALG_HS256 || !text_claim_is(jwt, "iss", ISSUER) ||
	    !text_claim_is(jwt, "aud", AUDIENCE) || session == NULL || !uuid_valid(session) ||
	    subject == NULL || !isdigit((unsigned char)subject[0]) ||
	    !number_claim(jwt, "iat", &claims->issued_at) ||
	    !number_claim(jwt, "nbf", &seen->not_before) ||
	    !number_claim(jwt, "exp", &claims->expires_at))
		return false;
	errno = 0;
	claims->user = strtoll(subject, &end, 10);
	if (errno != 0 || *end != '\0')
		return false;
	strcpy(claims->session, session);
	return true;
}

/* Three parts of base64url (RFC 7515, section 3.1), none of them empty: of an empty one libjwt
 * 1.10.2 takes no room to decode it, and writes there. */
static bool
has_three_parts(const char *token)
{
	for (int parts = 1;; parts++) {
		size_t len = strspn(token, BASE64URL);

		if (len == 0)
			return false;
		token += len;
		if (*token == '\0')
			return parts == 3;
		if (*token++ != '.')
			return false;
	}
}

/* Verifies the signature with one key after the other. */
static bool
decode(const struct token_keys *keys, const char *token, struct seen *seen)
{
	const struct key *tries[] = { &keys->current, &keys->previous };

	for (int i = 0; i < 2; i++) {
		const char *secret = tries[i]->secret;
		jwt_t *jwt = NULL;
		bool ok;

		/* An empty key would let any HS256 token pass. */
		if (secret[0] == '\0' || jwt_decode(&jwt, token, (const unsigned char *)secret,
		    (int)strlen(secret)) != 0)
			continue;
		ok = read_claims(jwt, seen);
		jwt_free(jwt);
		return ok;
	}
	return false;
}

static size_t
set_of(const unsigned char digest[DIGEST_LEN])
{
	uint32_t n;

	memcpy(&n, digest, sizeof(n));
	return n & (SEEN_SETS - 1);
}

/* Whether the token with this digest was verified before; fills *seen. */
static bool
recall(struct memory *m, struct seen *seen)
{
	size_t set = set_of(seen->digest);
	const struct seen *there = m->sets[set];
	bool known = false;

	pthread_mutex_lock(&m->locks[set % SEEN_LOCKS]);
	for (int i = 0; i < SEEN_WAYS && there[i].claims.user != 0 && !known; i++) {
		known = memcmp(there[i].digest, seen->digest, sizeof(seen->digest)) == 0;
		if (known)
			*seen = there[i];
	}
	pthread_mutex_unlock(&m->locks[set % SEEN_LOCKS]);
	return known;
}

static void
remember(struct memory *m, const struct seen *seen)
{
	size_t set = set_of(seen->digest);

	pthread_mutex_lock(&m->locks[set % SEEN_LOCKS]);
	memmove(&m->sets[set][1], &m->sets[set][0], (SEEN_WAYS - 1) * sizeof(*seen));
	m->sets[set][0] = *seen;
	pthread_mutex_unlock(&m->locks[set % SEEN_LOCKS]);
}

bool
token_verify(const struct token_keys *keys, const char *token, int64_t now,
    struct token_claims *claims)
{
	size_t len = strlen(token);
	struct seen seen = { 0 };

	claims->untimely = false;
	if (len > TOKEN_MAX_LEN || !EVP_Digest(token, len, seen.digest, NULL, keys->sha256, NULL))
		return false;
	if (!recall(keys->memory, &seen)) {
		if (!has_three_parts(token) || !decode(keys, token, &seen))
			return false;
		remember(keys->memory, &seen);
	}
	*claims = seen.claims;
	claims->untimely = seen.not_before > now + TOKEN_LEEWAY_S ||
	    seen.claims.expires_at <= now - TOKEN_LEEWAY_S;
	return !claims->untimely;
}
