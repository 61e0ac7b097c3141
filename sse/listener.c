/* The subscription to Redis. */
#include "listener.h"

#include <hiredis/adapters/libevent.h>
#include <hiredis/async.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "redis_login.h"
#include "sentinel.h"

#define ASK_MS		500	/* between signs of life that are asked for */
#define SILENCE_MS	1500	/* without an answer: it is dead or frozen */
#define SENTINEL_MS	300	/* for a sentinel to say who is the master */
#define BACKOFF_MIN_MS	100
#define BACKOFF_MAX_MS	1000

struct listener {
	const struct conf *conf;
	struct event_base *base;
	struct listener_watch watch;
	struct redis_login login;
	redisAsyncContext *redis;	/* NULL: waiting to connect again */
	bool asking;		/* that is a sentinel, asked for the master */
	unsigned int sentinel;	/* the one to ask next */
	struct event *timer;	/* to connect again, or to ask for a sign of life */
	bool subscribed;
	bool down;		/* said so in the log */
	int64_t asked_ms;	/* the oldest question without an answer; 0: none */
	int64_t backoff_ms;
	unsigned int seed;
	unsigned long connects;
};

static void
set_timer(struct listener *l, int64_t ms)
{
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	if (event_add(l->timer, &tv) != 0)
		log_error("Redis: no memory for a timer");
}

static void
leave(struct listener *l)
{
	redisAsyncContext *redis = l->redis;

	l->redis = NULL;
	if (l->asking)	/* that one did not help */
		l->sentinel++;
	l->asking = false;
	if (redis != NULL) {
		redis->data = NULL;	/* its last callbacks are nobody's */
		redisAsyncFree(redis);
	}
}

/* Gives up the connection and connects anew before long. A new context each time:
 * hiredis would not subscribe again by itself. */
static void
start_over(struct listener *l, const char *why)
{
	int64_t wait;

	leave(l);
	if (!l->down)
		log_error("Redis: %s; changes come from the database until it is back", why);
	l->down = true;
	l->subscribed = false;
	wait = BACKOFF_MIN_MS + rand_r(&l->seed) % l->backoff_ms;
	l->backoff_ms = l->backoff_ms * 2 > BACKOFF_MAX_MS - BACKOFF_MIN_MS ?
	    BACKOFF_MAX_MS - BACKOFF_MIN_MS : l->backoff_ms * 2;
	set_timer(l, wait);
}

static void
on_reply(redisAsyncContext *redis, void *arg, void *unused)
{
	struct listener *l = redis->data;
	const redisReply *reply = arg;

	(void)unused;
	if (l == NULL || reply == NULL)
		return;
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 3 ||
	    reply->element[0]->type != REDIS_REPLY_STRING) {
		if (reply->type == REDIS_REPLY_ERROR)
			start_over(l, reply->str);
		return;
	}
	l->asked_ms = 0;
	if (strcmp(reply->element[0]->str, "message") == 0) {
		if (reply->element[2]->type == REDIS_REPLY_STRING)
			l->watch.message(l->watch.arg, reply->element[2]->str,
			    (size_t)reply->element[2]->len);
	} else if (strcmp(reply->element[0]->str, "subscribe") == 0 && !l->subscribed) {
		l->subscribed = true;
		l->backoff_ms = BACKOFF_MIN_MS;
		if (l->down)
			log_info("Redis is back");
		l->down = false;
		l->watch.subscribed(l->watch.arg);
	}
}

static void
on_connect(const redisAsyncContext *redis, int status)
{
	struct listener *l = redis->data;

	if (l != NULL && status != REDIS_OK) {
		l->redis = NULL;	/* hiredis frees it */
		start_over(l, redis->errstr);
	}
}

static void
on_disconnect(const redisAsyncContext *redis, int status)
{
	struct listener *l = redis->data;

	if (l != NULL) {
		l->redis = NULL;
		start_over(l, status == REDIS_OK ? "disconnected" : redis->errstr);
	}
}

/* Subscribes. Said again to a Redis that has us subscribed it changes nothing but
 * is answered: a sign of life, for which hiredis 0.14 can't use PING here. */
static void
subscribe(struct listener *l)
{
	if (l->asked_ms == 0)
		l->asked_ms = clock_ms();
	redisAsyncCommand(l->redis, on_reply, NULL, "SUBSCRIBE %s", l->conf->redis_channel);
	set_timer(l, ASK_MS);
}

/* Sentinels often have no password: one that minds says so to the question itself. */
static void
on_login(redisAsyncContext *redis, void *arg, void *unused)
{
	struct listener *l = redis->data;
	const redisReply *reply = arg;

	(void)unused;
	if (l != NULL && reply != NULL && reply->type == REDIS_REPLY_ERROR && !l->asking)
		start_over(l, reply->str);
}

/* Takes a new connection over and says who calls; false after having started over. */
static bool
attach(struct listener *l, redisAsyncContext *redis)
{
	const char *words[3];
	int n;

	l->redis = redis;
	if (redis == NULL || redis->err != 0 || redisLibeventAttach(redis, l->base) != REDIS_OK) {
		start_over(l, redis != NULL ? redis->errstr : "no memory");
		return false;
	}
	redis->data = l;
	redisAsyncSetConnectCallback(redis, on_connect);
	redisAsyncSetDisconnectCallback(redis, on_disconnect);
	l->asked_ms = 0;
	n = redis_login_words(&l->login, words);
	if (n > 0)
		redisAsyncCommandArgv(redis, on_login, NULL, n, words, NULL);
	return true;
}

static void
on_master(redisAsyncContext *redis, void *arg, void *unused)
{
	struct listener *l = redis->data;
	struct redis_place place;

	(void)unused;
	if (l == NULL || arg == NULL)
		return;		/* on_disconnect() sees to it */
	if (!sentinel_master(arg, &place)) {
		start_over(l, "a sentinel knows of no master");
		return;
	}
	l->asking = false;
	leave(l);
	if (attach(l, redisAsyncConnect(place.host, place.port)))
		subscribe(l);
}

static void
connect_redis(struct listener *l)
{
	struct redis_place place;

	l->connects++;
	if (!sentinel_at(l->conf->redis_sentinels, l->sentinel, &place)) {
		if (attach(l, redisAsyncConnectUnix(l->conf->redis_socket)))
			subscribe(l);
		return;
	}
	l->asking = true;
	if (!attach(l, redisAsyncConnect(place.host, place.port)))
		return;
	redisAsyncCommand(l->redis, on_master, NULL, "SENTINEL get-master-addr-by-name %s",
	    l->conf->redis_master);
	set_timer(l, SENTINEL_MS);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;

	(void)fd;
	(void)what;
	if (l->redis == NULL)
		connect_redis(l);
	else if (l->asking)
		start_over(l, "a sentinel does not answer");
	else if (l->asked_ms != 0 && clock_ms() - l->asked_ms > SILENCE_MS)
		start_over(l, "it does not answer");
	else
		subscribe(l);
}

struct listener *
listener_new(const struct conf *conf, struct event_base *base,
    const struct listener_watch *watch)
{
	struct listener *l = calloc(1, sizeof(*l));

	if (l == NULL || !redis_login_read(conf->redis_password_file, &l->login)) {
		free(l);
		return NULL;
	}
	l->conf = conf;
	l->base = base;
	l->watch = *watch;
	l->backoff_ms = BACKOFF_MIN_MS;
	l->seed = (unsigned int)clock_us();
	l->timer = evtimer_new(base, on_timer, l);
	if (l->timer == NULL) {
		free(l);
		return NULL;
	}
	if (conf->redis_socket[0] != '\0' || conf->redis_sentinels[0] != '\0')
		connect_redis(l);
	return l;
}

void
listener_free(struct listener *l)
{
	if (l == NULL)
		return;
	if (l->redis != NULL) {
		l->redis->data = NULL;
		redisAsyncFree(l->redis);
	}
	event_free(l->timer);
	explicit_bzero(&l->login, sizeof(l->login));
	free(l);
}

bool
listener_subscribed(const struct listener *l)
{
	return l->subscribed;
}

unsigned long
listener_connects(const struct listener *l)
{
	return l->connects;
}
