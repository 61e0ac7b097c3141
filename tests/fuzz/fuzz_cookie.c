/* Cookie and Authorization: the workers and the daemon must find the same token. The input is
 * a line each. */
#include <stdlib.h>
#include <string.h>

#include "../../sse/head.h"
#include "fuzz.h"
#include "request.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	char *authorization = fuzz_line(&in, NULL), *cookie = fuzz_line(&in, NULL);
	struct arena *arena = arena_new();
	struct req req = { .arena = arena };
	struct head head = { 0 };
	const char *worker, *daemon;

	if (authorization != NULL && *authorization != '\0')
		req.authorization = arena_strndup(arena, authorization, strlen(authorization));
	if (cookie != NULL)
		req.cookie = arena_strndup(arena, cookie, strlen(cookie));
	head.authorization = req.authorization != NULL ? authorization : NULL;
	head.cookie = cookie;
	req.host_cookie = size % 2 == 0;
	worker = req_token(&req);
	daemon = head_token(&head, req.host_cookie ? COOKIE_OF_HOST : COOKIE_ANY);
	must(req.by_cookie == (worker != NULL && req.authorization == NULL));
	if (daemon == NULL) {
		/* The worker takes a header of another kind for a token that is none. */
		must(worker == NULL || (req.authorization != NULL && *worker == '\0'));
	} else {
		must(worker != NULL && strncmp(worker, daemon, strlen(daemon)) == 0);
		/* The daemon lets go of blanks behind a cookie's value. */
		must(worker[strlen(daemon)] == '\0' || (req.authorization == NULL &&
		    strchr(" \t", worker[strlen(daemon)]) != NULL));
	}
	arena_free(arena);
	free(authorization);
	free(cookie);
	return 0;
}
