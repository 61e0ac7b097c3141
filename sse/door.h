/* A listening socket, and the callers whose request head is still being read. */
#ifndef SSE_DOOR_H
#define SSE_DOOR_H

#include <event2/event.h>

#include "buf.h"
#include "head.h"

/* Takes a caller whose head was read. `fd` is the handler's from then on; `head`
 * ends with the call, which may change it. */
typedef void door_handler(void *arg, int fd, struct head *head);

struct door;

struct door_stats {
	unsigned long accepted, refused;	/* refused: before or instead of the handler */
};

/* Listens on the Unix socket `path`, mode 0660, in place of a stale one, or on the one of
 * that path that was handed over (service.h); reads up to `heads` heads at once. Nobody is
 * let in before door_open(). NULL after a line in the log. */
struct door *door_new(struct event_base *base, const char *path, int heads,
    door_handler *handler, void *arg);

/* The same on ADDRESS:PORT, the address a number, in brackets for IPv6. */
struct door *door_new_tcp(struct event_base *base, const char *where, int heads,
    door_handler *handler, void *arg);

/* Lets callers in; those who came before have waited in the socket's backlog. False after a
 * line in the log. */
bool door_open(struct door *door);

/* Lets nobody else in; those whose heads are being read go on. */
void door_shut(struct door *door);

/* Closes the socket, and removes it unless it was handed over; NULL is harmless. */
void door_free(struct door *door);

const struct door_stats *door_stats(const struct door *door);

/* Answers with a problem document (RFC 9457) and closes. `more` is header lines,
 * each with its CRLF, or NULL. */
void door_problem(int fd, int status, const char *code, const char *detail, const char *more);

/* The same with a field that was not accepted. */
void door_invalid(int fd, const char *field, const char *message, const char *more);

/* Answers with `head` alone and closes. */
void door_head(int fd, const char *head);

/* Answers 200 with a body of `type` and closes. */
void door_answer(int fd, const char *type, const struct buf *body);

#endif
