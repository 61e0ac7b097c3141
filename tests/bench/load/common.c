/* What the load clients share. */
#include "common.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define BACKLOG		4096
#define REST_NS		2000000
#define PORTS_EACH	4000	/* connections from one address */

static bool
unix_parse(const char *path, struct address *a)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&a->sa;

	if (strlen(path) >= sizeof(un->sun_path))
		return false;
	un->sun_family = AF_UNIX;
	strcpy(un->sun_path, path);
	a->len = sizeof(*un);
	return true;
}

bool
address_parse(const char *text, struct address *a)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&a->sa;
	const char *colon = strchr(text, ':');
	const char *port = colon != NULL ? colon + 1 : text;
	char host[INET_ADDRSTRLEN] = "127.0.0.1", *end;
	long number;

	*a = (struct address){ 0 };
	if (text[0] == '/')
		return unix_parse(text, a);
	if (colon != NULL) {
		if ((size_t)(colon - text) >= sizeof(host))
			return false;
		memcpy(host, text, (size_t)(colon - text));
		host[colon - text] = '\0';
	}
	number = strtol(port, &end, 10);
	in->sin_family = AF_INET;
	in->sin_port = htons((uint16_t)number);
	a->len = sizeof(*in);
	return end != port && *end == '\0' && number > 0 && number < 65536 &&
	    inet_pton(AF_INET, host, &in->sin_addr) == 1;
}

/* Takes 127.0.1.1, 127.0.1.2, ... as the connection's own address. */
static void
spread(int fd, const struct address *a, int number)
{
	const struct sockaddr_in *to = (const struct sockaddr_in *)&a->sa;
	struct sockaddr_in from = { .sin_family = AF_INET };
	static const int one = 1;

	if (to->sin_addr.s_addr != htonl(INADDR_LOOPBACK))
		return;
	from.sin_addr.s_addr = htonl((127U << 24) + (1U << 8) + 1 +
	    (uint32_t)number / PORTS_EACH % 200);
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)&from, sizeof(from)) != 0)
		perror("bind");		/* it goes on without */
}

int
address_connect(const struct address *a, int number)
{
	static const int one = 1;
	int fd = socket(a->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (a->sa.ss_family == AF_INET)
		spread(fd, a, number);
	if (connect(fd, (const struct sockaddr *)&a->sa, a->len) != 0) {
		int error = errno;

		close(fd);
		errno = error;
		return -1;
	}
	if (a->sa.ss_family == AF_INET)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

int
address_listen(const struct address *a)
{
	static const int one = 1;
	const struct sockaddr_un *un = (const struct sockaddr_un *)&a->sa;
	bool local = a->sa.ss_family == AF_UNIX;
	int fd = socket(a->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (local)
		unlink(un->sun_path);
	else
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)&a->sa, a->len) != 0 || listen(fd, BACKLOG) != 0 ||
	    (local && chmod(un->sun_path, 0666) != 0)) {
		int error = errno;

		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

void
close_at_once(int fd)
{
	static const struct linger at_once = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
}

volatile sig_atomic_t told_to_stop;

static void
on_stop(int number)
{
	(void)number;
	told_to_stop = 1;
}

void
take_signals(void)
{
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGTERM, &(struct sigaction){ .sa_handler = on_stop }, NULL);
	sigaction(SIGINT, &(struct sigaction){ .sa_handler = on_stop }, NULL);
}

void
readers_rest(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = REST_NS }, NULL);
}

double
cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

long
take_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 0;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	getrlimit(RLIMIT_NOFILE, &limit);
	return (long)limit.rlim_cur;
}

int64_t
time_parse(const char *text)
{
	struct tm tm = { 0 };
	int ms;

	if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
	    &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &ms) != 7)
		return -1;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	return (int64_t)timegm(&tm) * 1000 + ms;
}

void
histogram_add(struct histogram *h, int64_t ms)
{
	if (ms > h->max)
		h->max = ms;
	ms = ms < 0 ? 0 : ms > HISTOGRAM_MS ? HISTOGRAM_MS : ms;
	h->count[ms]++;
	h->total++;
}

int64_t
histogram_at(const struct histogram *h, double share)
{
	uint64_t seen = 0;

	for (int64_t ms = 0; ms <= HISTOGRAM_MS; ms++) {
		seen += h->count[ms];
		if (seen > 0 && (double)seen >= share * (double)h->total)
			return ms;
	}
	return 0;
}

void
histogram_print(FILE *out, const struct histogram *h)
{
	fprintf(out, "{\"count\":%llu,\"p50\":%lld,\"p90\":%lld,\"p99\":%lld,\"max\":%lld}",
	    (unsigned long long)h->total, (long long)histogram_at(h, 0.5),
	    (long long)histogram_at(h, 0.9), (long long)histogram_at(h, 0.99),
	    (long long)h->max);
}

bool
command_next(struct commands *c, char line[256])
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	char *end = memchr(c->text, '\n', c->len);
	ssize_t n;

	while (end == NULL && !c->ended && poll(&input, 1, 0) > 0) {
		n = read(STDIN_FILENO, c->text + c->len, sizeof(c->text) - c->len);
		if (n <= 0) {	/* also a line that is too long */
			c->ended = n == 0 || errno != EINTR;
			continue;
		}
		c->len += (size_t)n;
		end = memchr(c->text, '\n', c->len);
	}
	if (end == NULL)
		return false;
	memcpy(line, c->text, (size_t)(end - c->text));
	line[end - c->text] = '\0';
	c->len -= (size_t)(end + 1 - c->text);
	memmove(c->text, end + 1, c->len);
	return true;
}

double
option_number(const char *name, const char *text, double min, double max)
{
	char *end;
	double n = strtod(text, &end);

	if (end == text || *end != '\0' || !(n >= min && n <= max)) {
		fprintf(stderr, "--%s wants a number from %g to %g, not '%s'\n", name, min, max, text);
		exit(2);
	}
	return n;
}
