/* /healthz and /metrics: for those who watch over the store. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "handlers.h"
#include "metrics.h"
#include "publish.h"
#include "reply.h"

#define DAEMON_MS	200	/* the event daemon answers at once or counts as away */
#define DAEMON_MAX_LEN	65536

static bool
ready(int fd, short events, int64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = events };
	int64_t left = deadline - clock_ms();

	return left > 0 && poll(&p, 1, (int)left) == 1;
}

/* Asks the event daemon's private socket for `path`; the answer's body in `out`. False
 * when it does not answer with 200 in time. */
static bool
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

/* GET /healthz: 200 while the store can sell, which takes the database alone; 503 else. */
enum status
health_show(struct ctx *ctx, struct req *req)
{
	struct buf unused = { 0 };
	bool database = db_ask_time(ctx->db) == DB_OK;
	bool redis = publish_ping(&ctx->conf);
	bool sse = ask_daemon(&ctx->conf, "/healthz", &unused);

	buf_free(&unused);
	if (!database)
		req->retry_after_s = 2;
	return reply_json(req, database ? 200 : 503, arena_printf(req->arena,
	    "{\"status\":\"%s\",\"database\":\"%s\",\"redis\":\"%s\",\"sse\":\"%s\"}",
	    database ? "ok" : "down", database ? "ok" : "down", redis ? "ok" : "down",
	    sse ? "ok" : "down"));
}

/* GET /metrics: 200, workers, expiry and daemon together. nginx lets only loopback in. */
enum status
metrics_show(struct ctx *ctx, struct req *req)
{
	struct buf out = { 0 };
	bool up;

	metrics_write(&out);
	up = ask_daemon(&ctx->conf, "/metrics", &out);
	buf_printf(&out, "# HELP lastpair_sse_up Whether the event daemon answers.\n"
	    "# TYPE lastpair_sse_up gauge\nlastpair_sse_up %d\n", up);
	if (out.failed) {
		buf_free(&out);
		return UNAVAILABLE;
	}
	arena_defer(req->arena, free, out.data);
	reply_json(req, 200, out.data);
	req->answer_type = "text/plain; version=0.0.4; charset=utf-8";
	return OK;
}
