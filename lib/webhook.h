/* Webhooks: what addresses may be delivered to, and how a delivery is signed. The only file
 * beside cron/deliver.c that knows libcurl, whose reader of URLs is the one that delivers. */
#ifndef LP_WEBHOOK_H
#define LP_WEBHOOK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define WEBHOOK_URL_MAX		2000	/* bytes */
#define WEBHOOK_SECRET_LEN	71	/* "whsec_", 64 hexadecimal digits, the NUL */
#define WEBHOOK_SIGNATURE_LEN	192	/* of a header's value, with the NUL */

/* NULL when events may be sent to `url`, else what is wrong with it, as a sentence. https
 * alone, but for an address that names this machine itself (127.0.0.1, [::1], localhost).
 * Where a name leads to is seen only when it is connected to. */
const char *webhook_url_wrong(const char *url);

/* Whether `url` names this machine itself; false for what is no URL. */
bool webhook_url_local(const char *url);

/* Whether a connection may be made to `address` for a URL that is `local` or not. Never to
 * what is nobody's address; to this machine when the URL says so; to this machine for another
 * URL, and to private networks (RFC 6890 and IANA's registries), only with `private_allowed`. */
bool webhook_address_allowed(const struct sockaddr *address, bool local, bool private_allowed);

/* Makes a new secret of 32 random bytes. Ends the process when the kernel gives none. */
void webhook_secret_new(char out[WEBHOOK_SECRET_LEN]);

/* The value of the header Lastpair-Signature of `body` sent at `unix_time` (seconds since
 * 1970): t=TIME,v1=HMAC and, with an `old_secret` that is not NULL, another v1 by that one.
 * HMAC is that of "TIME.BODY" by SHA-256 in hexadecimal (RFC 2104, FIPS 180-4). False when
 * the library fails. */
bool webhook_sign(const char *body, int64_t unix_time, const char *secret,
    const char *old_secret, char out[WEBHOOK_SIGNATURE_LEN]);

#endif
