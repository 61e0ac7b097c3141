/* What the load clients share: addresses, signals, clocks, a histogram, commands by standard
 * input. */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

struct address {
	struct sockaddr_storage sa;
	socklen_t len;
};

/* Reads a port of 127.0.0.1, an IPv4 ADDRESS:PORT, or the path of a Unix socket, which
 * begins with a slash. */
bool address_parse(const char *text, struct address *a);

/* A connected, blocking socket; -1 with errno. `number` counts the caller's connections: on
 * loopback each few thousand of them come from an address of their own, because free ports
 * of one address are slow to find once most are taken. */
int address_connect(const struct address *a, int number);

/* A listening, non-blocking socket; a Unix socket is open to every user. -1 with errno. */
int address_listen(const struct address *a);

/* Closes a connection with a reset, so that thousands of ports don't wait for stray packets
 * afterwards. */
void close_at_once(int fd);

/* Set once SIGTERM or SIGINT has come, after take_signals(); a broken pipe is no signal then. */
extern volatile sig_atomic_t told_to_stop;
void take_signals(void);

/* Two milliseconds, after whatever there was has been read: as a browser's host, whose network card
 * gathers packets, and other than a program that sleeps and is woken for each write to it. Waking it
 * is a third of what a write then costs, in the time of the one who writes. */
void readers_rest(void);

/* Seconds of CPU that this process has used. */
double cpu_seconds(void);

/* Takes as many descriptors as the system allows; returns how many. */
long take_descriptors(void);

/* Milliseconds since 1970 of an RFC 3339 time in UTC; -1 when it is none. */
int64_t time_parse(const char *text);

#define HISTOGRAM_MS 60000

/* Whole milliseconds, exact up to a minute; what is longer counts as one. */
struct histogram {
	uint64_t count[HISTOGRAM_MS + 1];
	uint64_t total;
	int64_t max;
};

void histogram_add(struct histogram *h, int64_t ms);

/* The smallest number of milliseconds that `share` (0 to 1) of all do not exceed. */
int64_t histogram_at(const struct histogram *h, double share);

/* Prints it as a JSON object. */
void histogram_print(FILE *out, const struct histogram *h);

/* Lines that have come on standard input, read without waiting. */
struct commands {
	char text[256];
	size_t len;
	bool ended;	/* there will be no more */
};

/* Copies the next whole line, without its end, to `line`; false: there is none now. */
bool command_next(struct commands *c, char line[256]);

/* The number an option wants, from `min` up to `max`, or says what is wrong and exits 2. */
double option_number(const char *name, const char *text, double min, double max);

#endif
