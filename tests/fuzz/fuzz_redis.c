/* What comes from Redis, byte by byte, through hiredis to the listener. */
#include "../../sse/listener.c"

#include "fuzz.h"

static unsigned long messages;

static void
on_message(void *arg, const char *text, size_t len)
{
	char *copy = fuzz_text((const uint8_t *)text, len);	/* all of it can be read */

	(void)arg;
	free(copy);
	messages++;
}

static void
on_subscribed(void *arg)
{
	(void)arg;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct event_base *base;
	struct listener l = { .watch = { on_subscribed, on_message, NULL },
	    .backoff_ms = BACKOFF_MIN_MS };
	redisAsyncContext redis = { .data = &l };
	redisReader *reader;
	size_t piece;

	if (size == 0 || fuzz_redis_announces_much(data, size))
		return 0;
	if (base == NULL)
		base = event_base_new();
	l.timer = evtimer_new(base, on_timer, &l);
	reader = redisReaderCreate();
	must(l.timer != NULL && reader != NULL);
	piece = data[0] % 32 + 1;
	for (size_t at = 1; at < size; at += piece) {
		void *reply = NULL;

		if (redisReaderFeed(reader, (const char *)data + at,
		    size - at < piece ? size - at : piece) != REDIS_OK)
			break;
		while (redisReaderGetReply(reader, &reply) == REDIS_OK && reply != NULL) {
			on_reply(&redis, reply, NULL);
			freeReplyObject(reply);
		}
	}
	must(l.backoff_ms >= BACKOFF_MIN_MS && l.backoff_ms <= BACKOFF_MAX_MS);
	must(!l.subscribed || !l.down);
	redisReaderFree(reader);
	event_free(l.timer);
	return 0;
}
