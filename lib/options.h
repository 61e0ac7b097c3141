/* The options every program has: -c FILE, --help, --version. */
#ifndef LP_OPTIONS_H
#define LP_OPTIONS_H

#include "conf.h"

#define EXIT_USAGE 2	/* wrong use; 0 is fine, 1 is failed */

struct options {
	const char *program;	/* for messages */
	const char *usage;	/* printed by --help, before the settings */
	const char *conf_path;	/* set by options_parse */
};

/* Takes the common options out of the front of argv and returns the index of
 * the first argument that is not one of them. Prints and exits for --help,
 * --version and a wrong use (EXIT_USAGE). */
int options_parse(struct options *o, int argc, char **argv);

/* Prints "PROGRAM: message" and the way to --help; exits with EXIT_USAGE. */
_Noreturn void options_wrong(const struct options *o, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* conf_load() of the file named by -c, or exit 1 with what is wrong. */
void options_conf(const struct options *o, struct conf *conf);

/* Begins the log as the settings say, on standard error: what stops a start is to be seen there.
 * A program that has started goes on with log_to(). */
void options_log(const struct options *o, const struct conf *conf);

#endif
