/* Following what readers are told. All readers get the same bytes, so each frame is
 * understood once and then known again. */
#include "ledger.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

#define KNOWN 1024	/* frames remembered; a power of two */

/* A drop's stock as a frame tells it. */
struct state {
	int drop;	/* its place in ledger.ids */
	int64_t version, available, reserved, sold;
	int64_t at_ms;
};

/* What a frame's JSON means. */
struct known {
	char *bytes;
	size_t len;
	int count;
	struct state *states;
};

struct ledger {
	int readers, drops_max, drops;
	FILE *arrivals;
	int64_t *ids;
	struct state *told;	/* [reader * drops_max + drop]; version 0: nothing yet */
	struct known known[KNOWN];
	uint64_t updates, snapshots, others;
	uint64_t backwards, unsound;
	struct histogram age, behind;
};

struct ledger *
ledger_new(int readers, int drops, FILE *arrivals)
{
	struct ledger *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->readers = readers;
	l->drops_max = drops;
	l->arrivals = arrivals;
	l->ids = calloc((size_t)drops, sizeof(l->ids[0]));
	l->told = calloc((size_t)readers * (size_t)drops, sizeof(l->told[0]));
	if (l->ids == NULL || l->told == NULL) {
		ledger_free(l);
		return NULL;
	}
	return l;
}

void
ledger_free(struct ledger *l)
{
	if (l == NULL)
		return;
	for (int i = 0; i < KNOWN; i++) {
		free(l->known[i].bytes);
		free(l->known[i].states);
	}
	free(l->ids);
	free(l->told);
	free(l);
}

/* The drop's place; -1 when there is no room for one more. */
static int
find_drop(struct ledger *l, int64_t id)
{
	for (int i = 0; i < l->drops; i++)
		if (l->ids[i] == id)
			return i;
	if (l->drops == l->drops_max)
		return -1;
	l->ids[l->drops] = id;
	return l->drops++;
}

static int64_t
number(struct json_object *o, const char *name)
{
	struct json_object *member;

	return json_object_object_get_ex(o, name, &member) &&
	    json_object_is_type(member, json_type_int) ? json_object_get_int64(member) : -1;
}

/* Reads one stock; false when it isn't one, or doesn't add up. */
static bool
read_state(struct ledger *l, struct json_object *o, struct state *s)
{
	struct json_object *at;

	if (!json_object_is_type(o, json_type_object) || number(o, "dropId") < 1 ||
	    !json_object_object_get_ex(o, "at", &at) || !json_object_is_type(at, json_type_string))
		return false;
	*s = (struct state){ .drop = find_drop(l, number(o, "dropId")),
		.version = number(o, "version"), .available = number(o, "availableStock"),
		.reserved = number(o, "reservedStock"), .sold = number(o, "soldStock"),
		.at_ms = time_parse(json_object_get_string(at)) };
	return s->drop >= 0 && s->version > 0 && s->available >= 0 && s->reserved >= 0 &&
	    s->sold >= 0 && s->at_ms > 0 &&
	    s->available + s->reserved + s->sold == number(o, "totalStock");
}

/* Reads a stock, or a list of them, into `k`. */
static void
read_states(struct ledger *l, struct json_object *o, struct known *k)
{
	bool list = json_object_is_type(o, json_type_array);
	size_t n = list ? json_object_array_length(o) : 1;

	k->states = calloc(n + 1, sizeof(k->states[0]));
	if (k->states == NULL)
		abort();
	for (size_t i = 0; i < n; i++) {
		if (read_state(l, list ? json_object_array_get_idx(o, i) : o, &k->states[k->count]))
			k->count++;
		else
			l->unsound++;
	}
}

static struct known *
slot_of(struct ledger *l, const char *json, size_t len)
{
	uint64_t h = len, word;

	for (size_t i = 0; i + sizeof(word) <= len && i < 96; i += sizeof(word)) {
		memcpy(&word, json + i, sizeof(word));
		h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
	}
	return &l->known[h & (KNOWN - 1)];
}

/* What `json` says: known already, or read now. */
static const struct known *
understand(struct ledger *l, const char *json, size_t len)
{
	struct known *k = slot_of(l, json, len);
	struct json_tokener *tokener;
	struct json_object *o;

	if (k->len == len && memcmp(k->bytes, json, len) == 0)
		return k;
	free(k->bytes);
	free(k->states);
	*k = (struct known){ .bytes = malloc(len + 1), .len = len };
	tokener = json_tokener_new();
	if (k->bytes == NULL || tokener == NULL)
		abort();
	memcpy(k->bytes, json, len);
	o = json_tokener_parse_ex(tokener, json, (int)len);
	read_states(l, o, k);
	json_object_put(o);
	json_tokener_free(tokener);
	return k;
}

/* The value of the frame's line `name: value`; NULL when it has none. */
static const char *
line(const char *frame, size_t len, const char *name, size_t *value_len)
{
	size_t name_len = strlen(name);
	const char *end = frame + len, *stop;

	for (; frame < end; frame = stop + 1) {
		stop = memchr(frame, '\n', (size_t)(end - frame));
		if (stop == NULL)
			stop = end;
		if ((size_t)(stop - frame) > name_len && memcmp(frame, name, name_len) == 0) {
			*value_len = (size_t)(stop - frame) - name_len;
			return frame + name_len;
		}
	}
	return NULL;
}

/* A change is one version. When several came as one, the oldest of them is younger than
 * what the reader held: that bounds how long it had been showing old stock. */
static void
take_age(struct ledger *l, const struct state *before, const struct state *s, int64_t now_ms)
{
	bool merged = before->version > 0 && s->version > before->version + 1;

	histogram_add(&l->age, now_ms - s->at_ms);
	histogram_add(&l->behind, now_ms - (merged ? before->at_ms : s->at_ms));
	if (l->arrivals != NULL)
		fprintf(l->arrivals, "%lld %lld %lld\n", (long long)l->ids[s->drop],
		    (long long)s->version, (long long)now_ms);
}

static void
take_update(struct ledger *l, int reader, const char *json, size_t len, int64_t now_ms)
{
	const struct known *k = understand(l, json, len);
	struct state *told = &l->told[(size_t)reader * (size_t)l->drops_max];

	l->updates++;
	if (k->count == 0)
		return;
	told += k->states[0].drop;
	l->backwards += k->states[0].version <= told->version;
	take_age(l, told, &k->states[0], now_ms);
	*told = k->states[0];
}

/* A later snapshot may repeat what is known, and may not go back behind it. */
static void
take_snapshot(struct ledger *l, int reader, const char *json, size_t len)
{
	static const char begin[] = "\"drops\":";
	struct state *told = &l->told[(size_t)reader * (size_t)l->drops_max];
	const char *list = memmem(json, len, begin, sizeof(begin) - 1);
	const struct known *k;

	l->snapshots++;
	if (list == NULL || json[len - 1] != '}') {
		l->unsound++;
		return;
	}
	list += sizeof(begin) - 1;
	k = understand(l, list, len - 1 - (size_t)(list - json));
	for (int i = 0; i < k->count; i++) {
		const struct state *s = &k->states[i];

		l->backwards += s->version < told[s->drop].version;
		told[s->drop] = *s;
	}
}

void
ledger_take(struct ledger *l, int reader, const char *frame, size_t len, int64_t now_ms)
{
	size_t event_len = 0, data_len = 0;
	const char *event = line(frame, len, "event: ", &event_len);
	const char *data = line(frame, len, "data: ", &data_len);

	if (event != NULL && data != NULL && event_len == 12 && memcmp(event, "stock:update", 12) == 0)
		take_update(l, reader, data, data_len, now_ms);
	else if (event != NULL && data != NULL && event_len == 8 && memcmp(event, "snapshot", 8) == 0)
		take_snapshot(l, reader, data, data_len);
	else
		l->others++;
}

void
ledger_reset(struct ledger *l)
{
	memset(&l->age, 0, sizeof(l->age));
	memset(&l->behind, 0, sizeof(l->behind));
}

bool
ledger_sound(const struct ledger *l)
{
	return l->backwards == 0 && l->unsound == 0;
}

static bool
same(const struct state *a, const struct state *b)
{
	return a->version == b->version && a->available == b->available &&
	    a->reserved == b->reserved && a->sold == b->sold;
}

static void
print_drop(const struct ledger *l, int drop, FILE *out)
{
	const struct state *newest = &l->told[drop];
	int agree = 0;

	for (int i = 1; i < l->readers; i++) {
		const struct state *s = &l->told[(size_t)i * (size_t)l->drops_max + (size_t)drop];

		if (s->version > newest->version)
			newest = s;
	}
	for (int i = 0; i < l->readers; i++)
		agree += same(newest, &l->told[(size_t)i * (size_t)l->drops_max + (size_t)drop]);
	fprintf(out, "{\"id\":%lld,\"version\":%lld,\"available\":%lld,\"reserved\":%lld,"
	    "\"sold\":%lld,\"agree\":%d}", (long long)l->ids[drop], (long long)newest->version,
	    (long long)newest->available, (long long)newest->reserved, (long long)newest->sold,
	    agree);
}

void
ledger_print(const struct ledger *l, FILE *out)
{
	fprintf(out, "\"updates\":%llu,\"snapshots\":%llu,\"others\":%llu,\"backwards\":%llu,"
	    "\"unsound\":%llu,\"staleness\":", (unsigned long long)l->updates,
	    (unsigned long long)l->snapshots, (unsigned long long)l->others,
	    (unsigned long long)l->backwards, (unsigned long long)l->unsound);
	histogram_print(out, &l->age);
	fputs(",\"behind\":", out);
	histogram_print(out, &l->behind);
	fputs(",\"drops\":[", out);
	for (int i = 0; i < l->drops; i++) {
		if (i > 0)
			putc(',', out);
		print_drop(l, i, out);
	}
	putc(']', out);
}
