/* Password hashes: the only file that speaks to libcrypt. */
#include "password.h"

#include <crypt.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* struct crypt_data is 32 KiB and must be zeroed; keep it off the stack. */
static bool
hash_with(const char *password, const char *setting, char out[PASSWORD_HASH_LEN])
{
	struct crypt_data *data = calloc(1, sizeof(*data));
	const char *result = data != NULL ? crypt_r(password, setting, data) : NULL;
	bool ok = result != NULL && result[0] != '*' && strlen(result) == PASSWORD_HASH_LEN - 1;

	if (ok)
		memcpy(out, result, PASSWORD_HASH_LEN);
	if (data != NULL)
		explicit_bzero(data, sizeof(*data));
	free(data);
	return ok;
}

bool
password_hash(const char *password, int cost, char out[PASSWORD_HASH_LEN])
{
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];

	return crypt_gensalt_rn("$2b$", (unsigned long)cost, NULL, 0, setting,
	    sizeof(setting)) != NULL && hash_with(password, setting, out);
}

bool
password_verify(const char *password, const char *hash, int cost)
{
	char made[PASSWORD_HASH_LEN];
	unsigned char differ = 0;

	if (hash == NULL || !password_hash_valid(hash)) {
		password_hash(password, cost, made);
		return false;
	}
	if (!hash_with(password, hash, made))
		return false;
	for (size_t i = 0; i < PASSWORD_HASH_LEN - 1; i++)
		differ |= (unsigned char)(made[i] ^ hash[i]);
	return differ == 0;
}

bool
password_hash_valid(const char *hash)
{
	static const char alphabet[] =
	    "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	int cost;

	if (strlen(hash) != PASSWORD_HASH_LEN - 1 || hash[0] != '$' || hash[1] != '2' ||
	    strchr("aby", hash[2]) == NULL || hash[3] != '$' ||
	    !isdigit((unsigned char)hash[4]) || !isdigit((unsigned char)hash[5]) ||
	    hash[6] != '$')
		return false;
	cost = (hash[4] - '0') * 10 + (hash[5] - '0');
	return cost >= 4 && cost <= 16 &&
	    strspn(hash + 7, alphabet) == PASSWORD_HASH_LEN - 1 - 7;
}
