/* More buyers than can be served: so many reserves a second as told, over so many connections,
 * and for each kind of answer how many there were and how long they took. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "clock.h"
#include "common.h"

#define EVENTS_AT_ONCE	512
#define ANSWER_MAX	8192
#define STATUSES	600
#define LAST_MS		20000	/* for the answers that are still to come at the end */

static const char usage[] =
	"Usage: crowd --connect PORT --tokens FILE --drops 'ID ID...' [OPTION...]\n\n"
	"Sends reserves and prints a line of JSON: by kind of answer how many there were and how\n"
	"long they took, in tenths of a millisecond. Each request is another user's; where the\n"
	"users are used up they begin anew with the next drop.\n\n"
	"  --connections N   kept open (default 64)\n"
	"  --rate N          requests a second, as far as a connection is free (default: no limit)\n"
	"  --seconds N       how long (default 3)\n"
	"  --patience N      milliseconds after which an answer counts as missing (default 10000)\n\n"
	"Exits 0 when it could connect, else 1.";

/* A connection, with one request on its way at most. */
struct buyer {
	int fd;
	bool waiting;
	int64_t sent_us;
	size_t len;
	char answer[ANSWER_MAX + 1];
};

struct crowd {
	struct address address;
	int connections, drop_count;
	double rate, seconds;
	int64_t patience_us, began_us;
	char **tokens;
	size_t token_count, sent;
	long drops[64];
	int epoll;
	struct buyer *buyer;
	int *idle, idle_count;
	unsigned long long statuses[STATUSES], broken, missing, strange;
	struct histogram accepted, refused, other;	/* in tenths of a millisecond */
};

static void
read_tokens(struct crowd *c, const char *path)
{
	FILE *f = fopen(path, "re");
	size_t cap = 0, room = 0;
	char *line = NULL;
	ssize_t len;

	if (f == NULL) {
		perror(path);
		exit(1);
	}
	while ((len = getline(&line, &cap, f)) > 1) {
		line[len - 1] = '\0';
		if (c->token_count == room) {
			room = room > 0 ? room * 2 : 1024;
			c->tokens = realloc(c->tokens, room * sizeof(*c->tokens));
			if (c->tokens == NULL)
				exit(1);
		}
		c->tokens[c->token_count++] = strdup(line);
	}
	free(line);
	fclose(f);
}

static bool
reconnect(struct crowd *c, int i)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = (uint32_t)i };
	struct buyer *b = &c->buyer[i];

	if (b->fd >= 0)
		close_at_once(b->fd);
	b->fd = address_connect(&c->address, i);
	b->waiting = false;
	b->len = 0;
	return b->fd >= 0 && fcntl(b->fd, F_SETFL, O_NONBLOCK) == 0 &&
	    epoll_ctl(c->epoll, EPOLL_CTL_ADD, b->fd, &event) == 0;
}

static void
ask(struct crowd *c, int i)
{
	struct buyer *b = &c->buyer[i];
	char request[4096];
	int len = snprintf(request, sizeof(request), "POST /api/drops/%ld/reservations HTTP/1.1\r\n"
	    "Host: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
	    "Authorization: Bearer %s\r\n\r\n{}",
	    c->drops[c->sent / c->token_count % (size_t)c->drop_count],
	    c->tokens[c->sent % c->token_count]);

	c->sent++;
	b->waiting = true;
	b->sent_us = clock_us();
	if (write(b->fd, request, (size_t)len) != len) {
		c->broken++;
		reconnect(c, i);
		c->idle[c->idle_count++] = i;
	}
}

/* Length of the whole answer once its head is there; 0: not yet. */
static size_t
answer_len(const struct buyer *b)
{
	const char *end = strstr(b->answer, "\r\n\r\n");
	const char *length = strcasestr(b->answer, "\r\nContent-Length:");

	if (end == NULL)
		return 0;
	return (size_t)(end + 4 - b->answer) +
	    (length != NULL && length < end ? strtoul(length + 17, NULL, 10) : 0);
}

/* Whether a refusal for want of room says so as it should. */
static bool
says_so(const char *answer)
{
	return strcasestr(answer, "\r\nRetry-After: ") != NULL &&
	    strcasestr(answer, "\r\nContent-Type: application/problem+json") != NULL;
}

static void
count_answer(struct crowd *c, const struct buyer *b)
{
	int status = (int)strtol(b->answer + 9, NULL, 10);
	int64_t took = (clock_us() - b->sent_us) / 100;

	if (status < 100 || status >= STATUSES)
		status = 0;
	c->statuses[status]++;
	if (status == 201)
		histogram_add(&c->accepted, took);
	else if (status == 503 || status == 429)
		histogram_add(&c->refused, took);
	else
		histogram_add(&c->other, took);
	if ((status == 503 || status == 429) && !says_so(b->answer))
		c->strange++;
}

static void
hear(struct crowd *c, int i)
{
	struct buyer *b = &c->buyer[i];
	ssize_t n = read(b->fd, b->answer + b->len, ANSWER_MAX - b->len);
	size_t whole;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		c->broken += b->waiting;
		if (b->waiting)
			c->idle[c->idle_count++] = i;
		reconnect(c, i);
		return;
	}
	b->len += (size_t)n;
	b->answer[b->len] = '\0';
	whole = answer_len(b);
	if (whole == 0 || b->len < whole)
		return;
	count_answer(c, b);
	b->len = 0;
	b->waiting = false;
	c->idle[c->idle_count++] = i;
}

/* Sends what is due. */
static void
send_due(struct crowd *c, int64_t now_us)
{
	double due = c->rate > 0 ? (double)(now_us - c->began_us) / 1e6 * c->rate : 1e18;

	while (c->idle_count > 0 && (double)c->sent < due)
		ask(c, c->idle[--c->idle_count]);
}

static int
waiting(struct crowd *c, int64_t now_us)
{
	int count = 0;

	for (int i = 0; i < c->connections; i++) {
		struct buyer *b = &c->buyer[i];

		if (b->waiting && now_us - b->sent_us > c->patience_us) {
			c->missing++;
			reconnect(c, i);
			c->idle[c->idle_count++] = i;
		}
		count += b->waiting;
	}
	return count;
}

static void
crowd_run(struct crowd *c)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	int64_t until_us, now, looked = 0;

	c->began_us = clock_us();
	until_us = c->began_us + (int64_t)(c->seconds * 1e6);
	while (!told_to_stop) {
		int n = epoll_wait(c->epoll, events, EVENTS_AT_ONCE, 1);

		for (int i = 0; i < n; i++)
			hear(c, (int)events[i].data.u32);
		now = clock_us();
		if (now < until_us)
			send_due(c, now);
		else if (waiting(c, now) == 0 || now > until_us + LAST_MS * 1000)
			break;
		if (now - looked > 100000) {
			looked = now;
			waiting(c, now);
		}
	}
}

static void
report(struct crowd *c, double seconds)
{
	printf("{\"sent\":%zu,\"seconds\":%.3f,\"statuses\":{", c->sent, seconds);
	for (int s = 0, first = 1; s < STATUSES; s++) {
		if (c->statuses[s] == 0)
			continue;
		printf("%s\"%d\":%llu", first ? "" : ",", s, c->statuses[s]);
		first = 0;
	}
	printf("},\"broken\":%llu,\"missing\":%llu,\"strange\":%llu,\"accepted\":", c->broken, c->missing,
	    c->strange);
	histogram_print(stdout, &c->accepted);
	fputs(",\"refused\":", stdout);
	histogram_print(stdout, &c->refused);
	fputs(",\"other\":", stdout);
	histogram_print(stdout, &c->other);
	puts("}");
}

static void
take_option(struct crowd *c, int option, char *value)
{
	switch (option) {
	case 'a':
		if (!address_parse(value, &c->address)) {
			fprintf(stderr, "--connect wants a port, not '%s'\n", value);
			exit(2);
		}
		break;
	case 't':
		read_tokens(c, value);
		break;
	case 'd':
		for (char *s = strtok(value, " "); s != NULL && c->drop_count < 64; s = strtok(NULL, " "))
			c->drops[c->drop_count++] = (long)option_number("drops", s, 1, 1e15);
		break;
	case 'c':
		c->connections = (int)option_number("connections", value, 1, 60000);
		break;
	case 'r':
		c->rate = option_number("rate", value, 0, 1e6);
		break;
	case 's':
		c->seconds = option_number("seconds", value, 0.1, 3600);
		break;
	case 'p':
		c->patience_us = (int64_t)option_number("patience", value, 1, 1e6) * 1000;
		break;
	default:
		fputs(usage, option == 'h' ? stdout : stderr);
		exit(option == 'h' ? 0 : 2);
	}
}

int
main(int argc, char **argv)
{
	static const struct option options[] = { { "connect", 1, NULL, 'a' }, { "tokens", 1, NULL, 't' },
	    { "drops", 1, NULL, 'd' }, { "connections", 1, NULL, 'c' }, { "rate", 1, NULL, 'r' },
	    { "seconds", 1, NULL, 's' }, { "patience", 1, NULL, 'p' }, { "help", 0, NULL, 'h' }, { 0 } };
	static struct crowd c = { .connections = 64, .seconds = 3, .patience_us = 10000000 };
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
		take_option(&c, option, optarg);
	if (optind != argc || c.address.len == 0 || c.token_count == 0 || c.drop_count == 0)
		take_option(&c, '?', NULL);
	take_signals();
	take_descriptors();
	c.epoll = epoll_create1(EPOLL_CLOEXEC);
	c.buyer = calloc((size_t)c.connections, sizeof(*c.buyer));
	c.idle = calloc((size_t)c.connections * 2, sizeof(*c.idle));
	if (c.epoll < 0 || c.buyer == NULL || c.idle == NULL)
		return 1;
	for (int i = 0; i < c.connections; i++) {
		c.buyer[i].fd = -1;
		if (!reconnect(&c, i)) {
			perror("connect");
			return 1;
		}
		c.idle[c.idle_count++] = i;
	}
	crowd_run(&c);
	report(&c, (double)(clock_us() - c.began_us) / 1e6);
	return 0;
}
