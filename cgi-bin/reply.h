/* Answers: the table of refusals, and the bridge from a stored function's answer to
 * the request's. */
#ifndef LP_REPLY_H
#define LP_REPLY_H

#include "buf.h"
#include "db.h"
#include "request.h"

/* The status with this code (as stored functions and problem documents name it);
 * INTERNAL when there is none. */
enum status status_of_code(const char *code);

/* The HTTP status that req's answer will have. */
int reply_http_status(const struct req *req);

/* Writes the whole answer, headers and body, for FastCGI: success as the handler left
 * it, a refusal as a problem document (RFC 9457). */
void reply_write(const struct req *req, struct buf *out);

/* Calls `fn` and takes over its answer: http_status, answer and events, or a refusal.
 * The rows live until the request ends. */
enum status db_reply(struct db_pool *db, struct req *req, enum db_fn fn, int count,
    const char *const *params);

/* Takes over the answer in one row of a stored function's: http_status, answer and
 * events, or a refusal. The rows must live until the request ends. */
enum status reply_row(struct req *req, const struct db_result *rows, int row);

/* The refusal for a call that did not come to rows. */
enum status reply_db_failure(struct req *req, enum db_status status);

/* As db_call(), but the rows live until the request ends. OK only with a row. */
enum status db_rows_of(struct db_pool *db, struct req *req, enum db_fn fn, int count,
    const char *const *params, struct db_result **rows);

/* Adds a Location header: `prefix` and the id of the answer's member `name`. */
void reply_location(struct req *req, const char *prefix, const char *name);

/* Sets a JSON answer of our own. */
enum status reply_json(struct req *req, int http_status, const char *json);

#endif
