/* The bare loop: what it costs to write one shared buffer to each connection, with nothing
 * else to do. An event stream to whoever asks, and the least that a daemon could do. */
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "common.h"

#define READERS_MAX	100000
#define EVENTS_AT_ONCE	64
#define FRAME_MAX	65536

static const char usage[] =
	"Usage: stream_floor --listen ADDRESS [--rate N] [--size BYTES]\n\n"
	"Answers every request with an event stream, and writes the same frame of so many bytes\n"
	"(default 150) to all of them N times a second (default 0: not at all). Lines of standard input:\n"
	"`rate N`, `size BYTES`, `mark` (prints a line of JSON), `end`. At the end it prints one more.";

static const char head[] =
	"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n"
	"Connection: close\r\n\r\nretry: 2000\n\n";

struct floor {
	int epoll, listening, timer;
	int readers;
	int fd[READERS_MAX];
	char frame[FRAME_MAX];
	size_t frame_len;
	unsigned long long rounds, deliveries, bytes;
	unsigned long long skipped;	/* rounds for which there was no time */
	unsigned long long missed;	/* writes that found the socket full */
	unsigned long long ended;	/* readers that left, or took part of a frame */
	struct commands commands;
	bool ending;
};

/* What epoll's events are about, besides connections without a head yet. */
enum { LISTENING = READERS_MAX * 2, TIMER, COMMANDS };

static void
watch(struct floor *f, int fd, uint32_t about)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u32 = about };

	if (epoll_ctl(f->epoll, EPOLL_CTL_ADD, fd, &e) != 0) {
		perror("stream_floor: epoll");
		exit(1);
	}
}

/* `size` bytes that look like a change of stock, and end as a frame must. */
static void
set_size(struct floor *f, size_t size)
{
	static const char begin[] = "id: floor-1\nevent: stock:update\ndata: {\"dropId\":1,\"pad\":\"";
	static const char end[] = "\"}\n\n";

	memset(f->frame, 'x', sizeof(f->frame));
	memcpy(f->frame, begin, sizeof(begin) - 1);
	memcpy(f->frame + size - (sizeof(end) - 1), end, sizeof(end) - 1);
	f->frame_len = size;
}

static void
set_rate(struct floor *f, double rate)
{
	long long ns = rate > 0 ? (long long)(1e9 / rate) : 0;
	struct timespec each = { ns / 1000000000, ns % 1000000000 };

	timerfd_settime(f->timer, 0, &(struct itimerspec){ each, each }, NULL);
}

static void
end_reader(struct floor *f, int i)
{
	close(f->fd[i]);
	f->fd[i] = f->fd[--f->readers];
	f->ended++;
}

/* Looks who has left, which nobody tells this loop; true when there is room again. */
static bool
sweep(struct floor *f)
{
	int before = f->readers;
	char c;

	for (int i = f->readers - 1; i >= 0; i--)
		if (recv(f->fd[i], &c, 1, MSG_PEEK) == 0 || errno != EAGAIN)
			end_reader(f, i);
	return f->readers < before;
}

static void
accept_all(struct floor *f)
{
	static const int one = 1;

	for (;;) {
		int fd = accept4(f->listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0 && (errno != EMFILE || !sweep(f)))
			return;
		if (fd < 0)
			continue;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		watch(f, fd, (uint32_t)fd);
	}
}

/* A head comes in one piece here. From then on nothing is asked about the connection but
 * whether it takes what is written. */
static void
read_head(struct floor *f, int fd)
{
	char request[8192];
	ssize_t n = read(fd, request, sizeof(request));

	if (n < 4 || memcmp(request + n - 4, "\r\n\r\n", 4) != 0 || f->readers == READERS_MAX ||
	    write(fd, head, sizeof(head) - 1) != (ssize_t)(sizeof(head) - 1)) {
		close(fd);
		return;
	}
	epoll_ctl(f->epoll, EPOLL_CTL_DEL, fd, NULL);
	f->fd[f->readers++] = fd;
}

static void
write_round(struct floor *f)
{
	ssize_t len = (ssize_t)f->frame_len, n;

	for (int i = f->readers - 1; i >= 0; i--) {
		n = write(f->fd[i], f->frame, f->frame_len);
		if (n == len) {
			f->deliveries++;
		} else if (n < 0 && errno == EAGAIN) {
			f->missed++;
		} else {
			end_reader(f, i);
		}
	}
	f->rounds++;
}

static void
on_timer(struct floor *f)
{
	uint64_t times;

	if (read(f->timer, &times, sizeof(times)) != sizeof(times))
		return;
	f->skipped += times - 1;
	write_round(f);
}

static void
report(const struct floor *f)
{
	printf("{\"readers\":%d,\"rounds\":%llu,\"skipped\":%llu,\"deliveries\":%llu,"
	    "\"missed\":%llu,\"ended\":%llu,\"size\":%zu,\"cpu\":%.6f}\n", f->readers, f->rounds,
	    f->skipped, f->deliveries, f->missed, f->ended, f->frame_len, cpu_seconds());
	fflush(stdout);
}

static void
obey(struct floor *f)
{
	char line[256];

	while (command_next(&f->commands, line)) {
		if (strcmp(line, "mark") == 0)
			report(f);
		else if (strncmp(line, "rate ", 5) == 0)
			set_rate(f, option_number("rate", line + 5, 0, 1000));
		else if (strncmp(line, "size ", 5) == 0)
			set_size(f, (size_t)option_number("size", line + 5, 64, FRAME_MAX));
		else if (strcmp(line, "end") == 0)
			f->ending = true;
		else if (line[0] != '\0')
			fprintf(stderr, "stream_floor: there is no command '%s'\n", line);
	}
	f->ending = f->ending || f->commands.ended;
}

static void
run(struct floor *f)
{
	struct epoll_event events[EVENTS_AT_ONCE];

	while (!f->ending && !told_to_stop) {
		int n = epoll_wait(f->epoll, events, EVENTS_AT_ONCE, -1);

		for (int i = 0; i < n; i++) {
			switch (events[i].data.u32) {
			case LISTENING: accept_all(f); break;
			case TIMER: on_timer(f); break;
			case COMMANDS: obey(f); break;
			default: read_head(f, (int)events[i].data.u32);
			}
		}
	}
	report(f);
}

int
main(int argc, char **argv)
{
	static const struct option options[] = { { "listen", 1, NULL, 'l' }, { "rate", 1, NULL, 'r' },
		{ "size", 1, NULL, 's' }, { "help", 0, NULL, '?' }, { 0 } };
	static struct floor f;
	struct address address = { 0 };
	double rate = 0;
	int c;

	set_size(&f, 150);
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'r')
			rate = option_number("rate", optarg, 0, 1000);
		else if (c == 's')
			set_size(&f, (size_t)option_number("size", optarg, 64, FRAME_MAX));
		else if (c != 'l' || !address_parse(optarg, &address))
			address.len = 0;
	}
	if (optind < argc || address.len == 0) {
		fprintf(stderr, "%s\n", usage);
		return 2;
	}
	take_signals();
	take_descriptors();
	f.listening = address_listen(&address);
	f.epoll = epoll_create1(EPOLL_CLOEXEC);
	f.timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (f.listening < 0 || f.epoll < 0 || f.timer < 0) {
		perror("stream_floor");
		return 1;
	}
	watch(&f, f.listening, LISTENING);
	watch(&f, f.timer, TIMER);
	watch(&f, STDIN_FILENO, COMMANDS);
	set_rate(&f, rate);
	run(&f);
	return fflush(stdout) == 0 ? 0 : 1;
}
