/* Handed-over sockets and notices to whoever started this process. */
#include "service.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"

#define FIRST_FD 3	/* SD_LISTEN_FDS_START */

static struct {
	int end;		/* descriptors handed over: FIRST_FD to before this one */
	bool taken[64];
	struct sockaddr_un notify;
	socklen_t notify_len;	/* 0: nobody wants to know */
	long watchdog_ms;	/* 0: nobody waits */
} service;

/* A variable's whole number from 0 on, or `fallback`. */
static long
number_of(const char *name, long fallback)
{
	const char *text = getenv(name);
	char *end;
	long n;

	if (text == NULL || *text < '0' || *text > '9')
		return fallback;
	errno = 0;
	n = strtol(text, &end, 10);
	return *end == '\0' && errno == 0 ? n : fallback;
}

static void
take_sockets(void)
{
	int most = sizeof(service.taken) / sizeof(service.taken[0]);
	long count = number_of("LISTEN_FDS", 0);

	if (number_of("LISTEN_PID", 0) != getpid())
		return;
	if (count > most) {
		log_error("%ld sockets were handed over; the first %d are looked at", count, most);
		count = most;
	}
	service.end = FIRST_FD + (int)count;
	for (int fd = FIRST_FD; fd < service.end; fd++) {
		int flags = fcntl(fd, F_GETFL);

		if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
		    fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
			log_error("descriptor %d was to be handed over: %s", fd, strerror(errno));
			service.taken[fd - FIRST_FD] = true;
		}
	}
}

/* A path, or "@NAME" in the abstract namespace. */
static void
take_notify_socket(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path != NULL ? strlen(path) : 0;

	if (len < 2 || (path[0] != '/' && path[0] != '@'))
		return;
	if (len >= sizeof(service.notify.sun_path)) {
		log_error("NOTIFY_SOCKET is too long for a socket");
		return;
	}
	service.notify.sun_family = AF_UNIX;
	memcpy(service.notify.sun_path, path, len + 1);
	if (path[0] == '@')
		service.notify.sun_path[0] = '\0';
	service.notify_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len +
	    (path[0] == '/'));
}

void
service_begin(void)
{
	static const char *const names[] = { "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES",
	    "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC" };

	memset(&service, 0, sizeof(service));
	take_sockets();
	take_notify_socket();
	if (number_of("WATCHDOG_PID", getpid()) == getpid())
		service.watchdog_ms = number_of("WATCHDOG_USEC", 0) / 1000;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
}

/* Paths by their text; addresses and ports as they are, whatever else such an address has. */
static bool
same_address(const struct sockaddr *a, const struct sockaddr *b)
{
	if (a->sa_family != b->sa_family)
		return false;
	switch (a->sa_family) {
	case AF_UNIX: {
		const struct sockaddr_un *one = (const void *)a, *other = (const void *)b;

		return strncmp(one->sun_path, other->sun_path, sizeof(one->sun_path)) == 0;
	}
	case AF_INET: {
		const struct sockaddr_in *one = (const void *)a, *other = (const void *)b;

		return one->sin_port == other->sin_port &&
		    one->sin_addr.s_addr == other->sin_addr.s_addr;
	}
	case AF_INET6: {
		const struct sockaddr_in6 *one = (const void *)a, *other = (const void *)b;

		return one->sin6_port == other->sin6_port &&
		    memcmp(&one->sin6_addr, &other->sin6_addr, sizeof(one->sin6_addr)) == 0;
	}
	}
	return false;
}

/* Whether a descriptor is a socket of that address on which somebody listens. */
static bool
listens_at(int fd, const struct sockaddr *address)
{
	struct sockaddr_storage own = { 0 };
	socklen_t len = sizeof(own);
	int listens = 0, type = 0;
	socklen_t size = sizeof(int);

	return getsockname(fd, (struct sockaddr *)&own, &len) == 0 &&
	    same_address((const struct sockaddr *)&own, address) &&
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens != 0 &&
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

/* Cuts ADDRESS:PORT at its last colon, and takes brackets off the address. */
static bool
cut_address(char *where, char **address, char **port)
{
	char *colon = strrchr(where, ':');

	if (colon == NULL || colon == where)
		return false;
	*colon = '\0';
	*port = colon + 1;
	*address = where;
	if (where[0] == '[' && colon[-1] == ']') {
		colon[-1] = '\0';
		(*address)++;
	}
	return true;
}

struct addrinfo *
service_address(const char *where)
{
	static const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
	    .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV };
	struct addrinfo *found = NULL;
	char *copy = strdup(where), *address, *port;

	if (copy == NULL || !cut_address(copy, &address, &port) ||
	    getaddrinfo(address, port, &hints, &found) != 0)
		found = NULL;
	free(copy);
	return found;
}

const char *
service_address_wrong(const char *where)
{
	struct addrinfo *found = *where != '\0' ? service_address(where) : NULL;

	if (*where != '\0' && found == NULL)
		return "wants an address and a port, such as 127.0.0.1:8090 or [::1]:8090";
	if (found != NULL)
		freeaddrinfo(found);
	return NULL;
}

const char *
service_path_wrong(const char *path)
{
	return strlen(path) < sizeof(((struct sockaddr_un *)0)->sun_path) ? NULL :
	    "is longer than the path of a socket may be (107 bytes)";
}

int
service_socket(const struct sockaddr *address, socklen_t len)
{
	struct sockaddr_storage wanted = { 0 };

	memcpy(&wanted, address, len < sizeof(wanted) ? len : sizeof(wanted));
	for (int fd = FIRST_FD; fd < service.end; fd++) {
		if (service.taken[fd - FIRST_FD] ||
		    !listens_at(fd, (const struct sockaddr *)&wanted))
			continue;
		service.taken[fd - FIRST_FD] = true;
		return fd;
	}
	return -1;
}

void
service_settle(void)
{
	for (int fd = FIRST_FD; fd < service.end; fd++) {
		if (service.taken[fd - FIRST_FD])
			continue;
		log_error("descriptor %d was handed over, but no setting names its address", fd);
		close(fd);
	}
	service.end = 0;
}

void
service_notify(const char *lines)
{
	int fd;

	if (service.notify_len == 0)
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	if (sendto(fd, lines, strlen(lines), MSG_NOSIGNAL,
	    (const struct sockaddr *)&service.notify, service.notify_len) < 0)
		log_error("the notice %.*s could not be sent: %s", (int)strcspn(lines, "\n"), lines,
		    strerror(errno));
	close(fd);
}

bool
service_watchdog(long *interval_ms)
{
	*interval_ms = service.watchdog_ms;
	return service.watchdog_ms > 0;
}

bool
service_secret(const char *path, char *out, size_t size)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY"), *name = strrchr(path, '/');
	int len;

	if (folder != NULL && *folder == '/') {
		len = snprintf(out, size, "%s/lastpair_%s", folder, name != NULL ? name + 1 : path);
		if (len >= 0 && (size_t)len < size && access(out, F_OK) == 0)
			return true;
	}
	len = snprintf(out, size, "%s", path);
	if (len >= 0 && (size_t)len < size)
		return true;
	errno = ENAMETOOLONG;
	return false;
}
