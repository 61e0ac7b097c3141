/* Many listeners of a Socket.IO server in one process: each connects by WebSocket, answers
 * the server's pings, and counts the events that come. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "clock.h"
#include "common.h"

#define OPENING_MAX	64	/* on their way in: the server has one thread */
#define EVENTS_AT_ONCE	256
#define BUFFER_SIZE	8192	/* a frame must fit */
#define OPENING_TICK_MS	2
#define PATIENCE_MS	60000	/* for all to be open */

/* WebSocket (RFC 6455) */
#define OPCODE		0x0f
#define OP_TEXT		0x1
#define OP_PING		0x9
#define OP_PONG		0xa
#define FIN		0x80
#define MASKED		0x80

static const char usage[] =
	"Usage: sio_readers --connect ADDRESS [OPTION...]\n\n"
	"Connects to a Socket.IO server, prints a line of JSON once all are connected (or refused),\n"
	"one for each line `mark` on standard input, and one at the end: at `end`, at its end, or at\n"
	"SIGTERM. ADDRESS is a port of 127.0.0.1, or ADDRESS:PORT.\n\n"
	"  --readers N   how many (default 1)\n\n"
	"Exits 0 when all were connected and none was lost; else 1.";

static const char request[] =
	"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n"
	"Host: 127.0.0.1\r\n"
	"Connection: Upgrade\r\n"
	"Upgrade: websocket\r\n"
	"Sec-WebSocket-Version: 13\r\n"
	"Sec-WebSocket-Key: bGFzdHBhaXIgYmVuY2ghIQ==\r\n"
	"\r\n";

enum state { UNUSED, OPENING, OPEN, REFUSED, LOST };

struct reader {
	int fd;
	enum state state;
	bool upgraded;		/* frames come, no longer HTTP */
	size_t len;
	unsigned char data[BUFFER_SIZE];
};

struct frame {
	unsigned char opcode;
	const unsigned char *payload;
	size_t len, whole;	/* of the payload; with its head */
};

struct tool {
	struct address address;
	int wanted, begun, epoll;
	int64_t started_ms, ready_ms;	/* the latter 0 until all are connected */
	int counts[LOST + 1];		/* readers by state */
	unsigned long long events, bytes;
	struct reader *reader;
	struct commands commands;
	bool ending;
};

static void
set_state(struct tool *t, struct reader *r, enum state state)
{
	t->counts[r->state]--;
	t->counts[state]++;
	r->state = state;
}

static void
reader_close(struct tool *t, struct reader *r)
{
	close_at_once(r->fd);
	set_state(t, r, r->state == OPEN ? LOST : REFUSED);
}

/* A client's frames are masked; a key of zeros leaves the few bytes that we send as they are. */
static bool
frame_send(const struct reader *r, unsigned char opcode, const void *payload, size_t len)
{
	unsigned char out[6 + 125] = { (unsigned char)(FIN | opcode) };

	if (len > 125)
		return false;
	out[1] = (unsigned char)(MASKED | len);
	memcpy(out + 6, payload, len);
	return write(r->fd, out, len + 6) == (ssize_t)len + 6;
}

/* Finds the frame at the beginning of `data`; false when it has not wholly come. */
static bool
frame_read(const unsigned char *data, size_t len, struct frame *f)
{
	size_t head = 2, bytes = 0;

	if (len < head)
		return false;
	f->opcode = data[0] & OPCODE;
	f->len = data[1];	/* the server masks nothing */
	if (f->len >= 126)
		bytes = f->len == 126 ? 2 : 8;
	head += bytes;
	if (len < head)
		return false;
	if (bytes > 0)
		f->len = 0;
	for (size_t i = 0; i < bytes; i++)
		f->len = f->len << 8 | data[2 + i];
	f->payload = data + head;
	f->whole = head + f->len;
	return f->len <= BUFFER_SIZE && len >= f->whole;
}

/* Engine.IO: 0 open, 2 ping, 3 pong, 4 message; of messages Socket.IO's 0 is that we are
 * connected, 2 an event. */
static bool
text_take(struct tool *t, struct reader *r, const unsigned char *text, size_t len)
{
	switch (len > 0 ? text[0] : 0) {
	case '0':
		return frame_send(r, OP_TEXT, "40", 2);
	case '2':
		return frame_send(r, OP_TEXT, "3", 1);
	case '4':
		if (len > 1 && text[1] == '0' && r->state == OPENING)
			set_state(t, r, OPEN);
		else if (len > 1 && text[1] == '2')
			t->events++;
		else
			return false;
		return true;
	case '6':	/* nothing */
		return true;
	default:
		return false;
	}
}

static bool
frame_take(struct tool *t, struct reader *r, const struct frame *f)
{
	switch (f->opcode) {
	case OP_TEXT:
		return text_take(t, r, f->payload, f->len);
	case OP_PING:
		return frame_send(r, OP_PONG, f->payload, f->len);
	default:	/* the server closes, or sends what we never asked for */
		return false;
	}
}

/* The bytes of the answer's head, once all of it is there; -1 when it refuses. */
static ssize_t
head_take(struct reader *r)
{
	static const char wanted[] = "HTTP/1.1 101 ";
	const unsigned char *end = memmem(r->data, r->len, "\r\n\r\n", 4);

	if (end == NULL)
		return 0;
	r->upgraded = memcmp(r->data, wanted, sizeof(wanted) - 1) == 0;
	return r->upgraded ? end + 4 - r->data : -1;
}

/* Takes all that has wholly come and keeps the rest. */
static bool
reader_take(struct tool *t, struct reader *r)
{
	struct frame f;
	size_t at = 0;

	if (!r->upgraded) {
		ssize_t head = head_take(r);

		if (head <= 0)
			return head == 0 && r->len < sizeof(r->data);
		at = (size_t)head;
	}
	while (frame_read(r->data + at, r->len - at, &f)) {
		if (!frame_take(t, r, &f))
			return false;
		at += f.whole;
	}
	r->len -= at;
	memmove(r->data, r->data + at, r->len);
	return r->len < sizeof(r->data);
}

static void
reader_read(struct tool *t, struct reader *r)
{
	ssize_t n = read(r->fd, r->data + r->len, sizeof(r->data) - r->len);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		t->bytes += (unsigned long long)n;
		r->len += (size_t)n;
	}
	if (n <= 0 || !reader_take(t, r))
		reader_close(t, r);
}

static void
reader_open(struct tool *t, struct reader *r)
{
	struct epoll_event watch = { .events = EPOLLIN, .data.ptr = r };
	const ssize_t len = sizeof(request) - 1;

	r->fd = address_connect(&t->address, (int)(r - t->reader));
	if (r->fd < 0) {
		set_state(t, r, REFUSED);
		return;
	}
	set_state(t, r, OPENING);
	if (write(r->fd, request, (size_t)len) != len || fcntl(r->fd, F_SETFL, O_NONBLOCK) != 0 ||
	    epoll_ctl(t->epoll, EPOLL_CTL_ADD, r->fd, &watch) != 0)
		reader_close(t, r);
}

static void
report(const struct tool *t)
{
	printf("{\"at\":%lld,\"wanted\":%d,\"open\":%d,\"refused\":%d,\"lost\":%d,\"bytes\":%llu,"
	    "\"frames\":%llu,\"cpu\":%.6f}\n", (long long)clock_wall_ms(), t->wanted, t->counts[OPEN],
	    t->counts[REFUSED] + t->counts[OPENING], t->counts[LOST], t->bytes, t->events, cpu_seconds());
	fflush(stdout);
}

static void
obey(struct tool *t)
{
	char line[256];

	while (command_next(&t->commands, line)) {
		if (strcmp(line, "mark") == 0)
			report(t);
		else if (strcmp(line, "end") == 0)
			t->ending = true;
		else if (line[0] != '\0')
			fprintf(stderr, "sio_readers: there is no command '%s'\n", line);
	}
	t->ending = t->ending || t->commands.ended;
}

/* Lets more in, until all are connected or time is up. */
static void
open_some(struct tool *t)
{
	int64_t now = clock_ms();

	while (t->begun < t->wanted && t->counts[OPENING] < OPENING_MAX)
		reader_open(t, &t->reader[t->begun++]);
	if ((t->begun == t->wanted && t->counts[OPENING] == 0) || now - t->started_ms > PATIENCE_MS) {
		t->ready_ms = now;
		report(t);
	}
}

static void
run(struct tool *t)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	int n;

	t->started_ms = clock_ms();
	while (!t->ending && !told_to_stop) {
		if (t->ready_ms == 0)
			open_some(t);
		n = epoll_wait(t->epoll, events, EVENTS_AT_ONCE, t->ready_ms == 0 ? OPENING_TICK_MS : -1);
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr == NULL)
				obey(t);
			else
				reader_read(t, events[i].data.ptr);
		}
		if (n < EVENTS_AT_ONCE)
			readers_rest();
	}
	report(t);
}

static void
prepare(struct tool *t)
{
	struct epoll_event watch = { .events = EPOLLIN, .data.ptr = NULL };

	if (take_descriptors() < t->wanted + 16) {
		fprintf(stderr, "sio_readers: too few descriptors for %d readers\n", t->wanted);
		exit(1);
	}
	t->reader = calloc((size_t)t->wanted, sizeof(t->reader[0]));
	t->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (t->reader == NULL || t->epoll < 0) {
		perror("sio_readers");
		exit(1);
	}
	t->counts[UNUSED] = t->wanted;
	if (epoll_ctl(t->epoll, EPOLL_CTL_ADD, STDIN_FILENO, &watch) != 0) {
		fprintf(stderr, "sio_readers: standard input must be a pipe or a terminal\n");
		exit(2);
	}
}

static void
read_options(struct tool *t, int argc, char **argv)
{
	static const struct option options[] = { { "connect", 1, NULL, 'c' }, { "readers", 1, NULL, 'n' },
		{ "help", 0, NULL, '?' }, { 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'n') {
			t->wanted = (int)option_number("readers", optarg, 1, 1000000);
		} else if (c != 'c' || !address_parse(optarg, &t->address)) {
			fprintf(stderr, "%s\n", usage);
			exit(strcmp(argv[optind - 1], "--help") == 0 ? 0 : 2);
		}
	}
	if (optind < argc || t->address.len == 0) {
		fprintf(stderr, "sio_readers: it wants --connect, and options only (try --help)\n");
		exit(2);
	}
}

int
main(int argc, char **argv)
{
	static struct tool t = { .wanted = 1 };
	bool fine;

	take_signals();
	read_options(&t, argc, argv);
	prepare(&t);
	run(&t);
	fine = t.counts[OPEN] == t.wanted;
	free(t.reader);
	return fine && fflush(NULL) == 0 ? 0 : 1;
}
