/* FastCGI, by libfcgi. It reads and writes as if it had a thread for each connection; here it
 * is asked only when there is something to read, and what is read is read to its end, so it
 * has nothing to wait for. */
#include "connection.h"

#include <errno.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* A web server that stops in the midst of a request is not waited for any longer. */
#define STALLED_S 2

struct conn {
	FCGX_Request fcgi;
	bool body_read;		/* to its end */
};

bool
conn_init(void)
{
	int flags;

	if (FCGX_Init() != 0 || FCGX_IsCGI())
		return false;
	flags = fcntl(CONN_LISTENER, F_GETFL);
	return flags >= 0 && fcntl(CONN_LISTENER, F_SETFL, flags | O_NONBLOCK) == 0;
}

struct conn *
conn_accept(void)
{
	const struct timeval stalled = { .tv_sec = STALLED_S };
	int fd = accept4(CONN_LISTENER, NULL, NULL, SOCK_CLOEXEC);
	struct conn *c;

	if (fd < 0)
		return NULL;
	c = calloc(1, sizeof(*c));
	if (c == NULL) {
		close(fd);
		errno = ENOMEM;
		return NULL;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &stalled, sizeof(stalled));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &stalled, sizeof(stalled));
	FCGX_InitRequest(&c->fcgi, CONN_LISTENER, FCGI_FAIL_ACCEPT_ON_INTR);
	c->fcgi.ipcFd = fd;
	c->fcgi.keepConnection = 1;	/* or the library would close it before it reads */
	return c;
}

void
conn_free(struct conn *c)
{
	int fd = c->fcgi.ipcFd;

	FCGX_Free(&c->fcgi, 0);
	if (fd >= 0)
		close(fd);
	free(c);
}

int
conn_fd(const struct conn *c)
{
	return c->fcgi.ipcFd;
}

static const char *
param(const struct conn *c, const char *name)
{
	return FCGX_GetParam(name, c->fcgi.envp);
}

static const char *
param_or(const struct conn *c, const char *name, const char *fallback)
{
	const char *s = param(c, name);

	return s != NULL ? s : fallback;
}

/* A header on which a decision hangs: "", which is good for nothing, when it came more than once.
 * Of two, this program and a proxy in front of it may each believe another. */
static const char *
param_once(const struct conn *c, const char *name)
{
	size_t len = strlen(name);
	const char *found = NULL;

	for (char **p = c->fcgi.envp; p != NULL && *p != NULL; p++) {
		if (strncmp(*p, name, len) != 0 || (*p)[len] != '=')
			continue;
		if (found != NULL)
			return "";
		found = *p + len + 1;
	}
	return found;
}

/* For what is still needed, by the log, when the request's own memory is gone. */
static const char *
param_kept(struct arena *arena, const struct conn *c, const char *name)
{
	const char *s = param_or(c, name, "-");

	return arena_strndup(arena, s, strlen(s));
}

/* Method and path. A method that is none of ours fits no route. */
static void
take_target(struct req *req, const struct conn *c)
{
	static const struct {
		const char *name;
		enum method method;
	} methods[] = { { "GET", GET }, { "HEAD", GET }, { "POST", POST }, { "PATCH", PATCH },
	    { "DELETE", DELETE } };

	req->method_text = param_kept(req->arena, c, "REQUEST_METHOD");
	req->path = param_or(c, "DOCUMENT_URI", "");
	req->query = param_or(c, "QUERY_STRING", "");
	req->head = strcmp(req->method_text, "HEAD") == 0;
	req->method = METHOD_COUNT;
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (strcmp(req->method_text, methods[i].name) == 0)
			req->method = methods[i].method;
}

static void
take_headers(struct req *req, const struct conn *c)
{
	req->id = param_kept(req->arena, c, "REQUEST_ID");
	req->address = param_or(c, "REMOTE_ADDR", "");
	req->authorization = param(c, "HTTP_AUTHORIZATION");
	req->cookie = param(c, "HTTP_COOKIE");
	req->origin = param_once(c, "HTTP_ORIGIN");
	req->host = param(c, "HTTP_HOST");
	req->fetch_site = param_once(c, "HTTP_SEC_FETCH_SITE");
	req->if_none_match = param(c, "HTTP_IF_NONE_MATCH");
	req->key = param_once(c, "HTTP_IDEMPOTENCY_KEY");
	req->tls = strcmp(param_or(c, "HTTPS", ""), "on") == 0;
}

bool
conn_request(struct conn *c, struct arena *arena, struct req **out)
{
	struct req *req;

	/* What it can't read the library closes, and goes on with the next connection that waits
	 * at the listening socket. */
	if (FCGX_Accept_r(&c->fcgi) < 0)
		return false;
	req = arena_alloc(arena, sizeof(*req));
	req->arena = req->form.arena = arena;
	req->route = "-";
	take_headers(req, c);
	take_target(req, c);
	c->body_read = false;
	*out = req;
	return true;
}

/* What is left of the body and the record that ends it; or they would be taken for the
 * beginning of the next request. */
static void
read_to_end(struct conn *c)
{
	char rest[4096];

	while (!c->body_read)
		c->body_read = FCGX_GetStr(rest, sizeof(rest), c->fcgi.in) <= 0;
}

enum status
conn_body(struct conn *c, struct req *req, size_t max)
{
	unsigned long len = strtoul(param_or(c, "CONTENT_LENGTH", "0"), NULL, 10);
	char *body;

	if (len > max) {
		read_to_end(c);
		return max == 0 ? req_wrong(req, "", "This request takes no body.") :
		    PAYLOAD_TOO_LARGE;
	}
	body = arena_alloc(req->arena, len + 1);
	req->body = body;
	while (req->body_len < len && !c->body_read) {
		int n = FCGX_GetStr(body + req->body_len, (int)(len - req->body_len), c->fcgi.in);

		if (n > 0)
			req->body_len += (size_t)n;
		else
			c->body_read = true;
	}
	read_to_end(c);
	return req->body_len == len ? OK : req_wrong(req, "", "The body ends too early.");
}

bool
conn_answer(struct conn *c, const struct buf *out, bool last)
{
	bool sent;

	read_to_end(c);
	sent = !out->failed && FCGX_PutStr(out->data, (int)out->len, c->fcgi.out) >= 0;
	/* What FCGX_Finish_r() does but for freeing, which is left to the next FCGX_Accept_r(): what
	 * one thread has malloc'd and another frees makes both wait for each other. */
	if (FCGX_FClose(c->fcgi.err) != 0 || FCGX_FClose(c->fcgi.out) != 0 ||
	    FCGX_GetError(c->fcgi.in) != 0)
		sent = false;
	if (!c->fcgi.keepConnection)
		FCGX_Finish_r(&c->fcgi);	/* which closes it */
	if (last)	/* at once, or the web server could take it for one to be used again */
		shutdown(c->fcgi.ipcFd, SHUT_WR);
	return sent && !last && c->fcgi.ipcFd >= 0;
}
