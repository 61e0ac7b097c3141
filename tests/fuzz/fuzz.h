/* What the fuzz targets share. Each target is one LLVMFuzzerTestOneInput(): libFuzzer calls
 * it with inputs it makes up (tests/fuzz/run), replay.c with the seeds (./check fuzz). */
#ifndef LP_FUZZ_H
#define LP_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the process, with the place, when what must hold does not. */
#define must(cond) ((cond) ? (void)0 : fuzz_failed(#cond, __FILE__, __LINE__))
_Noreturn void fuzz_failed(const char *cond, const char *file, int line);

/* A copy in exactly as much room as it needs, a NUL after it; malloc'd. */
char *fuzz_text(const uint8_t *data, size_t size);

/* What is left of an input that is read line by line. */
struct fuzz_input {
	const uint8_t *data;
	size_t size;
};

/* Takes the next line, without its end, as fuzz_text() gives it (so a NUL byte cuts it);
 * *len, where given, is its length with what a NUL cuts off. NULL: there are no more. */
char *fuzz_line(struct fuzz_input *in, size_t *len);

/* A file of these bytes that goes with its descriptor, which is the return value. */
#define FUZZ_PATH_LEN 32
int fuzz_file(const uint8_t *data, size_t size, char path[FUZZ_PATH_LEN]);

/* Whether a text is UTF-8, by a reading of its own. */
bool fuzz_utf8(const char *s);

/* Whether bytes of Redis's announce a list of more than 9999 members, for which hiredis takes room
 * at once: that is a matter between it and a Redis one trusts. */
bool fuzz_redis_announces_much(const uint8_t *data, size_t size);

#endif
