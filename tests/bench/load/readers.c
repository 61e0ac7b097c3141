/* Many readers of the event stream in one process: opens them at a bounded rate, then only
 * counts what comes, or (--check) follows every event of every reader. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "clock.h"
#include "common.h"
#include "ledger.h"
#include "stream.h"

#define OPENING_MAX	256	/* without an answer yet */
#define EVENTS_AT_ONCE	512
#define READ_AT_ONCE	65536
#define OPENING_TICK_MS	2
#define PATIENCE_MS	60000	/* for all to be open */

static const char usage[] =
	"Usage: readers --connect ADDRESS [OPTION...]\n\n"
	"Opens event streams, prints a line of JSON once all are open (or refused), one for each line\n"
	"`mark` on standard input, and one at the end: at `end`, at its end, or at SIGTERM.\n"
	"`reset` forgets the ages seen so far. ADDRESS is a port of 127.0.0.1, ADDRESS:PORT, or the\n"
	"path of a Unix socket.\n\n"
	"  --path PATH       what to ask for (default /api/events)\n"
	"  --header LINE     a header besides\n"
	"  --readers N       how many streams (default 1)\n"
	"  --rate N          opened a second, at most (default 4000)\n"
	"  --check           follow every event: versions must rise; ages; the last state of each drop\n"
	"  --drops N         of at most so many drops (default 64)\n"
	"  --arrivals FILE   with --check: a line `DROP VERSION MILLISECONDS` for each stock:update\n"
	"  --seconds N       end so long after all are open; standard input is not read\n\n"
	"Exits 0 when all were opened, none was lost, and all they were told was sound; else 1.";

enum reader_state { UNUSED, OPENING, OPEN, REFUSED, LOST };

struct reader {
	int fd;
	enum reader_state state;
	struct stream stream;
};

struct tool {
	struct address address;
	char request[2048];
	int wanted, begun;
	double rate;		/* opened a second */
	double seconds;		/* 0: until told */
	int64_t started_ms, ready_ms;	/* the latter 0 until all are open */
	int epoll;
	int counts[LOST + 1];	/* readers by state */
	unsigned long long reads, bytes, frames;
	int64_t now_ms;		/* of the read at work, since 1970 */
	struct ledger *ledger;	/* NULL: only count */
	struct reader *reader, *reading;
	struct commands commands;
	bool ending;
};

static void
set_state(struct tool *t, struct reader *r, enum reader_state state)
{
	t->counts[r->state]--;
	t->counts[state]++;
	r->state = state;
}

static void
reader_close(struct tool *t, struct reader *r, enum reader_state state)
{
	close_at_once(r->fd);
	stream_free(&r->stream);
	set_state(t, r, state);
}

/* Comments and `retry:` are no events. */
static void
on_frame(void *arg, const char *frame, size_t len)
{
	struct tool *t = arg;

	if (len == 0 || frame[0] == ':' || (len > 6 && memcmp(frame, "retry:", 6) == 0))
		return;
	t->frames++;
	if (t->ledger != NULL)
		ledger_take(t->ledger, (int)(t->reading - t->reader), frame, len, t->now_ms);
}

/* Reads until less comes than there is room for: then the socket is empty. */
static void
reader_read(struct tool *t, struct reader *r)
{
	static char data[READ_AT_ONCE];
	ssize_t n;

	do {
		n = read(r->fd, data, sizeof(data));
		if (n < 0 && errno == EAGAIN)
			return;
		t->reads++;
		t->reading = r;
		if (t->ledger != NULL)
			t->now_ms = clock_wall_ms();
		if (n <= 0 || !stream_take(&r->stream, data, (size_t)n, on_frame, t)) {
			reader_close(t, r, r->state == OPEN ? LOST : REFUSED);
			return;
		}
		t->bytes += (unsigned long long)n;
		if (r->state == OPENING && r->stream.open)
			set_state(t, r, OPEN);
	} while (n == sizeof(data));
}

static void
reader_open(struct tool *t, struct reader *r)
{
	struct epoll_event watch = { .events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.ptr = r };
	ssize_t len = (ssize_t)strlen(t->request);

	r->fd = address_connect(&t->address, (int)(r - t->reader));
	if (r->fd < 0) {
		set_state(t, r, REFUSED);
		return;
	}
	set_state(t, r, OPENING);
	if (write(r->fd, t->request, (size_t)len) != len ||
	    fcntl(r->fd, F_SETFL, O_NONBLOCK) != 0 ||
	    epoll_ctl(t->epoll, EPOLL_CTL_ADD, r->fd, &watch) != 0)
		reader_close(t, r, REFUSED);
}

static void
open_some(struct tool *t)
{
	double due = (double)(clock_ms() - t->started_ms + OPENING_TICK_MS) * t->rate / 1000;

	while (t->begun < t->wanted && t->begun < due && t->counts[OPENING] < OPENING_MAX)
		reader_open(t, &t->reader[t->begun++]);
}

static void
report(struct tool *t)
{
	printf("{\"at\":%lld,\"wanted\":%d,\"open\":%d,\"refused\":%d,\"lost\":%d,\"reads\":%llu,"
	    "\"bytes\":%llu,\"frames\":%llu,\"cpu\":%.6f", (long long)clock_wall_ms(), t->wanted,
	    t->counts[OPEN], t->counts[REFUSED] + t->counts[OPENING], t->counts[LOST], t->reads,
	    t->bytes, t->frames, cpu_seconds());
	if (t->ledger != NULL) {
		putchar(',');
		ledger_print(t->ledger, stdout);
	}
	puts("}");
	fflush(stdout);
}

static void
obey(struct tool *t)
{
	char line[256];

	while (command_next(&t->commands, line)) {
		if (strcmp(line, "mark") == 0)
			report(t);
		else if (strcmp(line, "reset") == 0 && t->ledger != NULL)
			ledger_reset(t->ledger);
		else if (strcmp(line, "end") == 0)
			t->ending = true;
		else if (line[0] != '\0')
			fprintf(stderr, "readers: there is no command '%s'\n", line);
	}
	t->ending = t->ending || t->commands.ended;
}

/* While readers open, and at a set end, the loop may not sleep for long. */
static int
sleep_ms(const struct tool *t)
{
	int64_t left;

	if (t->ready_ms == 0)
		return OPENING_TICK_MS;
	if (t->seconds == 0)
		return -1;
	left = t->ready_ms + (int64_t)(t->seconds * 1000) - clock_ms();
	return left > 0 ? (int)left : 0;
}

static void
look_at_time(struct tool *t)
{
	int64_t now = clock_ms();

	if (t->ready_ms == 0 && ((t->begun == t->wanted && t->counts[OPENING] == 0) ||
	    now - t->started_ms > PATIENCE_MS)) {
		t->ready_ms = now;
		report(t);
	}
	if (t->ready_ms != 0 && t->seconds > 0 && sleep_ms(t) == 0)
		t->ending = true;
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
		n = epoll_wait(t->epoll, events, EVENTS_AT_ONCE, sleep_ms(t));
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr == NULL)
				obey(t);
			else
				reader_read(t, events[i].data.ptr);
		}
		if (n < EVENTS_AT_ONCE)
			readers_rest();
		if (t->ready_ms == 0 || t->seconds > 0)
			look_at_time(t);
	}
	report(t);
}

static void
prepare(struct tool *t, const char *path, const char *header)
{
	struct epoll_event watch = { .events = EPOLLIN, .data.ptr = NULL };

	snprintf(t->request, sizeof(t->request), "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n"
	    "Accept: text/event-stream\r\n%s%s\r\n", path, header, header[0] != '\0' ? "\r\n" : "");
	if (take_descriptors() < t->wanted + 16) {
		fprintf(stderr, "readers: too few descriptors for %d streams\n", t->wanted);
		exit(1);
	}
	t->reader = calloc((size_t)t->wanted, sizeof(t->reader[0]));
	t->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (t->reader == NULL || t->epoll < 0) {
		perror("readers");
		exit(1);
	}
	t->counts[UNUSED] = t->wanted;
	if (t->seconds == 0 && epoll_ctl(t->epoll, EPOLL_CTL_ADD, STDIN_FILENO, &watch) != 0) {
		fprintf(stderr, "readers: standard input must be a pipe or a terminal\n");
		exit(2);
	}
}

static _Noreturn void
wrong_use(const char *why)
{
	fprintf(stderr, "readers: %s (try --help)\n", why);
	exit(2);
}

static void
read_options(struct tool *t, int argc, char **argv)
{
	static const struct option options[] = { { "connect", 1, NULL, 'c' }, { "path", 1, NULL, 'p' },
		{ "header", 1, NULL, 'h' }, { "readers", 1, NULL, 'n' }, { "rate", 1, NULL, 'r' },
		{ "check", 0, NULL, 'k' }, { "drops", 1, NULL, 'd' }, { "arrivals", 1, NULL, 'a' },
		{ "seconds", 1, NULL, 's' }, { "help", 0, NULL, 'H' }, { 0 } };
	const char *path = "/api/events", *header = "", *arrivals = NULL;
	int c, drops = 64;
	bool check = false;
	FILE *file = NULL;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			if (!address_parse(optarg, &t->address))
				wrong_use("--connect wants a port, ADDRESS:PORT or a path");
			break;
		case 'p': path = optarg; break;
		case 'h': header = optarg; break;
		case 'n': t->wanted = (int)option_number("readers", optarg, 1, 1000000); break;
		case 'r': t->rate = option_number("rate", optarg, 1, 1000000); break;
		case 'k': check = true; break;
		case 'd': drops = (int)option_number("drops", optarg, 1, 100000); break;
		case 'a': arrivals = optarg; break;
		case 's': t->seconds = option_number("seconds", optarg, 0.001, 86400); break;
		case 'H':
			puts(usage);
			exit(0);
		default:
			wrong_use("there is no such option");
		}
	}
	if (optind < argc || t->address.len == 0)
		wrong_use("it wants --connect, and options only");
	if (arrivals != NULL && (file = fopen(arrivals, "we")) == NULL) {
		perror(arrivals);
		exit(1);
	}
	t->ledger = check ? ledger_new(t->wanted, drops, file) : NULL;
	prepare(t, path, header);
}

int
main(int argc, char **argv)
{
	static struct tool t = { .wanted = 1, .rate = 4000 };
	bool fine;

	take_signals();
	read_options(&t, argc, argv);
	run(&t);
	fine = t.counts[OPEN] == t.wanted && (t.ledger == NULL || ledger_sound(t.ledger));
	ledger_free(t.ledger);
	for (int i = 0; i < t.wanted; i++)
		stream_free(&t.reader[i].stream);
	free(t.reader);
	return fine && fflush(NULL) == 0 ? 0 : 1;
}
