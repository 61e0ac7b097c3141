/* Connections from the web server, which it keeps for one request after another: the only
 * place that speaks to libfcgi. */
#ifndef LP_CONNECTION_H
#define LP_CONNECTION_H

#include <stdbool.h>

#include "buf.h"
#include "request.h"

#define CONN_LISTENER 0		/* descriptor of the listening socket, handed over at the start */

struct conn;

/* To be called first, once. False when CONN_LISTENER is no listening socket. */
bool conn_init(void);

/* The next connection that waits; NULL when there is none, with errno as accept(2) has it.
 * Free it with conn_free(). */
struct conn *conn_accept(void);

/* Closes it. */
void conn_free(struct conn *c);

/* Its descriptor, which conn_request() may change. */
int conn_fd(const struct conn *c);

/* Reads the next request of a readable connection into a new *req of `arena`, whose texts
 * are valid until conn_answer() but for method_text and id, which are the arena's. False when
 * the other end has closed the connection, or is not making sense: free it. */
bool conn_request(struct conn *c, struct arena *arena, struct req **req);

/* Reads the body. Beyond `max` bytes it is thrown away; INVALID, PAYLOAD_TOO_LARGE. */
enum status conn_body(struct conn *c, struct req *req, size_t max);

/* Sends the answer, the `last` on this connection or not. False when it can't be kept: free
 * it. */
bool conn_answer(struct conn *c, const struct buf *out, bool last);

#endif
