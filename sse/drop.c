/* One drop's stock, and reading it. */
#include "drop.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "json.h"

#define SIZES_MAX	1000	/* of one drop */
#define RECENT_MAX	16	/* purchasers taken from one drop */
#define COUNT_MAX	INT64_C(1000000000000)
#define VERSION_MAX	(INT64_MAX / SIZES_MAX - 1)	/* so that their sum fits */

void
time_text(int64_t ms, char out[TIME_TEXT_LEN])
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;
	char day[24];

	gmtime_r(&seconds, &tm);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out, TIME_TEXT_LEN, "%s.%03dZ", day, (int)(ms % 1000));
}

int64_t
time_ms(const char *text)
{
	struct tm tm = { 0 };
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	char *end;
	long ms;

	if (rest == NULL || rest[0] != '.' || rest[1] < '0' || rest[1] > '9')
		return 0;
	ms = strtol(rest + 1, &end, 10);
	if (end != rest + 4 || strcmp(end, "Z") != 0)
		return 0;
	return (int64_t)timegm(&tm) * 1000 + ms;
}

bool
json_line(struct json_object *o, struct buf *out)
{
	const char *s = json_object_to_json_string_ext(o,
	    JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);

	if (s == NULL)
		return false;
	buf_puts(out, s);
	return !out->failed;
}

static bool
whole(struct json_object *o, const char *name, int64_t max, int64_t *value)
{
	struct json_object *member;

	return json_object_object_get_ex(o, name, &member) && json_whole(member, 0, max, value);
}

static bool
size_parse(struct json_object *o, struct size *size)
{
	struct json_object *name;

	if (!json_object_is_type(o, json_type_object) ||
	    !json_object_object_get_ex(o, "size", &name) || json_text(name) == NULL ||
	    !whole(o, "totalStock", COUNT_MAX, &size->total) ||
	    !whole(o, "availableStock", COUNT_MAX, &size->available) ||
	    !whole(o, "reservedStock", COUNT_MAX, &size->reserved) ||
	    !whole(o, "soldStock", COUNT_MAX, &size->sold) ||
	    !whole(o, "version", VERSION_MAX, &size->version))
		return false;
	size->name = strdup(json_text(name));
	return size->name != NULL;
}

void
stock_free(struct stock *stock)
{
	for (int i = 0; i < stock->count; i++)
		free(stock->sizes[i].name);
	free(stock->sizes);
	*stock = (struct stock){ 0 };
}

static void
sum_versions(struct stock *stock)
{
	stock->version = 0;
	for (int i = 0; i < stock->count; i++)
		stock->version += stock->sizes[i].version;
}

/* The message's own time when it tells one, or now. */
static void
take_time(struct json_object *o, char out[TIME_TEXT_LEN])
{
	struct json_object *at;
	const char *s = json_object_object_get_ex(o, "at", &at) ? json_text(at) : NULL;

	if (s != NULL && strlen(s) < TIME_TEXT_LEN)
		strcpy(out, s);
	else
		time_text(clock_db_ms(), out);
}

bool
stock_parse(struct json_object *o, const char *id_name, struct stock *stock)
{
	struct json_object *sizes;
	size_t count;

	*stock = (struct stock){ 0 };
	if (!whole(o, id_name, INT64_MAX, &stock->drop) || stock->drop < 1 ||
	    !json_object_object_get_ex(o, "sizes", &sizes) ||
	    !json_object_is_type(sizes, json_type_array))
		return false;
	count = json_object_array_length(sizes);
	if (count < 1 || count > SIZES_MAX)
		return false;
	stock->sizes = calloc(count, sizeof(stock->sizes[0]));
	if (stock->sizes == NULL)
		return false;
	for (size_t i = 0; i < count; i++, stock->count++) {
		if (!size_parse(json_object_array_get_idx(sizes, i), &stock->sizes[i])) {
			stock_free(stock);
			return false;
		}
	}
	sum_versions(stock);
	take_time(o, stock->at);
	return true;
}

static struct size *
size_find(struct stock *stock, const char *name)
{
	for (int i = 0; i < stock->count; i++)
		if (strcmp(stock->sizes[i].name, name) == 0)
			return &stock->sizes[i];
	return NULL;
}

/* Adds a size; NULL when memory is out (it is told again before long). */
static struct size *
size_add(struct stock *stock, const char *name)
{
	struct size *grown;
	char *copy;

	if (stock->count >= SIZES_MAX)
		return NULL;
	grown = realloc(stock->sizes, (size_t)(stock->count + 1) * sizeof(*grown));
	if (grown == NULL)
		return NULL;
	stock->sizes = grown;
	copy = strdup(name);
	if (copy == NULL)
		return NULL;
	grown[stock->count] = (struct size){ .name = copy, .version = -1 };
	return &grown[stock->count++];
}

bool
stock_merge(struct stock *stock, const struct stock *news)
{
	bool newer = false;

	for (int i = 0; i < news->count; i++) {
		const struct size *from = &news->sizes[i];
		struct size *to = size_find(stock, from->name);
		char *name;

		if (to == NULL)
			to = size_add(stock, from->name);
		if (to == NULL || from->version <= to->version)
			continue;
		name = to->name;
		*to = *from;
		to->name = name;
		newer = true;
	}
	if (newer) {
		memcpy(stock->at, news->at, sizeof(stock->at));
		sum_versions(stock);
	}
	return newer;
}

static void
render_counts(struct buf *out, int64_t total, int64_t available, int64_t reserved, int64_t sold)
{
	buf_printf(out, "\"totalStock\":%" PRId64 ",\"availableStock\":%" PRId64
	    ",\"reservedStock\":%" PRId64 ",\"soldStock\":%" PRId64, total, available, reserved,
	    sold);
}

void
stock_render(const struct stock *stock, struct buf *out)
{
	int64_t total = 0, available = 0, reserved = 0, sold = 0;

	for (int i = 0; i < stock->count; i++) {
		total += stock->sizes[i].total;
		available += stock->sizes[i].available;
		reserved += stock->sizes[i].reserved;
		sold += stock->sizes[i].sold;
	}
	buf_printf(out, "{\"dropId\":%" PRId64 ",\"version\":%" PRId64 ",", stock->drop,
	    stock->version);
	render_counts(out, total, available, reserved, sold);
	buf_puts(out, ",\"sizes\":[");
	for (int i = 0; i < stock->count; i++) {
		const struct size *s = &stock->sizes[i];

		buf_puts(out, i > 0 ? ",{\"size\":" : "{\"size\":");
		buf_json(out, s->name);
		buf_puts(out, ",");
		render_counts(out, s->total, s->available, s->reserved, s->sold);
		buf_printf(out, ",\"version\":%" PRId64 "}", s->version);
	}
	buf_puts(out, "],\"at\":");
	buf_json(out, stock->at);
	buf_puts(out, "}");
}

static bool
purchaser_parse(struct json_object *o, struct purchaser *p)
{
	struct json_object *name, *at;

	if (!json_object_is_type(o, json_type_object) ||
	    !json_object_object_get_ex(o, "username", &name) || json_text(name) == NULL ||
	    !json_object_object_get_ex(o, "purchasedAt", &at) || json_text(at) == NULL)
		return false;
	p->username = strdup(json_text(name));
	p->purchased_at = strdup(json_text(at));
	return p->username != NULL && p->purchased_at != NULL;
}

static bool
recent_parse(struct json_object *drop, struct drop_news *news)
{
	struct json_object *list;
	size_t count;

	if (!json_object_object_get_ex(drop, "recentPurchasers", &list) || list == NULL)
		return true;
	if (!json_object_is_type(list, json_type_array))
		return false;
	count = json_object_array_length(list);
	if (count > RECENT_MAX)
		count = RECENT_MAX;
	if (count == 0)
		return true;
	news->recent = calloc(count, sizeof(news->recent[0]));
	if (news->recent == NULL)
		return false;
	news->recent_count = (int)count;
	for (size_t i = 0; i < count; i++)
		if (!purchaser_parse(json_object_array_get_idx(list, i), &news->recent[i]))
			return false;
	return true;
}

bool
drop_news_parse(struct json_object *drop, struct drop_news *news)
{
	struct buf json = { 0 };

	*news = (struct drop_news){ 0 };
	if (!json_object_is_type(drop, json_type_object) ||
	    !stock_parse(drop, "id", &news->stock) ||
	    !whole(drop, "revision", INT64_MAX, &news->revision) || !recent_parse(drop, news))
		return false;
	news->full = true;
	news->drop = news->stock.drop;
	news->version = news->stock.version;
	buf_puts(&json, "{\"drop\":");
	if (!json_line(drop, &json)) {
		buf_free(&json);
		return false;
	}
	buf_puts(&json, "}");
	if (json.failed) {
		buf_free(&json);
		return false;
	}
	news->json = json.data;
	return true;
}

void
drop_news_free(struct drop_news *news)
{
	stock_free(&news->stock);
	for (int i = 0; i < news->recent_count; i++) {
		free(news->recent[i].username);
		free(news->recent[i].purchased_at);
	}
	free(news->recent);
	free(news->json);
	*news = (struct drop_news){ 0 };
}
