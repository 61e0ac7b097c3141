/* Password hashes: the only file that speaks to libcrypt. */
#include "password.h"

#include <crypt.h>
#include <ctype.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#define MARK		"hmac-sha256"
#define MARK_LEN	(sizeof(MARK) - 1)
#define BCRYPT_LEN	60
#define SALT_AT		7	/* behind $2b$11$ */
#define SALT_LEN	22
#define DIGEST_LEN	32
#define DIGEST_TEXT_LEN	45	/* base64, with the NUL */

_Static_assert(MARK_LEN + BCRYPT_LEN + 1 == PASSWORD_HASH_LEN, "a marked hash just fits");

/* What bcrypt is given by a hash of ours: the password's HMAC under this setting's salt. */
static bool
digest(const char *password, const char *setting, char out[DIGEST_TEXT_LEN])
{
	unsigned char mac[DIGEST_LEN];
	unsigned int len = 0;
	bool ok = HMAC(EVP_sha256(), setting + SALT_AT, SALT_LEN, (const unsigned char *)password,
	    strlen(password), mac, &len) != NULL && len == sizeof(mac);

	if (ok)
		EVP_EncodeBlock((unsigned char *)out, mac, sizeof(mac));
	OPENSSL_cleanse(mac, sizeof(mac));
	return ok;
}

/* struct crypt_data is 32 KiB and must be zeroed; keep it off the stack. */
static bool
bcrypt(const char *phrase, const char *setting, char out[BCRYPT_LEN + 1])
{
	struct crypt_data *data = calloc(1, sizeof(*data));
	const char *result = data != NULL ? crypt_r(phrase, setting, data) : NULL;
	bool ok = result != NULL && result[0] != '*' && strlen(result) == BCRYPT_LEN;

	if (ok)
		memcpy(out, result, BCRYPT_LEN + 1);
	if (data != NULL)
		explicit_bzero(data, sizeof(*data));
	free(data);
	return ok;
}

static bool
bcrypt_of_digest(const char *password, const char *setting, char out[BCRYPT_LEN + 1])
{
	char text[DIGEST_TEXT_LEN];
	bool ok = digest(password, setting, text) && bcrypt(text, setting, out);

	explicit_bzero(text, sizeof(text));
	return ok;
}

static bool
is_ours(const char *hash)
{
	return strncmp(hash, MARK, MARK_LEN) == 0;
}

bool
password_hash(const char *password, int cost, char out[PASSWORD_HASH_LEN])
{
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];

	if (crypt_gensalt_rn("$2b$", (unsigned long)cost, NULL, 0, setting, sizeof(setting)) == NULL ||
	    !bcrypt_of_digest(password, setting, out + MARK_LEN))
		return false;
	memcpy(out, MARK, MARK_LEN);
	return true;
}

static int
cost_of(const char *bcrypt_hash)
{
	return (bcrypt_hash[4] - '0') * 10 + (bcrypt_hash[5] - '0');
}

/* What a hash of cost `from` took less than one of cost `to`: each cost takes twice as long as
 * the one before, so one of each cost between makes up for it. */
static void
make_up_for(const char *password, int from, int to)
{
	char made[PASSWORD_HASH_LEN];

	for (int cost = from; cost < to; cost++)
		password_hash(password, cost, made);
}

bool
password_verify(const char *password, const char *hash, int cost)
{
	char made[BCRYPT_LEN + 1], nobodys[PASSWORD_HASH_LEN];
	unsigned char differ = 0;
	bool ours;

	if (hash == NULL || !password_hash_valid(hash)) {
		password_hash(password, cost, nobodys);
		return false;
	}
	ours = is_ours(hash);
	hash += ours ? MARK_LEN : 0;
	if (!(ours ? bcrypt_of_digest : bcrypt)(password, hash, made))
		return false;
	for (size_t i = 0; i < BCRYPT_LEN; i++)
		differ |= (unsigned char)(made[i] ^ hash[i]);
	if (differ != 0)	/* or a quicker no would tell that there is such a user */
		make_up_for(password, cost_of(hash), cost);
	return differ == 0;
}

bool
password_hash_valid(const char *hash)
{
	static const char alphabet[] =
	    "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	int cost;

	if (is_ours(hash))
		hash += MARK_LEN;
	if (strlen(hash) != BCRYPT_LEN || hash[0] != '$' || hash[1] != '2' ||
	    strchr("aby", hash[2]) == NULL || hash[3] != '$' ||
	    !isdigit((unsigned char)hash[4]) || !isdigit((unsigned char)hash[5]) ||
	    hash[6] != '$')
		return false;
	cost = cost_of(hash);
	return cost >= 4 && cost <= 16 &&
	    strspn(hash + SALT_AT, alphabet) == BCRYPT_LEN - SALT_AT;
}
