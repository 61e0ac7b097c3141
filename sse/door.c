/* Letting callers in. */
#include "door.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "service.h"

#define HEAD_MS		10000	/* to send the head in */
#define PATIENCE_MS	1000	/* after which the oldest of that many gives way */
#define ACCEPT_AT_ONCE	64	/* before others get their turn */
#define REST_MS		20	/* between looks whether there is room again */
#define BACKLOG		4096
#define VANISHED_MS	30000	/* a peer that has confirmed nothing for so long is gone */

struct caller {
	TAILQ_ENTRY(caller) next;
	struct door *door;
	struct event *event;	/* NULL: it sent its head at once */
	int fd;
	int64_t deadline_ms;
	size_t len;
	char buf[HEAD_MAX + 1];
};

struct door {
	struct event_base *base;
	struct event *listening, *rest;
	int fd;
	char *name;	/* the socket's path, or its address */
	bool tcp;
	bool handed;	/* the socket is somebody else's too, and stays */
	bool open;
	door_handler *handler;
	void *arg;
	TAILQ_HEAD(, caller) callers;	/* that wait for more; oldest first */
	int waiting, waiting_max;
	int64_t said_ms;	/* when a failure to accept was last logged */
	struct door_stats stats;
};

/* Says goodbye. What the caller still sends must be read, or the kernel would
 * answer it with a reset instead of what was written. */
static void
finish(int fd, const struct buf *answer)
{
	char rest[4096];
	ssize_t n;

	if (!answer->failed && answer->data != NULL) {
		n = send(fd, answer->data, answer->len, MSG_NOSIGNAL);
		(void)n;	/* a caller that can't take a few bytes gets none */
	}
	for (int i = 0; i < 16 && read(fd, rest, sizeof(rest)) > 0; i++)
		;
	close(fd);
}

static const char *
reason(int status)
{
	switch (status) {
	case 400: return "Bad Request";
	case 403: return "Forbidden";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 408: return "Request Timeout";
	case 431: return "Request Header Fields Too Large";
	case 503: return "Service Unavailable";
	}
	return "Error";
}

static void
answer_head(struct buf *out, int status, const char *type, size_t len, const char *more)
{
	buf_printf(out, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
	    HEAD_POLICY "Cache-Control: no-store\r\n%sConnection: close\r\n\r\n", status,
	    status == 200 ? "OK" : reason(status), type, len, more != NULL ? more : "");
}

static void
problem(int fd, int status, const char *code, const char *detail, const char *field,
    const char *message, const char *more)
{
	struct buf body = { 0 }, out = { 0 };

	buf_printf(&body, "{\"type\":\"about:blank\",\"status\":%d,\"title\":\"%s\",\"code\":\"%s\","
	    "\"detail\":", status, reason(status), code);
	buf_json(&body, detail);
	if (field != NULL) {
		buf_puts(&body, ",\"errors\":[{\"field\":");
		buf_json(&body, field);
		buf_puts(&body, ",\"message\":");
		buf_json(&body, message);
		buf_puts(&body, "}]");
	}
	buf_puts(&body, "}");
	answer_head(&out, status, "application/problem+json", body.len, more);
	buf_add(&out, body.data, body.len);
	out.failed = out.failed || body.failed;
	finish(fd, &out);
	buf_free(&body);
	buf_free(&out);
}

void
door_problem(int fd, int status, const char *code, const char *detail, const char *more)
{
	problem(fd, status, code, detail, NULL, NULL, more);
}

void
door_invalid(int fd, const char *field, const char *message, const char *more)
{
	problem(fd, 400, "invalid", "Something in the request is not as it must be.", field,
	    message, more);
}

void
door_head(int fd, const char *head)
{
	struct buf out = { 0 };

	buf_puts(&out, head);
	finish(fd, &out);
	buf_free(&out);
}

void
door_answer(int fd, const char *type, const struct buf *body)
{
	struct buf out = { 0 };

	answer_head(&out, 200, type, body->len, NULL);
	buf_add(&out, body->data, body->len);
	out.failed = out.failed || body->failed;
	finish(fd, &out);
	buf_free(&out);
}

static void
caller_free(struct caller *c)
{
	if (c->event != NULL) {
		event_free(c->event);
		TAILQ_REMOVE(&c->door->callers, c, next);
		c->door->waiting--;
	}
	free(c);
}

static void
turn_away(struct caller *c, int status, const char *code, const char *detail)
{
	c->door->stats.refused++;
	door_problem(c->fd, status, code, detail, NULL);
	caller_free(c);
}

static void on_caller(evutil_socket_t fd, short what, void *arg);

/* Waits for more of the head, no longer than it has left. */
static void
wait_for_more(struct caller *c)
{
	int64_t left = c->deadline_ms - clock_ms();
	struct timeval tv = { 0, 1000 };

	if (left > 0)
		tv = (struct timeval){ left / 1000, left % 1000 * 1000 };
	if (c->event == NULL) {
		c->event = event_new(c->door->base, c->fd, EV_READ, on_caller, c);
		if (c->event == NULL) {
			close(c->fd);
			free(c);
			return;
		}
		TAILQ_INSERT_TAIL(&c->door->callers, c, next);
		c->door->waiting++;
	}
	if (event_add(c->event, &tv) != 0) {
		close(c->fd);
		caller_free(c);
	}
}

static void
caller_read(struct caller *c)
{
	ssize_t n = read(c->fd, c->buf + c->len, HEAD_MAX - c->len);
	struct head head;

	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		wait_for_more(c);
		return;
	}
	if (n <= 0) {	/* gone, with nothing to answer */
		close(c->fd);
		caller_free(c);
		return;
	}
	c->len += (size_t)n;
	switch (head_parse(c->buf, c->len, &head)) {
	case HEAD_MORE:
		wait_for_more(c);
		return;
	case HEAD_BAD:
		turn_away(c, 400, "bad_request", "The request is not HTTP as it must be.");
		return;
	case HEAD_TOO_LONG:
		turn_away(c, 431, "head_too_long", "The request's header is too long.");
		return;
	case HEAD_OK:
		c->door->handler(c->door->arg, c->fd, &head);
		caller_free(c);
		return;
	}
}

static void
on_caller(evutil_socket_t fd, short what, void *arg)
{
	struct caller *c = arg;

	(void)fd;
	if (what & EV_READ)
		caller_read(c);
	else
		turn_away(c, 408, "too_slow", "The request took too long to arrive.");
}

/* Whether another caller can be read. Many may call at once and be a little late
 * with their heads; one that takes longer than that must not keep others out. */
static bool
has_room(struct door *door)
{
	struct caller *oldest = TAILQ_FIRST(&door->callers);

	if (door->waiting < door->waiting_max)
		return true;
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): who is freed has left the list */
	if (clock_ms() < oldest->deadline_ms - HEAD_MS + PATIENCE_MS)
		return false;
	turn_away(oldest, 408, "too_slow", "The request took too long to arrive.");
	return true;
}

/* Leaves callers to the kernel's queue for a moment: the loop would spin on those
 * it can't take. */
static void
rest(struct door *door)
{
	static const struct timeval tv = { 0, REST_MS * 1000 };

	event_del(door->listening);
	event_add(door->rest, &tv);
}

static void
say_failed(struct door *door)
{
	int64_t now = clock_ms();

	if (door->said_ms == 0 || now - door->said_ms > 10000) {
		log_error("%s: accept: %s", door->name, strerror(errno));
		door->said_ms = now;
	}
}

/* Over a network bytes go out at once, and a peer that is gone without a word does
 * not keep its stream. */
static void
set_up_tcp(int fd)
{
	static const int yes = 1;
	static const unsigned int vanished_ms = VANISHED_MS;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &vanished_ms, sizeof(vanished_ms));
}

static void
on_listening(evutil_socket_t fd, short what, void *arg)
{
	struct door *door = arg;

	(void)what;
	for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
		struct caller *c;
		int caller;

		if (!has_room(door)) {
			rest(door);
			return;
		}
		caller = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (caller < 0) {
			if (errno == EINTR || errno == ECONNABORTED)
				continue;
			if (errno != EAGAIN) {
				say_failed(door);
				rest(door);
			}
			return;
		}
		door->stats.accepted++;
		if (door->tcp)
			set_up_tcp(caller);
		c = calloc(1, sizeof(*c));
		if (c == NULL) {
			log_error("no memory for a caller");
			close(caller);
			return;
		}
		c->door = door;
		c->fd = caller;
		c->deadline_ms = clock_ms() + HEAD_MS;
		caller_read(c);
	}
}

static void
on_rest(evutil_socket_t fd, short what, void *arg)
{
	struct door *door = arg;

	(void)fd;
	(void)what;
	event_add(door->listening, NULL);
}

/* Whether somebody listens on the socket that is in the way. */
static bool
in_use(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool used;

	if (fd < 0)
		return false;
	used = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
	    errno == EAGAIN;
	close(fd);
	return used;
}

/* Listens on a path, on a socket that was handed over where there is one. */
static int
listen_on(const char *path, bool *handed)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct stat st;
	mode_t mask;
	int fd, bound;

	if (strlen(path) >= sizeof(address.sun_path)) {
		log_error("%s: the path is too long for a socket", path);
		return -1;
	}
	strcpy(address.sun_path, path);
	fd = service_socket((const struct sockaddr *)&address, sizeof(address));
	*handed = fd >= 0;
	if (*handed)
		return fd;
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode)) {
		if (in_use(&address)) {
			log_error("%s: another process listens there", path);
			return -1;
		}
		unlink(path);
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mask = umask(0117);
	bound = fd >= 0 ? bind(fd, (const struct sockaddr *)&address, sizeof(address)) : -1;
	umask(mask);
	if (bound != 0 || listen(fd, BACKLOG) != 0) {
		log_error("%s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

static int
open_tcp(const struct addrinfo *a, const char *where)
{
	static const int yes = 1;
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0 &&
	    bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	log_error("%s: %s", where, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

static int
listen_on_tcp(const char *where, bool *handed)
{
	struct addrinfo *a = service_address(where);
	int fd;

	if (a == NULL) {
		log_error("%s: not an address and a port, such as 127.0.0.1:8090 or [::1]:8090", where);
		return -1;
	}
	fd = service_socket(a->ai_addr, a->ai_addrlen);
	*handed = fd >= 0;
	if (!*handed)
		fd = open_tcp(a, where);
	freeaddrinfo(a);
	return fd;
}

static struct door *
door_on(struct event_base *base, int fd, const char *name, bool tcp, int heads,
    door_handler *handler, void *arg)
{
	struct door *door = calloc(1, sizeof(*door));

	if (door == NULL) {
		log_error("%s: no memory", name);
		close(fd);
		return NULL;
	}
	*door = (struct door){ .base = base, .fd = fd, .tcp = tcp, .waiting_max = heads,
	    .handler = handler, .arg = arg };
	TAILQ_INIT(&door->callers);
	door->name = strdup(name);
	door->rest = evtimer_new(base, on_rest, door);
	door->listening = event_new(base, door->fd, EV_READ | EV_PERSIST, on_listening, door);
	if (door->name == NULL || door->rest == NULL || door->listening == NULL) {
		log_error("%s: no memory", name);
		door_free(door);
		return NULL;
	}
	return door;
}

struct door *
door_new(struct event_base *base, const char *path, int heads, door_handler *handler, void *arg)
{
	bool handed;
	int fd = listen_on(path, &handed);
	struct door *door = fd >= 0 ? door_on(base, fd, path, false, heads, handler, arg) : NULL;

	if (door != NULL)
		door->handed = handed;
	return door;
}

struct door *
door_new_tcp(struct event_base *base, const char *where, int heads, door_handler *handler,
    void *arg)
{
	bool handed;
	int fd = listen_on_tcp(where, &handed);

	return fd >= 0 ? door_on(base, fd, where, true, heads, handler, arg) : NULL;
}

bool
door_open(struct door *door)
{
	if (!door->open && event_add(door->listening, NULL) != 0) {
		log_error("%s: no memory", door->name);
		return false;
	}
	door->open = true;
	return true;
}

void
door_shut(struct door *door)
{
	door->open = false;
	event_del(door->listening);
	event_del(door->rest);
}

void
door_free(struct door *door)
{
	struct caller *c;

	if (door == NULL)
		return;
	while ((c = TAILQ_FIRST(&door->callers)) != NULL) {
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): who is freed has left the list */
		close(c->fd);
		caller_free(c);
	}
	if (door->listening != NULL)
		event_free(door->listening);
	if (door->rest != NULL)
		event_free(door->rest);
	if (door->name != NULL && !door->tcp && !door->handed)
		unlink(door->name);
	close(door->fd);
	free(door->name);
	free(door);
}

const struct door_stats *
door_stats(const struct door *door)
{
	return &door->stats;
}
