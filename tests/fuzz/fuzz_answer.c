/* What a receiver of webhooks answers, through libcurl, to the end of its delivery. */
#include "../../cron/deliver.c"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"

#define ANSWERS_MAX	(64 * 1024)	/* fits a socket that nobody reads */

static struct {
	const uint8_t *data;
	size_t size;
	int receiver;		/* its end of the connection; -1: there was none */
	int connections, ended, status;
	bool why;
} now;

/* In the place of the C library's: whatever is connected to is the receiver, which has said all
 * it will say. */
int
connect(int fd, const struct sockaddr *address, socklen_t len)
{
	int ends[2];

	(void)address, (void)len;
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
	must(now.size == 0 || send(ends[0], now.data, now.size, MSG_NOSIGNAL) == (ssize_t)now.size);
	shutdown(ends[0], SHUT_WR);
	must(dup3(ends[1], fd, O_CLOEXEC) == fd);
	close(ends[1]);
	now.receiver = ends[0];
	now.connections++;
	return 0;
}

static void
on_done(struct delivery *d, int status, const char *why)
{
	(void)d;
	now.ended++;
	now.status = status;
	now.why = why != NULL;
}

/* The status of an answer that begins with a whole status line; 0 for anything else. */
static int
plain_status(const char *text)
{
	int major, minor, status, len = 0;

	if (sscanf(text, "HTTP/%1d.%1d %3d%n", &major, &minor, &status, &len) != 3 || len != 12 ||
	    text[8] != ' ' || text[9] < '2' || text[9] > '5' || major != 1 || minor > 1 ||
	    (text[12] != ' ' && text[12] != '\r') || strcspn(text, "\r\n") == strlen(text) ||
	    text[strcspn(text, "\r\n")] != '\r' || text[strcspn(text, "\r\n") + 1] != '\n')
		return 0;
	return status;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool begun;
	struct conf conf = { .webhook_connections = 1, .webhook_timeout_seconds = 5,
	    .webhook_ca_file = (char *)"" };
	struct delivery d = { .url = "http://127.0.0.1/hook", .event = "1", .body = "{}",
	    .secret = "whsec_0", .done = on_done };
	struct deliverer *deliverer;
	char *text;

	if (size > ANSWERS_MAX)
		return 0;
	if (!begun)	/* once, for all */
		must(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
	begun = true;
	memset(&now, 0, sizeof(now));
	now.data = data;
	now.size = size;
	now.receiver = -1;
	deliverer = deliverer_new(&conf);
	must(deliverer != NULL);
	deliver_start(deliverer, &d);
	for (int i = 0; i < 1000 && now.ended == 0; i++)
		deliver_wait(deliverer, 10);
	deliver_wait(deliverer, 0);
	must(now.ended == 1);
	must(now.connections <= 1);	/* no redirect is followed */
	must(now.status == 0 || (now.status >= 200 && now.status <= 599));
	must((now.status == 0) == now.why);
	text = fuzz_text(data, size);
	if (plain_status(text) != 0)
		must(now.status == plain_status(text));
	free(text);
	deliverer_free(deliverer);
	if (now.receiver >= 0)
		close(now.receiver);
	return 0;
}
