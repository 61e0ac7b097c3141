/* What the daemon is told. Each line is a message from Redis; after `!` a drop as the
 * database has it, after `!!` the same as all there is in another epoch. */
#include <stdlib.h>
#include <string.h>

#include "../../sse/hub.h"
#include "fuzz.h"
#include "json.h"

#define DROPS 64

/* What readers were told of each drop in this epoch. */
static struct {
	int64_t drop, version;
} told[DROPS];
static int told_count;

/* A frame is one line of JSON, or the browser would make two of it. */
static void
check_line(const char *data, size_t len)
{
	must(len >= 2 && data[0] == '{' && data[len - 1] == '}');
	must(memchr(data, '\n', len) == NULL && memchr(data, '\r', len) == NULL);
	must(memchr(data, '\0', len) == NULL);
}

static struct json_object *
read_json(const char *data, size_t len)
{
	char *text = fuzz_text((const uint8_t *)data, len);
	struct json_object *o;

	must(fuzz_utf8(text));
	o = json_tokener_parse(text);
	must(json_object_is_type(o, json_type_object));
	free(text);
	return o;
}

static int64_t
number(struct json_object *o, const char *name)
{
	struct json_object *member;
	int64_t n = -1;

	must(json_object_object_get_ex(o, name, &member));
	must(json_whole(member, 0, INT64_MAX, &n));
	return n;
}

/* The newest always wins. */
static void
check_stock(int64_t drop, struct json_object *stock)
{
	int64_t version = number(stock, "version");
	int i = 0;

	must(number(stock, "dropId") == drop);
	must(number(stock, "totalStock") >= 0);
	while (i < told_count && told[i].drop != drop)
		i++;
	if (i == DROPS)
		return;
	if (i == told_count)
		told[told_count++].drop = drop;
	else
		must(version > told[i].version);
	told[i].version = version;
}

static void
on_posted(void *arg, const struct notice *n)
{
	struct json_object *o;

	(void)arg;
	switch (n->kind) {
	case NOTICE_RENEWED:
		told_count = 0;
		break;
	case NOTICE_STOCK:
	case NOTICE_SHOWN:
	case NOTICE_EVENT:
		check_line(n->data, n->len);
		o = read_json(n->data, n->len);
		if (n->kind == NOTICE_STOCK)
			check_stock(n->key, o);
		json_object_put(o);
		break;
	case NOTICE_PRIVATE:
		check_line(n->data, n->len);
		must(n->key > 0);
		break;
	case NOTICE_HIDDEN:
	case NOTICE_ENDED:
		must(n->key > 0);
		break;
	}
}

static void
on_changed(void *arg)
{
	(void)arg;
}

/* The answer to a poll. */
static void
poll_says(struct hub *hub, const char *text, size_t len, bool renewed)
{
	struct poll_request *request = hub_poll(hub);
	struct poll_answer answer = { .ok = true, .renewed = renewed };
	struct drop_news news = { 0 };
	const char *why;
	struct json_object *o = json_parse_object(text, len, &why);

	must(request != NULL);
	for (int i = 1; i < request->count; i++)
		must(request->known[i].drop > request->known[i - 1].drop);
	answer.number = request->number;
	if (o != NULL && drop_news_parse(o, &news)) {
		answer.count = 1;
		answer.news = &news;
	}
	hub_polled(hub, &answer);
	drop_news_free(&news);
	json_object_put(o);
	free(request);
}

/* A snapshot is JSON whatever was told. */
static void
check_snapshot(struct hub *hub)
{
	struct snapshot *s = board_snapshot(hub_board(hub));
	struct buf text = { 0 };
	struct json_object *o, *drops;

	must(s != NULL);
	buf_puts(&text, "{");
	buf_add(&text, s->data, s->len - 2);
	o = read_json(text.data, text.len);
	must(json_object_object_get_ex(o, "drops", &drops) &&
	    json_object_is_type(drops, json_type_array));
	must((int)json_object_array_length(drops) <= hub_stats(hub)->drops);
	json_object_put(o);
	buf_free(&text);
	snapshot_release(s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	struct hub *hub = hub_new(65536);
	struct poll_answer nothing = { .ok = true, .renewed = true };
	size_t len;
	char *line;

	must(hub != NULL);
	hub_watch(hub, &(struct hub_watch){ on_changed, on_posted, NULL });
	hub_polled(hub, &nothing);
	while ((line = fuzz_line(&in, &len)) != NULL) {
		if (len > 1 && line[0] == '!' && line[1] == '!')
			poll_says(hub, line + 2, len - 2, true);
		else if (len > 0 && line[0] == '!')
			poll_says(hub, line + 1, len - 1, false);
		else
			hub_message(hub, line, len);
		free(line);	/* nothing may point into it */
		if (in.size % 3 != 0)
			hub_flush(hub);
	}
	hub_flush(hub);
	check_snapshot(hub);
	hub_free(hub);
	return 0;
}
