/* Reaching PostgreSQL within a deadline: one server, or the right one of several. */
#ifndef LP_CONNECT_H
#define LP_CONNECT_H

#include <libpq-fe.h>
#include <stdint.h>

#define CONNECT_MAX_HOSTS	8

/* A conninfo taken apart. */
struct server_list;

/* NULL, or what is wrong with a conninfo: libpq can't read it, or it names too many hosts. Nothing
 * of it is in the text. */
const char *server_list_wrong(const char *conninfo);

/* Reads a libpq conninfo. One that names several hosts (at most CONNECT_MAX_HOSTS)
 * means: the one of them that takes writes; `target_session_attrs=standby` or another
 * of libpq's words in it means something else. NULL when memory is out. */
struct server_list *server_list_new(const char *conninfo);
void server_list_free(struct server_list *list);	/* NULL is harmless */

/* Connects as `user` until `deadline_ms` (of clock_ms()). All servers are asked at once, so
 * that one that is cut off costs no time, and the first that is as wanted is taken. NULL
 * when there is none; why then says so, in one line. The caller ends it with PQfinish(). */
PGconn *server_connect(const struct server_list *list, const char *user, int64_t deadline_ms,
    char *why, size_t why_len);

#endif
