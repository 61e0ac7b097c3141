/* Runs a fuzz target over files: each of them, and each beginning of the short ones, so that
 * what ends too early is met wherever it ends. Speaks TAP. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define MAX_SEED	(1024 * 1024)
#define SHORT_SEED	2048

static int count;

static void
run_file(const char *path, const char *name)
{
	static uint8_t data[MAX_SEED];
	FILE *f = fopen(path, "re");
	size_t size;

	must(f != NULL);
	size = fread(data, 1, sizeof(data), f);
	must(!ferror(f) && feof(f));
	fclose(f);
	printf("# %s\n", path);
	fflush(stdout);		/* so that it is known where it ended, if it does */
	for (size_t len = size <= SHORT_SEED ? 0 : size; len <= size; len++) {
		uint8_t *copy = malloc(len > 0 ? len : 1);	/* with nothing behind it */

		must(copy != NULL);
		memcpy(copy, data, len);
		LLVMFuzzerTestOneInput(copy, len);
		free(copy);
	}
	printf("ok %d - %s\n", ++count, name);
	fflush(stdout);
}

static int
visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

/* Returns how many seeds there are. */
static int
run_folder(const char *folder)
{
	const char *target = strrchr(folder, '/');
	struct dirent **seeds;
	int n = scandir(folder, &seeds, visible, alphasort);

	target = target != NULL ? target + 1 : folder;
	for (int i = 0; i < n; i++) {
		char path[4096], name[512];

		snprintf(path, sizeof(path), "%s/%s", folder, seeds[i]->d_name);
		snprintf(name, sizeof(name), "%s takes %s and each beginning of it", target,
		    seeds[i]->d_name);
		run_file(path, name);
		free(seeds[i]);
	}
	if (n >= 0)
		free(seeds);
	return n;
}

int
main(int argc, char **argv)
{
	if (argc != 2) {
		printf("usage: %s FOLDER\n", argv[0]);
		return 2;
	}
	if (run_folder(argv[1]) <= 0) {
		printf("not ok - there are no seeds in %s\n", argv[1]);
		return 1;
	}
	return 0;
}
