/* A steady number of changes a second: through the store's own API (a hold, then giving it
 * back, or holds alone), or as messages posted to another publisher. */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "common.h"

#define THREADS_MAX	64
#define DROPS_MAX	1000
#define ANSWER_MAX	16384
#define ANSWER_S	30	/* seconds to wait for one */
#define ID_MAX		64

static const char usage[] =
	"Usage: changes --connect ADDRESS --rate N --drops ID,... --tokens FILE [OPTION...]\n"
	"       changes --connect ADDRESS --rate N --post PATH [OPTION...]\n\n"
	"Makes N changes a second until `end`, or the end, of standard input, then prints a line of JSON.\n"
	"ADDRESS is a port of 127.0.0.1, ADDRESS:PORT, or the path of a Unix socket.\n\n"
	"  --drops LIST      drops, each in its turn\n"
	"  --tokens FILE     a token a line, each in its turn\n"
	"  --hold            only make holds: each token once on a drop\n"
	"  --post PATH       post messages instead, as stock:update would be\n"
	"  --connections N   at once (default 8)\n"
	"  --count N         end after so many\n"
	"  --seconds N       end after so long; with either, standard input is not read\n\n"
	"Exits 0 when every change was made, else 1.";

struct tool {
	struct address address;
	double rate, seconds;
	long count;
	bool hold;
	const char *path;	/* to post to; NULL: holds */
	long drops[DROPS_MAX];
	int drops_count;
	char **tokens;
	long tokens_count;
	int threads;
	int64_t started_us;
	atomic_bool ending;
	pthread_mutex_t lock;	/* of what follows */
	long made, refused, failed;
	struct histogram took;
	char complaint[512];	/* the first answer that was not as it should be */
};

struct maker {
	pthread_t thread;
	struct tool *tool;
	int number;
	char held[ID_MAX];	/* the hold to give back next; "": none */
	const char *holder;
	char answer[ANSWER_MAX];
};

/* Sends all of it and reads to the end; the answer's status, or -1. */
static int
ask(struct maker *m, const char *request, size_t len)
{
	static const struct timeval patience = { .tv_sec = ANSWER_S };
	int fd = address_connect(&m->tool->address, m->number);
	size_t got = 0;
	ssize_t n;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	n = write(fd, request, len);
	while (n > 0 && got < sizeof(m->answer) - 1) {
		n = read(fd, m->answer + got, sizeof(m->answer) - 1 - got);
		if (n > 0)
			got += (size_t)n;
	}
	m->answer[got] = '\0';
	close(fd);
	return strncmp(m->answer, "HTTP/1.", 7) == 0 ? atoi(m->answer + 9) : -1;
}

/* HTTP/1.0: the answer comes without chunks, and ends with the connection. */
static int
call(struct maker *m, const char *method, const char *path, const char *headers, const char *body)
{
	char request[8192];
	int len = snprintf(request, sizeof(request), "%s %s HTTP/1.0\r\nHost: 127.0.0.1\r\n"
	    "%sContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", method, path,
	    headers, strlen(body), body);

	return len > 0 && (size_t)len < sizeof(request) ? ask(m, request, (size_t)len) : -1;
}

static int
call_as(struct maker *m, const char *token, const char *method, const char *path)
{
	char header[4096];

	snprintf(header, sizeof(header), "Authorization: Bearer %s\r\n", token);
	return call(m, method, path, header, strcmp(method, "POST") == 0 ? "{}" : "");
}

/* Remembers the id of the hold that was just made. */
static void
remember(struct maker *m)
{
	static const char before[] = "\r\nLocation: /api/reservations/";
	const char *id = strstr(m->answer, before);
	size_t len;

	if (id == NULL)
		return;
	id += sizeof(before) - 1;
	len = strcspn(id, "\r\n");
	if (len < sizeof(m->held)) {
		memcpy(m->held, id, len);
		m->held[len] = '\0';
	}
}

static bool
reserve(struct maker *m, long n)
{
	struct tool *t = m->tool;
	char path[128];

	m->holder = t->tokens[n % t->tokens_count];
	snprintf(path, sizeof(path), "/api/drops/%ld/reservations", t->drops[n % t->drops_count]);
	if (call_as(m, m->holder, "POST", path) != 201)
		return false;
	if (!t->hold)
		remember(m);
	return t->hold || m->held[0] != '\0';
}

static bool
release(struct maker *m)
{
	char path[128];

	snprintf(path, sizeof(path), "/api/reservations/%s", m->held);
	m->held[0] = '\0';
	return call_as(m, m->holder, "DELETE", path) == 200;
}

/* A message like the store's own, about a drop of this maker's alone, so that its versions
 * come in order. */
static bool
post(struct maker *m, long n)
{
	char body[512], at[32];
	int64_t now = clock_wall_ms();
	time_t seconds = (time_t)(now / 1000);
	struct tm tm;
	int status;

	strftime(at, sizeof(at), "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &tm));
	snprintf(body, sizeof(body), "{\"dropId\":%d,\"version\":%ld,\"totalStock\":1000000,"
	    "\"availableStock\":%ld,\"reservedStock\":%ld,\"soldStock\":0,\"sizes\":[{\"size\":\"\","
	    "\"totalStock\":1000000,\"availableStock\":%ld,\"reservedStock\":%ld,\"soldStock\":0,"
	    "\"version\":%ld}],\"at\":\"%s.%03dZ\"}", m->number + 1, n + 2, 1000000 - n % 1000,
	    n % 1000, 1000000 - n % 1000, n % 1000, n + 2, at, (int)(now % 1000));
	status = call(m, "POST", m->tool->path, "X-EventSource-Event: stock:update\r\n", body);
	return status >= 200 && status < 300;
}

static void
count_one(struct maker *m, bool made, int64_t took_ms)
{
	struct tool *t = m->tool;

	pthread_mutex_lock(&t->lock);
	histogram_add(&t->took, took_ms);
	if (made)
		t->made++;
	else if (strncmp(m->answer, "HTTP/1.", 7) == 0)
		t->refused++;
	else
		t->failed++;
	if (!made && t->complaint[0] == '\0')
		snprintf(t->complaint, sizeof(t->complaint), "%.500s",
		    m->answer[0] != '\0' ? m->answer : strerror(errno));
	pthread_mutex_unlock(&t->lock);
}

/* Sleeps until change number `k` of all is due; false when it is no longer wanted. */
static bool
wait_for_turn(struct tool *t, long k)
{
	int64_t due = t->started_us + (int64_t)((double)k * 1e6 / t->rate), left;

	if (t->count > 0 && k >= t->count)
		return false;
	while (!atomic_load(&t->ending) && (left = due - clock_us()) > 0)
		clock_sleep_us(left < 50000 ? left : 50000);
	return !atomic_load(&t->ending);
}

/* Every so-manieth change is this maker's. */
static void *
make_changes(void *arg)
{
	struct maker *m = arg;
	struct tool *t = m->tool;
	long n = 0;

	for (long k = m->number; wait_for_turn(t, k); k += t->threads) {
		int64_t began = clock_ms();
		bool made;

		m->answer[0] = '\0';
		if (t->path != NULL)
			made = post(m, n++);
		else if (m->held[0] != '\0')
			made = release(m);
		else
			made = reserve(m, t->hold ? k : m->number + n++ * t->threads);
		count_one(m, made, clock_ms() - began);
	}
	if (m->held[0] != '\0')
		release(m);
	return NULL;
}

static void
wait_for_end(struct tool *t, struct maker *makers)
{
	struct commands commands = { 0 };
	char line[256];

	if (t->count == 0) {
		while (!told_to_stop && !atomic_load(&t->ending)) {
			bool told = t->seconds == 0 && (command_next(&commands, line) || commands.ended);
			bool late = t->seconds > 0 && (double)(clock_us() - t->started_us) > t->seconds * 1e6;

			if (told || late)
				atomic_store(&t->ending, true);
			clock_sleep_ms(10);
		}
		atomic_store(&t->ending, true);
	}
	for (int i = 0; i < t->threads; i++)
		pthread_join(makers[i].thread, NULL);
}

static void
report(struct tool *t)
{
	printf("{\"seconds\":%.3f,\"made\":%ld,\"refused\":%ld,\"failed\":%ld,\"took\":",
	    (double)(clock_us() - t->started_us) / 1e6, t->made, t->refused, t->failed);
	histogram_print(stdout, &t->took);
	puts("}");
	if (t->complaint[0] != '\0')
		fprintf(stderr, "changes: the first that failed: %s\n", t->complaint);
}

static void
read_drops(struct tool *t, const char *list)
{
	char *end;

	for (t->drops_count = 0; *list != '\0'; list = *end == ',' ? end + 1 : end) {
		long id = strtol(list, &end, 10);

		if (end == list || (*end != ',' && *end != '\0') || t->drops_count == DROPS_MAX) {
			fprintf(stderr, "changes: --drops wants numbers, parted by commas\n");
			exit(2);
		}
		t->drops[t->drops_count++] = id;
	}
}

static void
read_tokens(struct tool *t, const char *path)
{
	FILE *file = fopen(path, "re");
	char line[4096];
	long room = 0;

	if (file == NULL) {
		perror(path);
		exit(1);
	}
	while (fgets(line, sizeof(line), file) != NULL) {
		line[strcspn(line, "\r\n")] = '\0';
		if (t->tokens_count == room) {
			room = room * 2 + 1024;
			t->tokens = realloc(t->tokens, (size_t)room * sizeof(t->tokens[0]));
			if (t->tokens == NULL)
				abort();
		}
		t->tokens[t->tokens_count++] = strdup(line);
	}
	fclose(file);
}

static _Noreturn void
wrong_use(void)
{
	fprintf(stderr, "%s\n", usage);
	exit(2);
}

static void
read_options(struct tool *t, int argc, char **argv)
{
	static const struct option options[] = { { "connect", 1, NULL, 'c' }, { "rate", 1, NULL, 'r' },
		{ "drops", 1, NULL, 'd' }, { "tokens", 1, NULL, 't' }, { "hold", 0, NULL, 'h' },
		{ "post", 1, NULL, 'p' }, { "connections", 1, NULL, 'n' }, { "count", 1, NULL, 'k' },
		{ "seconds", 1, NULL, 's' }, { "help", 0, NULL, '?' }, { 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			if (!address_parse(optarg, &t->address))
				wrong_use();
			break;
		case 'r': t->rate = option_number("rate", optarg, 0.01, 100000); break;
		case 'd': read_drops(t, optarg); break;
		case 't': read_tokens(t, optarg); break;
		case 'h': t->hold = true; break;
		case 'p': t->path = optarg; break;
		case 'n': t->threads = (int)option_number("connections", optarg, 1, THREADS_MAX); break;
		case 'k': t->count = (long)option_number("count", optarg, 1, 1e9); break;
		case 's': t->seconds = option_number("seconds", optarg, 0.001, 86400); break;
		default: wrong_use();
		}
	}
	if (optind < argc || t->address.len == 0 || t->rate == 0 ||
	    (t->path == NULL && (t->drops_count == 0 || t->tokens_count == 0)))
		wrong_use();
}

int
main(int argc, char **argv)
{
	static struct tool t = { .threads = 8, .lock = PTHREAD_MUTEX_INITIALIZER };
	static struct maker makers[THREADS_MAX];

	take_signals();
	read_options(&t, argc, argv);
	t.started_us = clock_us();
	for (int i = 0; i < t.threads; i++) {
		makers[i] = (struct maker){ .tool = &t, .number = i };
		if (pthread_create(&makers[i].thread, NULL, make_changes, &makers[i]) != 0) {
			perror("changes");
			return 1;
		}
	}
	wait_for_end(&t, makers);
	report(&t);
	for (long i = 0; i < t.tokens_count; i++)
		free(t.tokens[i]);
	free(t.tokens);
	return t.refused == 0 && t.failed == 0 ? 0 : 1;
}
