/* The bytes of a web server on a worker's connection, through libfcgi. */
#include "../../cgi-bin/connection.c"

#include <signal.h>
#include <stdio.h>

#include "fuzz.h"

#define MAX_INPUT (64 * 1024)	/* fits a socket that nobody reads */

/* What conn_accept() makes of a connection, with another descriptor. */
static struct conn *
connection(int fd)
{
	struct conn *c = calloc(1, sizeof(*c));

	must(c != NULL);
	must(FCGX_InitRequest(&c->fcgi, CONN_LISTENER, FCGI_FAIL_ACCEPT_ON_INTR) == 0);
	c->fcgi.ipcFd = fd;
	c->fcgi.keepConnection = 1;
	return c;
}

/* libfcgi 2.4.2 loses 48 bytes with a record that belongs to no request and is of a type it
 * doesn't know. Only the web server could send one, and nginx sends none; so what libfcgi has
 * taken is not counted here. */
const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
	return "leak:libfcgi.so\n";
}

#define TOO_LONG	(1u << 28)

/* A length of FastCGI's: one byte, or four; false at the end. */
static bool
take_length(struct fuzz_input *in, size_t *n)
{
	if (in->size < 1 || (in->data[0] >= 0x80 && in->size < 4))
		return false;
	*n = in->data[0];
	if (in->data[0] >= 0x80) {
		*n = (size_t)(in->data[0] & 0x7f) << 24 | (size_t)in->data[1] << 16 |
		    (size_t)in->data[2] << 8 | in->data[3];
		in->data += 3;
		in->size -= 3;
	}
	in->data++;
	in->size--;
	return true;
}

/* A parameter that is said to have gigabytes: libfcgi adds its lengths up as an int (as patched
 * for CVE-2025-23016 it no longer wraps to a small one) and ends the process when there is no
 * such memory. Again nginx alone could say so, and tells true lengths. What libfcgi takes for
 * parameters in bytes that are no protocol (padding, records of no request) is its own affair,
 * so no two lengths anywhere may come to that. */
static bool
announces_much(const uint8_t *data, size_t size)
{
	for (size_t at = 0; at < size; at++) {
		struct fuzz_input in = { data + at, size - at };
		size_t name, value;

		if (take_length(&in, &name) && take_length(&in, &value) && name + value > TOO_LONG)
			return true;
	}
	return false;
}

/* Whether a text can be read to its end. */
static void
check_text(const char *s)
{
	must(s == NULL || strlen(s) <= MAX_INPUT);
}

/* Answers what comes until nothing more does. */
static void
serve(struct conn *c)
{
	struct arena *arena = arena_new();
	struct req *req;
	bool more = true;

	while (more && conn_request(c, arena, &req)) {
		struct buf out = { 0 };
		enum status status;

		check_text(req->path);
		check_text(req->query);
		check_text(req->cookie);
		check_text(req->method_text);
		status = conn_body(c, req, 4096);
		must(status == OK || status == INVALID || status == PAYLOAD_TOO_LARGE);
		must(status != OK || (req->body_len <= 4096 && req->body[req->body_len] == '\0'));
		buf_puts(&out, "Status: 204\r\n\r\n");
		more = conn_answer(c, &out, false);
		buf_free(&out);
		arena_reset(arena);
	}
	arena_free(arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool begun;
	int ends[2];
	struct conn *c;

	if (!begun) {
		signal(SIGPIPE, SIG_IGN);
		must(FCGX_Init() == 0);
		close(CONN_LISTENER);	/* there is no other connection to take */
		must(open("/dev/null", O_RDONLY) == CONN_LISTENER);
		begun = true;
	}
	if (size > MAX_INPUT || announces_much(data, size))
		return 0;
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
	must(size == 0 || send(ends[0], data, size, MSG_NOSIGNAL) == (ssize_t)size);
	shutdown(ends[0], SHUT_WR);
	c = connection(ends[1]);
	serve(c);
	conn_free(c);
	close(ends[0]);
	return 0;
}
