/* The other side of a daemon: whoever started it. Listening sockets that it was handed,
 * what it says about itself, and secrets that only it may read, as sd_listen_fds(3),
 * sd_notify(3), sd_watchdog_enabled(3) and systemd.exec(5) describe; nothing here needs systemd, and anybody may hand over
 * sockets in that way. */
#ifndef LP_SERVICE_H
#define LP_SERVICE_H

#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* Takes over what LISTEN_PID, LISTEN_FDS, NOTIFY_SOCKET and WATCHDOG_USEC say, if they are
 * meant for this process, and removes them from the environment. Each socket gets
 * close-on-exec and non-blocking. To be called once, before there is a second thread. */
void service_begin(void);

/* The listening socket of that address, if one was handed over, or -1. It is found by its
 * address and not by its name (LISTEN_FDNAMES), so that settings and whoever opened it can't
 * mean different ones. The caller's from then on; whoever handed it over has it too. */
int service_socket(const struct sockaddr *address, socklen_t len);

/* Reads ADDRESS:PORT, both numbers, an IPv6 address in brackets; NULL when it is none, or memory
 * is out. For freeaddrinfo(). */
struct addrinfo *service_address(const char *where);

/* NULL, or what is wrong with a setting that is such an address (or empty), or a socket's path. */
const char *service_address_wrong(const char *where);
const char *service_path_wrong(const char *path);

/* Says in the log which of the sockets nobody has taken, and closes them. */
void service_settle(void);

/* Sends lines such as "READY=1\nSTATUS=..." to who wants to know; nobody: nothing. What can't
 * be sent is dropped. */
void service_notify(const char *lines);

/* Whether a sign of life is awaited, WATCHDOG=1 by service_notify(), at least each
 * *interval_ms ms. */
bool service_watchdog(long *interval_ms);

/* Writes to `out` where a secret that the settings say is at `path` is to be read: the
 * credential that the service was given for it (lastpair_ and the file's name, in
 * $CREDENTIALS_DIRECTORY: systemd.exec(5), LoadCredential=lastpair:DIRECTORY), or else
 * `path`. False when that doesn't fit into `size` bytes. */
bool service_secret(const char *path, char *out, size_t size);

#endif
