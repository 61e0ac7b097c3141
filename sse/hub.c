/* The state of the drops and the changes to it. */
#include "hub.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "clock.h"
#include "drop.h"
#include "json.h"
#include "log.h"
#include "seen.h"

#define MESSAGE_MAX	(256 * 1024)
#define LAGS_MAX	512		/* changes of one round whose age is counted */
#define PENDING_MAX	8192		/* events waiting for one tick */
#define CLOSED_KEEP_MS	600000		/* how long a closed drop's versions are known */

struct drop {
	struct stock stock;
	int64_t sent_version;	/* as last sent; -1: never */
	int64_t revision;	/* -1: only its stock was ever told */
	bool open;		/* belongs into snapshots */
	bool dirty;		/* on the list of those to send */
	struct drop *next_dirty;
	uint64_t told;		/* number of the last poll before Redis told of it */
	uint64_t polled;	/* number of the last poll that knew it */
	int64_t closed_ms;
	int64_t changed_ms;	/* since 1970: the oldest change that is to be sent; 0: not told */
};

/* An event that is passed on as it is. */
struct pending {
	struct pending *next;
	const char *event;
	int64_t drop;
	size_t len;
	char data[];
};

struct queue {
	struct pending *head, **tail;
};

struct hub {
	struct board *board;
	struct hub_watch watch;
	struct hub_stats stats;
	bool database_ok;
	struct drop **drops;	/* in order of id */
	int count, cap;
	struct drop *dirty, **dirty_tail;
	struct queue news, purchases;
	int pending;
	uint64_t polls_sent;
	int64_t lags[LAGS_MAX];	/* changed_ms of what the last flush sent */
	int lag_count;
	struct seen *seen;	/* purchases already passed on */
	struct buf scratch;
};

static void
queue_init(struct queue *q)
{
	q->head = NULL;
	q->tail = &q->head;
}

static void
queue_clear(struct queue *q)
{
	while (q->head != NULL) {
		struct pending *p = q->head;

		q->head = p->next;
		free(p);
	}
	queue_init(q);
}

static void
drop_free(struct drop *d)
{
	stock_free(&d->stock);
	free(d);
}

/* Puts a notice on the board, and tells who keeps others. */
static bool
post(struct hub *hub, const struct notice *n)
{
	if (!board_take(hub->board, n))
		return false;
	hub->watch.posted(hub->watch.arg, n);
	return true;
}

/* Forgets all drops and everything that waits to be sent. */
static void
forget_all(struct hub *hub)
{
	for (int i = 0; i < hub->count; i++)
		drop_free(hub->drops[i]);
	hub->count = 0;
	hub->stats.drops = 0;
	hub->dirty = NULL;
	hub->dirty_tail = &hub->dirty;
	queue_clear(&hub->news);
	queue_clear(&hub->purchases);
	hub->pending = 0;
}

struct hub *
hub_new(size_t log_bytes)
{
	struct hub *hub = calloc(1, sizeof(*hub));

	if (hub == NULL)
		return NULL;
	queue_init(&hub->news);
	queue_init(&hub->purchases);
	hub->dirty_tail = &hub->dirty;
	hub->seen = seen_new();
	hub->board = board_new(log_bytes);
	if (hub->seen == NULL || hub->board == NULL) {
		hub_free(hub);
		return NULL;
	}
	return hub;
}

void
hub_free(struct hub *hub)
{
	if (hub == NULL)
		return;
	forget_all(hub);
	free(hub->drops);
	seen_free(hub->seen);
	board_free(hub->board);
	buf_free(&hub->scratch);
	free(hub);
}

void
hub_watch(struct hub *hub, const struct hub_watch *watch)
{
	hub->watch = *watch;
}

bool
hub_database_ok(const struct hub *hub)
{
	return hub->database_ok;
}

struct board *
hub_board(const struct hub *hub)
{
	return hub->board;
}

struct hub_pairs
hub_pairs(const struct hub *hub)
{
	struct hub_pairs all = { 0 };

	for (int i = 0; i < hub->count; i++) {
		const struct stock *s = &hub->drops[i]->stock;
		int64_t available = 0;

		if (!hub->drops[i]->open)
			continue;
		for (int k = 0; k < s->count; k++) {
			available += s->sizes[k].available;
			all.reserved += s->sizes[k].reserved;
			all.sold += s->sizes[k].sold;
		}
		all.available += available;
		all.without += available == 0;
	}
	return all;
}

const struct hub_stats *
hub_stats(const struct hub *hub)
{
	return &hub->stats;
}

/* Where `id` is in the list of drops, or would be. */
static int
place(const struct hub *hub, int64_t id)
{
	int low = 0, high = hub->count;

	while (low < high) {
		int middle = (low + high) / 2;

		if (hub->drops[middle]->stock.drop < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct drop *
drop_find(const struct hub *hub, int64_t id)
{
	int i = place(hub, id);

	return i < hub->count && hub->drops[i]->stock.drop == id ? hub->drops[i] : NULL;
}

/* The drop `id`, made when it is not known; NULL when memory is out. */
static struct drop *
drop_get(struct hub *hub, int64_t id)
{
	int i = place(hub, id);
	struct drop *d;

	if (i < hub->count && hub->drops[i]->stock.drop == id)
		return hub->drops[i];
	if (hub->count == hub->cap) {
		int cap = hub->cap > 0 ? hub->cap * 2 : 64;
		struct drop **grown = realloc(hub->drops, (size_t)cap * sizeof(*grown));

		if (grown == NULL)
			return NULL;
		hub->drops = grown;
		hub->cap = cap;
	}
	d = calloc(1, sizeof(*d));
	if (d == NULL)
		return NULL;
	d->stock.drop = id;
	d->revision = -1;
	d->sent_version = -1;
	memmove(&hub->drops[i + 1], &hub->drops[i], (size_t)(hub->count - i) * sizeof(*hub->drops));
	hub->drops[i] = d;
	hub->count++;
	return d;
}

/* Sends the stock as it is, or only has snapshots show it; false when memory is out. */
static bool
tell_stock(struct hub *hub, struct drop *d, enum notice_kind kind)
{
	struct buf *b = &hub->scratch;

	buf_clear(b);
	stock_render(&d->stock, b);
	if (b->failed || !post(hub, &(struct notice){ .kind = kind, .key = d->stock.drop,
	    .name = STOCK_EVENT, .data = b->data, .len = b->len })) {
		log_error("no memory for the stock of a drop");
		d->sent_version = -1;
		return false;
	}
	d->sent_version = d->stock.version;
	return true;
}

static void
mark_dirty(struct hub *hub, struct drop *d)
{
	if (d->dirty)
		return;
	d->dirty = true;
	d->next_dirty = NULL;
	*hub->dirty_tail = d;
	hub->dirty_tail = &d->next_dirty;
	hub->watch.changed(hub->watch.arg);
}

/* A drop comes into, or leaves, what snapshots show. One that comes back is shown as
 * it was last sent, or else when it is sent. */
static void
drop_open(struct hub *hub, struct drop *d, bool open)
{
	if (d->open == open)
		return;
	d->open = open;
	d->closed_ms = open ? 0 : clock_ms();
	hub->stats.drops += open ? 1 : -1;
	if (!open)
		post(hub, &(struct notice){ .kind = NOTICE_HIDDEN, .key = d->stock.drop });
	else if (d->sent_version >= 0 && !d->dirty && !tell_stock(hub, d, NOTICE_SHOWN))
		mark_dirty(hub, d);
}

static void
pass_on(struct hub *hub, struct queue *q, const char *event, int64_t drop, const char *data,
    size_t len)
{
	struct pending *p = hub->pending < PENDING_MAX ? malloc(sizeof(*p) + len) : NULL;

	if (p == NULL) {
		board_lost(hub->board);
		return;
	}
	*p = (struct pending){ .event = event, .drop = drop, .len = len };
	memcpy(p->data, data, len);
	*q->tail = p;
	q->tail = &p->next;
	hub->pending++;
	hub->watch.changed(hub->watch.arg);
}

static void
take_stock(struct hub *hub, struct drop *d, const struct stock *stock)
{
	if (stock_merge(&d->stock, stock))
		mark_dirty(hub, d);
}

/* Passes on a drop that is new, or changed in more than its stock; told twice, by
 * Redis and by the database, it goes out once. */
static void
take_revision(struct hub *hub, struct drop *d, const struct drop_news *news, const char *event)
{
	if (news->revision <= d->revision)
		return;
	d->revision = news->revision;
	pass_on(hub, &hub->news, event, news->drop, news->json, strlen(news->json));
}

static void
take_purchase(struct hub *hub, int64_t drop, const char *username, const char *at)
{
	struct buf *b = &hub->scratch;

	if (!seen_add(hub->seen, drop, username, at))
		return;
	buf_clear(b);
	buf_printf(b, "{\"dropId\":%lld,\"username\":", (long long)drop);
	buf_json(b, username);
	buf_puts(b, ",\"purchasedAt\":");
	buf_json(b, at);
	buf_puts(b, "}");
	if (!b->failed)
		pass_on(hub, &hub->purchases, "purchase:completed", drop, b->data, b->len);
}

/*
 * Messages from Redis. Each returns whether the message made sense.
 */

static bool
on_stock(struct hub *hub, struct json_object *data)
{
	struct stock stock;
	struct drop *d;
	bool waits;

	if (!stock_parse(data, "dropId", &stock))
		return false;
	d = drop_get(hub, stock.drop);
	if (d != NULL) {
		d->told = hub->polls_sent;
		drop_open(hub, d, true);
		waits = d->dirty;
		take_stock(hub, d, &stock);
		if (!waits && d->dirty)
			d->changed_ms = time_ms(stock.at);
	}
	stock_free(&stock);
	return d != NULL;
}

static bool
on_drop(struct hub *hub, struct json_object *data, const char *event)
{
	struct json_object *drop;
	struct drop_news news = { 0 };
	struct drop *d = NULL;

	if (!json_object_object_get_ex(data, "drop", &drop))
		return false;
	if (drop_news_parse(drop, &news))
		d = drop_get(hub, news.drop);
	if (d != NULL) {
		d->told = hub->polls_sent;
		drop_open(hub, d, true);
		take_revision(hub, d, &news, event);
		take_stock(hub, d, &news.stock);
	}
	drop_news_free(&news);
	return d != NULL;
}

static bool
on_purchase(struct hub *hub, struct json_object *data)
{
	struct json_object *drop, *username, *at;
	int64_t id;

	if (!json_object_object_get_ex(data, "dropId", &drop) ||
	    !json_whole(drop, 1, INT64_MAX, &id) ||
	    !json_object_object_get_ex(data, "username", &username) || json_text(username) == NULL ||
	    !json_object_object_get_ex(data, "purchasedAt", &at) || json_text(at) == NULL)
		return false;
	take_purchase(hub, id, json_text(username), json_text(at));
	return true;
}

/* A message for one user, `@USER EVENT DATA`: kept as it is. It is one line, and what a
 * stored function made of it is JSON; only that no control character breaks out of its
 * frame is made sure of here. */
static bool
on_private(struct hub *hub, const char *text, size_t len)
{
	static const char *const names[] = { "reservation:update", "reservation:expired" };
	const char *end = text + len, *p = text + 1;
	int64_t user = 0;

	for (; p < end && *p >= '0' && *p <= '9' && user <= INT64_MAX / 10 - 1; p++)
		user = user * 10 + (*p - '0');
	if (user < 1 || p == end || *p++ != ' ')
		return false;
	for (const char *c = p; c < end; c++)
		if ((unsigned char)*c < 0x20)
			return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t n = strlen(names[i]);

		if ((size_t)(end - p) < n + 3 || memcmp(p, names[i], n) != 0 || p[n] != ' ' ||
		    p[n + 1] != '{' || end[-1] != '}')
			continue;
		hub->watch.changed(hub->watch.arg);	/* so that it goes out with what made it */
		return post(hub, &(struct notice){ .kind = NOTICE_PRIVATE, .key = user,
		    .name = names[i], .data = p + n + 1, .len = (size_t)(end - p) - n - 1 });
	}
	return false;
}

static bool
take_message(struct hub *hub, struct json_object *message)
{
	struct json_object *event, *data, *user;
	const char *name;
	int64_t user_id = 0;

	name = json_object_object_get_ex(message, "event", &event) ? json_text(event) : NULL;
	if (name == NULL)
		return false;
	if (json_object_object_get_ex(message, "user", &user) && user != NULL &&
	    !json_whole(user, 1, INT64_MAX, &user_id))
		return false;
	if (strcmp(name, "session:ended") == 0) {
		if (user_id > 0)
			post(hub, &(struct notice){ .kind = NOTICE_ENDED, .key = user_id });
		return user_id > 0;
	}
	if (!json_object_object_get_ex(message, "data", &data) ||
	    !json_object_is_type(data, json_type_object))
		return false;
	if (strcmp(name, STOCK_EVENT) == 0)
		return on_stock(hub, data);
	if (strcmp(name, "drop:created") == 0)
		return on_drop(hub, data, "drop:created");
	if (strcmp(name, "drop:updated") == 0)
		return on_drop(hub, data, "drop:updated");
	if (strcmp(name, "purchase:completed") == 0)
		return on_purchase(hub, data);
	return false;
}

/* Before the first state is read messages wait in nobody's memory: the read that
 * is under way, or the next, holds what they tell. */
void
hub_message(struct hub *hub, const char *text, size_t len)
{
	struct json_object *message = NULL;
	const char *why = "It is not as agreed.";
	bool ok = false;

	hub->stats.messages++;
	if (!board_ready(hub->board))
		return;
	if (len > MESSAGE_MAX)
		why = "It is too long.";
	else if (len > 0 && text[0] == '@')
		ok = on_private(hub, text, len);
	else if ((message = json_parse_object(text, len, &why)) != NULL)
		ok = take_message(hub, message);
	if (!ok && hub->stats.messages_bad++ == 0)
		log_error("a message makes no sense (later ones are only counted): %s",
		    message == NULL ? why : "Its members are not as agreed.");
	json_object_put(message);
}

/*
 * The database.
 */

struct poll_request *
hub_poll(struct hub *hub)
{
	struct poll_request *request = malloc(sizeof(*request) +
	    (size_t)hub->count * sizeof(request->known[0]));

	if (request == NULL)
		return NULL;
	request->number = ++hub->polls_sent;
	request->count = 0;
	for (int i = 0; i < hub->count; i++) {
		const struct drop *d = hub->drops[i];

		if (d->open && d->revision >= 0)
			request->known[request->count++] = (struct known){
				d->stock.drop, d->stock.version };
	}
	return request;
}

static void
note_purchases(struct hub *hub, const struct drop_news *news, bool tell)
{
	for (int i = news->recent_count - 1; i >= 0; i--) {
		const struct purchaser *p = &news->recent[i];

		if (tell)
			take_purchase(hub, news->drop, p->username, p->purchased_at);
		else
			seen_add(hub->seen, news->drop, p->username, p->purchased_at);
	}
}

/* A drop of a state that replaces the one before: nothing of it is news. */
static void
replace_one(struct hub *hub, const struct drop_news *news)
{
	struct drop *d = news->full ? drop_get(hub, news->drop) : NULL;

	if (d == NULL)
		return;
	stock_merge(&d->stock, &news->stock);
	d->revision = news->revision;
	drop_open(hub, d, true);
	note_purchases(hub, news, false);
	if (!tell_stock(hub, d, NOTICE_SHOWN))
		mark_dirty(hub, d);
}

/* The number skipped leaves everyone behind who has had all there was. */
static void
begin_epoch(struct hub *hub)
{
	const struct feed *f = board_feed(hub->board);
	char name[FEED_EPOCH_LEN];

	feed_name_epoch(f, name);
	post(hub, &(struct notice){ .kind = NOTICE_RENEWED, .name = name,
	    .seq = feed_last(f) + board_ready(hub->board), .private_seq = feed_last_private(f) });
}

/* What was sent may have been lost with the server: a new epoch. */
static void
replace_all(struct hub *hub, const struct poll_answer *answer)
{
	bool first = !board_ready(hub->board);

	forget_all(hub);
	begin_epoch(hub);
	if (!first)
		log_info("the database may have lost what was sent: epoch %s begins",
		    board_feed(hub->board)->epoch);
	for (int i = 0; i < answer->count; i++)
		replace_one(hub, &answer->news[i]);
	hub->watch.changed(hub->watch.arg);
}

void
hub_renew(struct hub *hub)
{
	if (!board_ready(hub->board))
		return;
	begin_epoch(hub);
	for (int i = 0; i < hub->count; i++)
		if (hub->drops[i]->open && !tell_stock(hub, hub->drops[i], NOTICE_SHOWN))
			mark_dirty(hub, hub->drops[i]);
	hub->watch.changed(hub->watch.arg);
}

static void
merge_one(struct hub *hub, const struct drop_news *news, uint64_t number)
{
	struct drop *d = news->full ? drop_get(hub, news->drop) : drop_find(hub, news->drop);
	bool known;

	if (d == NULL)
		return;
	d->polled = number;
	if (!news->full)
		return;
	known = d->revision >= 0;
	drop_open(hub, d, true);
	take_revision(hub, d, news, known ? "drop:updated" : "drop:created");
	take_stock(hub, d, &news->stock);
	note_purchases(hub, news, known);
}

/* Closes what the answer did not name, unless Redis told of it after the question
 * was sent, and forgets what was closed long ago. */
static void
close_missing(struct hub *hub, uint64_t number)
{
	int64_t now = clock_ms();
	int kept = 0;

	for (int i = 0; i < hub->count; i++) {
		struct drop *d = hub->drops[i];

		if (d->open && d->polled != number && d->told < number)
			drop_open(hub, d, false);
		if (!d->open && !d->dirty && now - d->closed_ms > CLOSED_KEEP_MS)
			drop_free(d);
		else
			hub->drops[kept++] = d;
	}
	hub->count = kept;
}

void
hub_polled(struct hub *hub, const struct poll_answer *answer)
{
	hub->stats.polls++;
	hub->database_ok = answer->ok;
	if (!answer->ok) {
		hub->stats.polls_failed++;
		return;
	}
	if (!board_ready(hub->board) || answer->renewed) {
		replace_all(hub, answer);
		return;
	}
	for (int i = 0; i < answer->count; i++)
		merge_one(hub, &answer->news[i], answer->number);
	close_missing(hub, answer->number);
}

/*
 * What goes out.
 */

static void
send_queue(struct hub *hub, struct queue *q)
{
	for (struct pending *p = q->head; p != NULL; p = p->next, hub->pending--)
		post(hub, &(struct notice){ .kind = NOTICE_EVENT, .key = p->drop, .name = p->event,
		    .data = p->data, .len = p->len });
	queue_clear(q);
}

/* Sends each changed stock once, as it is now. What memory is short for stays on
 * the list. */
static void
send_stocks(struct hub *hub)
{
	while (hub->dirty != NULL) {
		struct drop *d = hub->dirty;

		if (d->stock.version > d->sent_version &&
		    !tell_stock(hub, d, d->open ? NOTICE_STOCK : NOTICE_EVENT))
			return;
		if (d->changed_ms > 0 && hub->lag_count < LAGS_MAX)
			hub->lags[hub->lag_count++] = d->changed_ms;
		d->changed_ms = 0;
		hub->dirty = d->next_dirty;
		d->dirty = false;
	}
	hub->dirty_tail = &hub->dirty;
}

void
hub_written(struct hub *hub)
{
	int64_t now = clock_db_ms();

	for (int i = 0; i < hub->lag_count; i++)
		histogram_add(&hub->stats.lag, (now - hub->lags[i]) * 1000);
	hub->lag_count = 0;
}

void
hub_flush(struct hub *hub)
{
	hub->lag_count = 0;
	send_queue(hub, &hub->news);
	send_stocks(hub);
	send_queue(hub, &hub->purchases);
}
