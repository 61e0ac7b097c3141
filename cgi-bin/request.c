/* Taking a request apart. */
#include "request.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "db.h"
#include "input.h"
#include "uuid.h"

enum status
req_wrong(struct req *req, const char *field, const char *message)
{
	form_wrong(&req->form, field, message);
	return INVALID;
}

/* Decodes %XX and + of a query value; NULL when it is malformed. */
static char *
decode(struct arena *arena, const char *s, size_t len)
{
	char *out = arena_alloc(arena, len + 1), *p = out;

	for (size_t i = 0; i < len; i++) {
		if (s[i] == '+') {
			*p++ = ' ';
		} else if (s[i] != '%') {
			*p++ = s[i];
		} else {
			char hex[3] = { 0 };

			if (len - i < 3 || !isxdigit((unsigned char)s[i + 1]) ||
			    !isxdigit((unsigned char)s[i + 2]))
				return NULL;
			memcpy(hex, s + i + 1, 2);
			*p = (char)strtol(hex, NULL, 16);
			if (*p++ == '\0')
				return NULL;
			i += 2;
		}
	}
	return out;
}

bool
req_query(struct req *req, const char *name, const char **out)
{
	size_t name_len = strlen(name);
	const char *s = req->query;
	bool seen = false;

	*out = NULL;
	while (*s != '\0') {
		size_t len = strcspn(s, "&");

		if (len > name_len && strncmp(s, name, name_len) == 0 && s[name_len] == '=') {
			char *value = decode(req->arena, s + name_len + 1, len - name_len - 1);

			if (seen || value == NULL || !input_printable(value, 0, 200, false)) {
				req_wrong(req, name, "This must be given once, as printable text.");
				return false;
			}
			seen = true;
			*out = value[0] != '\0' ? value : NULL;
		}
		s += len + (s[len] == '&');
	}
	return true;
}

bool
req_limit(struct req *req, const char **limit)
{
	const char *text;
	long n;

	*limit = "50";
	if (!req_query(req, "limit", &text))
		return false;
	if (text == NULL)
		return true;
	n = strspn(text, "0123456789") == strlen(text) && strlen(text) <= 3 ?
	    strtol(text, NULL, 10) : 0;
	if (n < 1 || n > 200) {
		req_wrong(req, "limit", "This must be a whole number from 1 to 200.");
		return false;
	}
	*limit = text;
	return true;
}

bool
req_number(struct req *req, const char *name, const char *message, const char **out)
{
	if (!req_query(req, name, out))
		return false;
	if (*out == NULL || (strspn(*out, "0123456789") == strlen(*out) && strlen(*out) <= 18))
		return true;
	req_wrong(req, name, message);
	return false;
}

bool
req_drop_id(const struct req *req)
{
	size_t len = strlen(req->path_id);

	return len <= 18 && req->path_id[0] != '0' &&
	    strspn(req->path_id, "0123456789") == len;
}

/* The value of a cookie (RFC 6265, section 4.2.1), or NULL. */
static const char *
cookie(struct req *req, const char *name)
{
	size_t name_len = strlen(name);
	const char *s = req->cookie;

	while (s != NULL && *s != '\0') {
		size_t len;

		s += strspn(s, "; \t");
		len = strcspn(s, ";");
		if (len > name_len && strncmp(s, name, name_len) == 0 && s[name_len] == '=')
			return arena_strndup(req->arena, s + name_len + 1, len - name_len - 1);
		s += len;
	}
	return NULL;
}

const char *
req_token(struct req *req)
{
	const char *token;

	req->by_cookie = false;
	if (req->authorization != NULL)
		return strncasecmp(req->authorization, "Bearer ", 7) == 0 ?
		    req->authorization + 7 : "";
	token = cookie(req, "__Host-lastpair_session");
	/* Any host beside this one, or a network without TLS, can set a cookie without the prefix. */
	if (token == NULL && !req->host_cookie)
		token = cookie(req, "lastpair_session");
	req->by_cookie = token != NULL;
	return token;
}

bool
req_cross_site(const struct req *req)
{
	const char *scheme = req->tls ? "https://" : "http://";
	size_t scheme_len = strlen(scheme);

	if (req->fetch_site != NULL)
		return strcmp(req->fetch_site, "same-origin") != 0 &&
		    strcmp(req->fetch_site, "none") != 0;
	if (req->origin == NULL)
		return false;	/* no browser, or one whose SameSite cookies must do */
	return strncasecmp(req->origin, scheme, scheme_len) != 0 || req->host == NULL ||
	    strcasecmp(req->origin + scheme_len, req->host) != 0;
}

bool
req_key(struct req *req)
{
	size_t len;

	if (req->key == NULL)
		return true;
	len = strlen(req->key);
	for (size_t i = 0; i < len; i++)
		if (req->key[i] <= 0x20 || req->key[i] >= 0x7f)
			len = 0;
	if (len >= 8 && len <= 128)
		return true;
	req_wrong(req, "Idempotency-Key", "A key has 8 to 128 visible ASCII characters.");
	return false;
}

bool
req_key_always(struct req *req)
{
	char made_up[UUID_TEXT_LEN];

	if (req->key != NULL)
		return req_key(req);
	uuid_new(made_up);
	req->key = arena_printf(req->arena, "%s", made_up);
	return true;
}

const char *
req_print(struct req *req)
{
	return req->key == NULL ? NULL :
	    arena_printf(req->arena, "%s %s\n%s", req->method_text, req->path, req->body);
}

void
req_header(struct req *req, const char *line)
{
	if (req->header_count < MAX_HEADERS)
		req->headers[req->header_count++] = line;
}
