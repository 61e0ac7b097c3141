/* The options every program has. */
#include "options.h"

#include <config.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

#define DEFAULT_CONF "/etc/lastpair/lastpair.conf"

int
options_parse(struct options *o, int argc, char **argv)
{
	int i = 1;

	o->conf_path = DEFAULT_CONF;
	while (i < argc) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			fputs(o->usage, stdout);
			puts("\n\nOptions of every program:\n"
			    "  -c FILE     settings (default " DEFAULT_CONF ")\n"
			    "  --help      this text\n"
			    "  --version   the version\n\nSettings:");
			conf_help(stdout);
			exit(fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
		}
		if (strcmp(argv[i], "--version") == 0) {
			printf("%s %s\n", o->program, PACKAGE_VERSION);
			exit(fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
		}
		if (strcmp(argv[i], "-c") != 0)
			break;
		if (i + 1 == argc)
			options_wrong(o, "-c wants a file");
		o->conf_path = argv[i + 1];
		i += 2;
	}
	return i;
}

void
options_wrong(const struct options *o, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s: ", o->program);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, " (try '%s --help')\n", o->program);
	exit(EXIT_USAGE);
}

void
options_conf(const struct options *o, struct conf *conf)
{
	if (!conf_load(conf, o->conf_path))
		exit(EXIT_FAILURE);
}

void
options_log(const struct options *o, const struct conf *conf)
{
	log_open(o->program);
	log_set((enum log_level)conf->log_level, (enum log_format)conf->log_format);
}
