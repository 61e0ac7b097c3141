/* The file of the signing key. */
#include <string.h>
#include <unistd.h>

#include "fuzz.h"
#include "token.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[FUZZ_PATH_LEN];
	int fd = fuzz_file(data, size, path);
	struct token_keys *keys = token_keys_load(path, NULL);

	if (keys != NULL) {
		/* An id, a blank, and a secret of 32 bytes or more. */
		must(size >= 1 + 1 + 32);
		must(memchr(data, ' ', size) != NULL && data[0] != ' ');
	}
	token_keys_free(keys);
	close(fd);
	return 0;
}
