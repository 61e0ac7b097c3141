/* Redis's master by way of its sentinels. */
#include "sentinel.h"

#include <stdlib.h>
#include <string.h>

/* Which sentinel answered last; shared by all threads, and never more than a hint. */
static unsigned int answered;

/* Takes the next word of *list as HOST:PORT or [HOST]:PORT. False for something else. */
static bool
take_place(const char **list, struct redis_place *place)
{
	const char *word = *list + strspn(*list, " \t"), *colon = NULL;
	size_t len = strcspn(word, " \t");
	char *end;
	long port;

	*list = word + len;
	for (size_t i = 0; i < len; i++)
		if (word[i] == ':')
			colon = word + i;
	if (colon == NULL)
		return false;
	port = strtol(colon + 1, &end, 10);
	if (end != word + len || end == colon + 1 || port < 1 || port > 65535)
		return false;
	len = (size_t)(colon - word);
	if (len > 1 && word[0] == '[' && word[len - 1] == ']') {
		word++;
		len -= 2;
	} else if (memchr(word, ':', len) != NULL) {
		return false;
	}
	if (len == 0 || len >= sizeof(place->host))
		return false;
	memcpy(place->host, word, len);
	place->host[len] = '\0';
	place->port = (int)port;
	return true;
}

static unsigned int
count(const char *list)
{
	unsigned int n = 0;

	for (list += strspn(list, " \t"); *list != '\0'; list += strspn(list, " \t")) {
		list += strcspn(list, " \t");
		n++;
	}
	return n;
}

bool
sentinel_at(const char *list, unsigned int n, struct redis_place *place)
{
	unsigned int all = count(list);

	if (all == 0)
		return false;
	for (n %= all; n > 0; n--) {
		list += strspn(list, " \t");
		list += strcspn(list, " \t");
	}
	return take_place(&list, place);
}

const char *
sentinel_wrong(const char *list)
{
	struct redis_place place;

	if (count(list) > SENTINEL_MAX)
		return "names too many sentinels";
	while (count(list) > 0)
		if (!take_place(&list, &place))
			return "wants HOST:PORT for each sentinel, parted by blanks";
	return NULL;
}

bool
sentinel_master(const redisReply *reply, struct redis_place *place)
{
	const redisReply *host, *port;
	char *end;
	long number;

	if (reply == NULL || reply->type != REDIS_REPLY_ARRAY || reply->elements != 2)
		return false;
	host = reply->element[0];
	port = reply->element[1];
	if (host->type != REDIS_REPLY_STRING || port->type != REDIS_REPLY_STRING ||
	    host->len < 1 || (size_t)host->len >= sizeof(place->host) ||
	    strlen(host->str) != (size_t)host->len)
		return false;
	memcpy(place->host, host->str, (size_t)host->len + 1);
	number = strtol(port->str, &end, 10);
	if (end == port->str || end != port->str + port->len || number < 1 || number > 65535)
		return false;
	place->port = (int)number;
	return true;
}

static redisContext *
connect_place(const struct redis_place *place, const struct redis_login *login,
    struct timeval limit)
{
	redisContext *redis = redisConnectWithTimeout(place->host, place->port, limit);

	if (redis != NULL && (redis->err != 0 || redisSetTimeout(redis, limit) != REDIS_OK ||
	    !redis_log_in(redis, login))) {
		redisFree(redis);
		redis = NULL;
	}
	return redis;
}

static bool
ask(const struct redis_place *sentinel, const char *name, const struct redis_login *login,
    struct timeval limit, struct redis_place *master)
{
	redisContext *redis = connect_place(sentinel, login, limit);
	redisReply *reply = NULL;
	bool ok;

	if (redis == NULL)
		return false;
	reply = redisCommand(redis, "SENTINEL get-master-addr-by-name %s", name);
	ok = sentinel_master(reply, master);
	freeReplyObject(reply);
	redisFree(redis);
	return ok;
}

/* A master that was replaced while nobody could reach it may not know it yet, or already
 * follow another: what is published to a follower reaches nobody else. */
static bool
is_master(redisContext *redis)
{
	redisReply *reply = redisCommand(redis, "ROLE");
	bool ok = reply != NULL && reply->type == REDIS_REPLY_ARRAY && reply->elements > 0 &&
	    reply->element[0]->type == REDIS_REPLY_STRING &&
	    strcmp(reply->element[0]->str, "master") == 0;

	freeReplyObject(reply);
	return ok;
}

redisContext *
sentinel_connect(const char *list, const char *name, const struct redis_login *login,
    struct timeval limit)
{
	unsigned int first = __atomic_load_n(&answered, __ATOMIC_RELAXED), all = count(list);
	struct redis_place sentinel, master;
	redisContext *redis;

	for (unsigned int i = first; i < first + all; i++) {
		if (!sentinel_at(list, i, &sentinel) || !ask(&sentinel, name, login, limit, &master))
			continue;
		__atomic_store_n(&answered, i % all, __ATOMIC_RELAXED);
		redis = connect_place(&master, login, limit);
		if (redis == NULL || is_master(redis))
			return redis;
		redisFree(redis);
		return NULL;
	}
	return NULL;
}
