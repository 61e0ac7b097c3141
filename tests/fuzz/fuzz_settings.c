/* The settings file, and the web origins it may list. */
#include "conf.h"

#include <string.h>
#include <unistd.h>

#include "../../sse/origins.h"
#include "fuzz.h"

/* What is on the list is part of a header. */
static void
check_origins(const char *list)
{
	struct origins *origins = origins_new(list);
	const char *fields;

	if (origins == NULL)
		return;
	fields = origins_fields(origins, list);	/* where there is one alone */
	if (fields != NULL)
		must(strlen(fields) > 8 && strcspn(fields, "\r") == strlen("Access-Control-"
		    "Allow-Origin: ") + strlen(list));
	must(origins_fields(origins, "https://elsewhere.invalid") == NULL ||
	    strstr(list, "https://elsewhere.invalid") != NULL);
	origins_free(origins);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf conf;
	char path[FUZZ_PATH_LEN];
	int fd = fuzz_file(data, size, path);

	if (conf_load(&conf, path)) {
		must(conf.database != NULL && conf.redis_socket != NULL && conf.sql_dir != NULL);
		must(conf.database_pool >= 1 && conf.database_pool <= 64);
		must(conf.bcrypt_cost >= 4 && conf.bcrypt_cost <= 16);
		must(conf.sse_heartbeat_seconds >= 1 && conf.sse_heartbeat_seconds <= 15);
		check_origins(conf.sse_origins);
	} else {
		must(conf.database == NULL);
	}
	conf_free(&conf);
	close(fd);
	return 0;
}
