/* Log lines: on standard error, or in a file that is opened again when it was moved away. One
 * write a line, so that lines of several processes in one file stay whole. Where standard error
 * is systemd's journal (JOURNAL_STREAM, systemd.exec(5)), a line begins with its priority in
 * angle brackets (sd-daemon(3)) and leaves out what the journal knows itself. */
#ifndef LP_LOG_H
#define LP_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level {
	LOG_ERROR,	/* somebody should look at it */
	LOG_NOTICE,	/* it needs nobody */
	LOG_INFO,	/* a line a request */
};

enum log_format {
	LOG_TEXT,	/* time, program, process, message */
	LOG_JSON,	/* an object (RFC 8259) */
};

/* Names the program in each line; `name` must stay valid. */
void log_open(const char *name);

/* Writes to DIR/NAME.log from now on; an empty `dir` is standard error. Once the file was moved
 * away, or removed, the next line after a second begins a new one. False after a line on standard
 * error when it can't be opened. */
bool log_to(const char *dir, const char *name);

/* Opens the file again with the next line, whether or not it was moved. */
void log_reopen(void);

/* What is logged, and how; from any thread. At first LOG_INFO, LOG_TEXT. */
void log_set(enum log_level level, enum log_format format);

/* A line that needs nobody. Never pass tokens, passwords or bodies. */
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A line that somebody should look at. */
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A request that was answered. */
struct log_request {
	const char *id, *pool, *method, *route;
	int status;
	int64_t us;	/* that it took */
};

void log_request(const struct log_request *r);

#endif
