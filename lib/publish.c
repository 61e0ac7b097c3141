/* Publishing: a bounded queue and the one thread that empties it into Redis. The
 * only file of the workers that speaks to hiredis. */
#include "publish.h"

#include <hiredis/hiredis.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "log.h"
#include "metrics.h"
#include "redis_login.h"
#include "sentinel.h"

#define QUEUE_LEN	4096
#define BATCH_LEN	512	/* messages that go as one */
#define GATHER_MS	8	/* between two of those, so that others can join; less than the stream's tick */
#define TIMEOUT_MS	100	/* of connecting and of a command */
#define BACKOFF_MS	200	/* after a failure, with as much jitter again */
#define GOODBYE_MS	500

struct publisher {
	const struct conf *conf;
	struct redis_login login;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more;
	char *queue[QUEUE_LEN];		/* a ring: `count` messages from `head` on */
	unsigned int head, count;
	bool nowhere;			/* there is no Redis: by the settings */
	bool ending;
	int64_t end_by_ms;
	bool down;			/* said so in the log */
	char why[128];			/* what was last in the way */
	int64_t taken_ms;		/* when the queue was last emptied */
};

static bool
by_sentinels(const struct conf *conf)
{
	return conf->redis_sentinels != NULL && conf->redis_sentinels[0] != '\0';
}

static redisContext *
connect_redis(const struct conf *conf, const struct redis_login *login)
{
	struct timeval limit = { 0, TIMEOUT_MS * 1000 };
	redisContext *redis;

	if (by_sentinels(conf))
		return sentinel_connect(conf->redis_sentinels, conf->redis_master, login, limit);
	redis = redisConnectUnixWithTimeout(conf->redis_socket, limit);
	if (redis != NULL && (redis->err != 0 || redisSetTimeout(redis, limit) != REDIS_OK ||
	    !redis_log_in(redis, login))) {
		redisFree(redis);
		redis = NULL;
	}
	return redis;
}

/* Moves up to BATCH_LEN messages out of the queue; waits for the first, and in a rush a
 * moment for those that come with it. 0 when the publisher ends and the queue is empty. */
static int
take(struct publisher *p, char *batch[BATCH_LEN])
{
	int64_t wait_ms;
	int n = 0;

	pthread_mutex_lock(&p->lock);
	while (p->count == 0 && !p->ending)
		pthread_cond_wait(&p->more, &p->lock);
	wait_ms = p->taken_ms + GATHER_MS - clock_ms();
	if (wait_ms > 0 && !p->ending) {
		pthread_mutex_unlock(&p->lock);
		clock_sleep_ms(wait_ms);
		pthread_mutex_lock(&p->lock);
	}
	p->taken_ms = clock_ms();
	for (; n < BATCH_LEN && p->count > 0; n++) {
		batch[n] = p->queue[p->head];
		p->head = (p->head + 1) % QUEUE_LEN;
		p->count--;
	}
	pthread_mutex_unlock(&p->lock);
	return n;
}

/* All as one message of as many lines; false when it did not arrive, and p->why says why. */
static bool
send_batch(struct publisher *p, redisContext *redis, char *const batch[], int n)
{
	struct buf lines = { 0 };
	redisReply *reply = NULL;
	bool ok;

	for (int i = 0; i < n; i++) {
		buf_puts(&lines, i > 0 ? "\n" : "");
		buf_puts(&lines, batch[i]);
	}
	if (!lines.failed)
		reply = redisCommand(redis, "PUBLISH %s %b", p->conf->redis_channel, lines.data,
		    lines.len);
	ok = reply != NULL && reply->type == REDIS_REPLY_INTEGER;
	if (!ok)
		snprintf(p->why, sizeof(p->why), "%s", reply != NULL && reply->str != NULL ? reply->str :
		    redis->err != 0 ? redis->errstr : "no answer");
	freeReplyObject(reply);
	buf_free(&lines);
	return ok;
}

static void
note(struct publisher *p, bool sent, int n)
{
	if (!sent)
		metrics_add(METRIC_PUBLISH_DROPPED, (unsigned long)n);
	if (sent && p->down)
		log_info("Redis is back");
	if (!sent && !p->down)
		log_error("Redis does not take messages (%s); browsers follow by the daemon's own "
		    "reading", p->why);
	p->down = !sent;
}

static bool
out_of_time(struct publisher *p)
{
	bool out;

	pthread_mutex_lock(&p->lock);
	out = p->ending && clock_ms() > p->end_by_ms;
	pthread_mutex_unlock(&p->lock);
	return out;
}

static void *
run(void *arg)
{
	struct publisher *p = arg;
	redisContext *redis = NULL;
	int64_t not_before = 0;
	unsigned int seed = (unsigned int)clock_us();
	char *batch[BATCH_LEN];
	int n;

	while ((n = take(p, batch)) > 0) {
		bool sent;

		if (redis == NULL && clock_ms() >= not_before && !out_of_time(p))
			redis = connect_redis(p->conf, &p->login);
		if (redis == NULL)
			strcpy(p->why, "no connection");
		sent = redis != NULL && send_batch(p, redis, batch, n);
		note(p, sent, n);
		if (!sent && redis != NULL) {
			redisFree(redis);
			redis = NULL;
		}
		if (!sent && clock_ms() >= not_before)
			not_before = clock_ms() + BACKOFF_MS + rand_r(&seed) % BACKOFF_MS;
		for (int i = 0; i < n; i++)
			free(batch[i]);
	}
	if (redis != NULL)
		redisFree(redis);
	return NULL;
}

struct publisher *
publisher_new(const struct conf *conf)
{
	struct publisher *p = calloc(1, sizeof(*p));

	if (p == NULL || !redis_login_read(conf->redis_password_file, &p->login)) {
		free(p);
		return NULL;
	}
	p->conf = conf;
	p->nowhere = !by_sentinels(conf) && conf->redis_socket[0] == '\0';
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->more, NULL);
	if (pthread_create(&p->thread, NULL, run, p) != 0) {
		free(p);
		return NULL;
	}
	return p;
}

void
publish(struct publisher *p, const char *message, size_t len)
{
	char *copy;

	if (p->nowhere)
		return;
	copy = strndup(message, len);
	pthread_mutex_lock(&p->lock);
	if (copy != NULL && p->count < QUEUE_LEN) {
		p->queue[(p->head + p->count++) % QUEUE_LEN] = copy;
		copy = NULL;
		pthread_cond_signal(&p->more);
	} else {
		metrics_add(METRIC_PUBLISH_DROPPED, 1);
	}
	pthread_mutex_unlock(&p->lock);
	free(copy);
}

void
publish_lines(struct publisher *p, const char *messages)
{
	while (messages != NULL && *messages != '\0') {
		size_t len = strcspn(messages, "\n");

		publish(p, messages, len);
		messages += len + (messages[len] == '\n');
	}
}

void
publisher_free(struct publisher *p)
{
	if (p == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	p->ending = true;
	p->end_by_ms = clock_ms() + GOODBYE_MS;
	pthread_cond_signal(&p->more);
	pthread_mutex_unlock(&p->lock);
	pthread_join(p->thread, NULL);
	pthread_cond_destroy(&p->more);
	pthread_mutex_destroy(&p->lock);
	explicit_bzero(&p->login, sizeof(p->login));
	free(p);
}

bool
publish_ping(const struct publisher *p)
{
	redisContext *redis = connect_redis(p->conf, &p->login);
	redisReply *reply = redis != NULL ? redisCommand(redis, "PING") : NULL;
	bool ok = reply != NULL && reply->type == REDIS_REPLY_STATUS;

	freeReplyObject(reply);
	if (redis != NULL)
		redisFree(redis);
	return ok;
}
