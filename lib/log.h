/* Log lines on standard error: time, program, process, message. One write a
 * line, so that lines of several processes in one file stay whole. */
#ifndef LP_LOG_H
#define LP_LOG_H

/* Names the program in each line; `name` must stay valid. */
void log_open(const char *name);

/* A line that needs nobody. Never pass tokens, passwords or bodies. */
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A line that somebody should look at. */
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
