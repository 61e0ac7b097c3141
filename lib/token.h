/* Tokens of sign-ins: JSON Web Tokens (RFC 7519) signed with HS256. A token only
 * names a session; whether that session still stands is the database's to say. */
#ifndef LP_TOKEN_H
#define LP_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "uuid.h"

#define TOKEN_MAX_LEN	2048
#define TOKEN_LEEWAY_S	30	/* for clocks that differ between hosts */

struct token_keys;

/* Reads the signing key, and the previous one where `previous_path` is neither
 * NULL nor empty. NULL after a line on standard error: unreadable, malformed, or a
 * secret shorter than 32 bytes (RFC 7518, section 3.2). */
struct token_keys *token_keys_load(const char *path, const char *previous_path);
void token_keys_free(struct token_keys *keys);

/* What a token says. Times are seconds since 1970. */
struct token_claims {
	char session[UUID_TEXT_LEN];	/* jti */
	int64_t user;			/* sub */
	int64_t issued_at, expires_at;
	bool untimely;			/* refused, and for the time alone */
};

/* The same claims and key give the same token, byte for byte. malloc'd; NULL when
 * memory is out. */
char *token_sign(const struct token_keys *keys, const struct token_claims *claims);

/* Whether `token` was signed with one of the keys by HS256, is meant for this
 * store, and holds at `now` (seconds); fills *claims. Thread-safe. A token that was
 * verified is remembered by its digest, so that its next request costs little. Where only the
 * time speaks against it, claims->untimely says so. */
bool token_verify(const struct token_keys *keys, const char *token, int64_t now,
    struct token_claims *claims);

#endif
