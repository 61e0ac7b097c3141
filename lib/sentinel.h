/* Finding Redis's master by asking its sentinels. What publish.c and the event daemon's
 * listener share of it; both keep their own connections. Source: "Guidelines for Redis clients with
 * support for Redis Sentinel", redis.io. */
#ifndef LP_SENTINEL_H
#define LP_SENTINEL_H

#include <hiredis/hiredis.h>
#include <stdbool.h>

#include "redis_login.h"

#define SENTINEL_MAX	8

struct redis_place {
	char host[64];		/* an address or a name */
	int port;
};

/* The `n`th sentinel of the setting redis_sentinels, going round; false when it names none. */
bool sentinel_at(const char *list, unsigned int n, struct redis_place *place);

/* NULL, or what is wrong with the list: it wants HOST:PORT, parted by blanks, at most
 * SENTINEL_MAX of them. */
const char *sentinel_wrong(const char *list);

/* Reads the answer to `SENTINEL get-master-addr-by-name`; false when it names none. */
bool sentinel_master(const redisReply *reply, struct redis_place *place);

/* Asks one sentinel after the other who is the master called `name`, and connects to that one
 * if it says so itself; each step takes at most `limit`. All are told `login`. The sentinel that answered last
 * is asked first. NULL when there is none. */
redisContext *sentinel_connect(const char *list, const char *name,
    const struct redis_login *login, struct timeval limit);

#endif
