/* A question to the daemon, over HTTP/1.0. */
#include "ask.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"

#define DAEMON_MS	200	/* the event daemon answers at once or counts as away */
#define DAEMON_MAX_LEN	65536

static bool
ready(int fd, short events, int64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = events };
	int64_t left = deadline - clock_ms();

	return left > 0 && poll(&p, 1, (int)left) == 1;
}

bool
ask_daemon(const struct conf *conf, const char *path, struct buf *out)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int64_t deadline = clock_ms() + DAEMON_MS;
	struct buf head = { 0 };
	char chunk[4096];
	const char *body;
	bool ok = false;
	ssize_t n = 0;
	int fd;

	if (strlen(conf->sse_admin_socket) >= sizeof(to.sun_path))
		return false;
	strcpy(to.sun_path, conf->sse_admin_socket);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	buf_printf(&head, "GET %s HTTP/1.0\r\n\r\n", path);
	if (!head.failed && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 &&
	    send(fd, head.data, head.len, MSG_NOSIGNAL) == (ssize_t)head.len) {
		buf_clear(&head);
		while (head.len < DAEMON_MAX_LEN && ready(fd, POLLIN, deadline) &&
		    (n = read(fd, chunk, sizeof(chunk))) > 0)
			buf_add(&head, chunk, (size_t)n);
		if (n == 0 && head.data != NULL && !head.failed) {
			body = strstr(head.data, "\r\n\r\n");
			ok = strncmp(head.data, "HTTP/1.", 7) == 0 &&
			    strncmp(head.data + 8, " 200", 4) == 0 && body != NULL;
			if (ok)
				buf_puts(out, body + 4);
		}
	}
	close(fd);
	buf_free(&head);
	return ok;
}
