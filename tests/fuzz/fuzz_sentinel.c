/* Redis's master by way of its sentinels: the setting in the first line, and behind it what each
 * that is connected to says, one part after the other, with an empty line between. */
#include "sentinel.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"

#define SERVERS	(SENTINEL_MAX + 1)
#define PART_MAX 4096	/* fits a socket that nobody reads */

static struct fuzz_input left;
static int ends_of[SERVERS], connected;
static bool master;	/* whether the last one's answer has the word */

redisContext *__wrap_redisConnectWithTimeout(const char *host, int port, struct timeval limit);

/* The next part of the input. */
static struct fuzz_input
take_part(void)
{
	const uint8_t *end = left.size > 0 ? memmem(left.data, left.size, "\n\n", 2) : NULL;
	struct fuzz_input part = { left.data, end != NULL ? (size_t)(end - left.data) + 1 : left.size };
	size_t taken = end != NULL ? part.size + 1 : part.size;

	if (part.size > PART_MAX)
		part.size = PART_MAX;
	left.data += taken;
	left.size -= taken;
	return part;
}

/* In the place of hiredis's: a server that has said all it will say. */
redisContext *
__wrap_redisConnectWithTimeout(const char *host, int port, struct timeval limit)
{
	struct fuzz_input part = take_part();
	int ends[2];

	(void)limit;
	must(connected < SERVERS && *host != '\0' && strlen(host) < 64 && port >= 1 && port <= 65535);
	if (part.size == 0)
		return NULL;
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
	must(send(ends[0], part.data, part.size, MSG_NOSIGNAL) == (ssize_t)part.size);
	shutdown(ends[0], SHUT_WR);
	ends_of[connected++] = ends[0];
	master = memmem(part.data, part.size, "master", 6) != NULL;
	return redisConnectFd(ends[1]);
}

/* Every word of a list that passes is a place. */
static bool
check_list(const char *list)
{
	struct redis_place place;

	if (sentinel_wrong(list) != NULL)
		return false;
	for (unsigned int i = 0; i < 2 * SENTINEL_MAX; i++) {
		if (!sentinel_at(list, i, &place))
			return false;	/* it names none */
		must(*place.host != '\0' && strpbrk(place.host, " \t") == NULL);
		must(strstr(list, place.host) != NULL && place.port >= 1 && place.port <= 65535);
	}
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *list;

	left = (struct fuzz_input){ data, size };
	connected = 0;
	master = false;
	if (fuzz_redis_announces_much(data, size) || (list = fuzz_line(&left, NULL)) == NULL)
		return 0;
	if (check_list(list)) {
		redisContext *redis = sentinel_connect(list, "lastpair",
		    &(struct redis_login){ .password = "a" }, (struct timeval){ .tv_sec = 1 });

		must(redis == NULL || (master && connected >= 2));
		if (redis != NULL)
			redisFree(redis);
	}
	while (connected > 0)
		close(ends_of[--connected]);
	free(list);
	return 0;
}
