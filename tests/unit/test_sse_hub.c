/* The hub: merging, passing on once, epochs, snapshots, and places to go on from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "test_sse.h"
#include "clock.h"
#include "json.h"

#define LOG_TEXT 65536

static struct hub *hub;
static int changed, ended;
static uint64_t told;
static struct board *copy;	/* is told all that the hub's own board takes */

static const struct feed *hub_feed(const struct hub *h) { return board_feed(hub_board(h)); }

static void on_changed(void *arg) { (void)arg; changed++; }

static void
on_posted(void *arg, const struct notice *n)
{
	(void)arg;
	assert_true(board_take(copy, n));
	if (n->kind == NOTICE_PRIVATE)
		told = feed_last_private(hub_feed(hub));
	else if (n->kind == NOTICE_ENDED)
		ended = (int)n->key;
}

/* A drop's JSON as the database gives it: one size, `version` for it. */
static char *
drop_text(int id, int revision, int version, int available, const char *buyers)
{
	char *text = NULL;

	assert_true(asprintf(&text, "{\"id\" : %d, \"name\" : \"N\", \"revision\" : %d, \"sizes\" : "
	    "[{\"size\" : \"\", \"totalStock\" : 9, \"availableStock\" : %d, \"reservedStock\" : %d, "
	    "\"soldStock\" : 0, \"version\" : %d}], \n \"recentPurchasers\" : [%s]}", id, revision,
	    available, 9 - available, version, buyers) > 0);
	return text;
}

static void
news(struct drop_news *n, char *text)
{
	const char *why;
	struct json_object *o = json_parse_object(text, strlen(text), &why);

	assert_non_null(o);
	assert_true(drop_news_parse(o, n));
	json_object_put(o);
	free(text);
}

/* Answers the hub's next question with these drops (NULL: as known). */
static void
answer(bool renewed, int count, struct drop_news *list)
{
	struct poll_request *request = hub_poll(hub);
	struct poll_answer a = { .number = request->number, .ok = true, .renewed = renewed,
	    .count = count, .news = list };

	free(request);
	hub_polled(hub, &a);
	for (int i = 0; i < count; i++)
		drop_news_free(&list[i]);
}

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void
say(const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	hub_message(hub, text, strlen(text));
}

static void
say_stock(int id, const char *sizes)
{
	say("{\"event\":\"stock:update\",\"drop\":%d,\"user\":null,\"data\":{\"dropId\":%d,"
	    "\"sizes\":[%s],\"at\":\"T\"}}", id, id, sizes);
}

/* The frames in a log, one after another, in the order of their numbers. */
static void
log_of(const struct feed *f, uint64_t after, char text[LOG_TEXT])
{
	const struct ring *r = &f->public_log;

	text[0] = '\0';
	for (uint64_t seq = after + 1; seq < r->next; seq++) {
		const struct ring_entry *e = ring_entry(r, seq);
		struct iovec piece[2];
		int pieces = ring_pieces(r, e->at, e->len, piece);

		for (int i = 0; i < pieces; i++)
			strncat(text, piece[i].iov_base, piece[i].iov_len);
	}
}

static char *
log_text(uint64_t after)
{
	static char text[LOG_TEXT];

	log_of(hub_feed(hub), after, text);
	return text;
}

/* Whether another board that was told the same shows the same, under the same ids. */
static void
assert_copied(void)
{
	static char ours[LOG_TEXT], theirs[LOG_TEXT];
	const struct feed *f = hub_feed(hub), *g = board_feed(copy);
	struct snapshot *a = board_snapshot(hub_board(hub)), *b = board_snapshot(copy);

	assert_string_equal(f->epoch, g->epoch);
	assert_int_equal(feed_last(f), feed_last(g));
	assert_int_equal(feed_last_private(f), feed_last_private(g));
	log_of(f, f->public_log.first - 1, ours);
	log_of(g, g->public_log.first - 1, theirs);
	assert_string_equal(ours, theirs);
	assert_int_equal(a->len, b->len);
	assert_int_equal(a->seq, b->seq);
	assert_memory_equal(a->data, b->data, a->len);
	snapshot_release(a);
	snapshot_release(b);
}

static int
setup(void **state)
{
	struct drop_news first[1];

	(void)state;
	hub = hub_new(65536);
	if (hub == NULL)
		return -1;
	copy = board_new(65536);
	hub_watch(hub, &(struct hub_watch){ on_changed, on_posted, NULL });
	news(&first[0], drop_text(1, 1, 5, 9, ""));
	answer(true, 1, first);
	changed = ended = 0;
	told = 0;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	assert_copied();
	hub_free(hub);
	board_free(copy);
	return 0;
}

#define SIZE(name, a, v) "{\"size\":\"" name "\",\"totalStock\":9,\"availableStock\":" #a \
	",\"reservedStock\":0,\"soldStock\":" "0" ",\"version\":" #v "}"

static void
changes_of_one_tick_are_one_event(void **state)
{
	(void)state;
	say_stock(1, SIZE("", 8, 6));
	say_stock(1, SIZE("", 7, 7));
	say_stock(1, SIZE("", 6, 8));
	assert_int_equal(feed_last(hub_feed(hub)), 0);
	hub_flush(hub);
	assert_int_equal(feed_last(hub_feed(hub)), 1);
	assert_non_null(strstr(log_text(0), "\"version\":8,\"totalStock\":9,\"availableStock\":6"));
	hub_flush(hub);
	assert_int_equal(feed_last(hub_feed(hub)), 1);
}

/* A change of drop 1 that the database's clock put so many milliseconds ago. */
static void
say_change(int version, int64_t ago_ms)
{
	char at[TIME_TEXT_LEN];

	time_text(clock_db_ms() - ago_ms, at);
	say("{\"event\":\"stock:update\",\"drop\":1,\"user\":null,\"data\":{\"dropId\":1,\"sizes\":[{\"size\":\"\","
	    "\"totalStock\":9,\"availableStock\":5,\"reservedStock\":0,\"soldStock\":0,\"version\":%d}],\"at\":\"%s\"}}",
	    version, at);
}

/* Of those sent together the oldest; one that was there before, none; the hour cannot be before it
 * was. */
static void
each_change_has_its_age_when_it_is_written(void **state)
{
	const struct histogram *lag = &hub_stats(hub)->lag;

	(void)state;
	hub_written(hub);
	assert_int_equal(histogram_count(lag), 0);
	say_change(6, 60000);
	say_change(7, 20);
	hub_flush(hub);
	assert_int_equal(histogram_count(lag), 0);
	hub_written(hub);
	assert_int_equal(histogram_count(lag), 1);
	assert_in_range(lag->sum_us, 60000000, 120000000);
	hub_written(hub);
	say_change(7, 20);
	hub_flush(hub);
	hub_written(hub);
	assert_int_equal(histogram_count(lag), 1);
	say_change(8, -3600000);
	hub_flush(hub);
	hub_written(hub);
	assert_int_equal(histogram_count(lag), 2);
	assert_in_range(lag->sum_us, 60000000, 120000000);
	say_stock(1, SIZE("", 4, 9));	/* it does not say when */
	hub_flush(hub);
	hub_written(hub);
	assert_int_equal(histogram_count(lag), 2);
}

static void
pairs_and_drops_without_one_are_summed(void **state)
{
	struct hub_pairs p = hub_pairs(hub);

	(void)state;
	assert_int_equal(p.without, 0);
	say_stock(1, SIZE("", 0, 10));
	p = hub_pairs(hub);
	assert_int_equal(p.available, 0);
	assert_int_equal(p.without, 1);
}

static void
an_older_or_repeated_message_changes_nothing(void **state)
{
	(void)state;
	say_stock(1, SIZE("", 8, 6));
	hub_flush(hub);
	changed = 0;
	say_stock(1, SIZE("", 9, 5));
	say_stock(1, SIZE("", 8, 6));
	hub_flush(hub);
	assert_int_equal(changed, 0);
	assert_int_equal(feed_last(hub_feed(hub)), 1);
}

static void
sizes_merge_each_by_its_own_version(void **state)
{
	(void)state;
	say_stock(2, SIZE("42", 5, 3) "," SIZE("43", 5, 1));
	say_stock(2, SIZE("42", 7, 1) "," SIZE("43", 4, 2));
	hub_flush(hub);
	assert_int_equal(times(log_text(0), "event: stock:update"), 1);
	assert_non_null(strstr(log_text(0), "{\"dropId\":2,\"version\":5,\"totalStock\":18,"
	    "\"availableStock\":9"));
	assert_non_null(strstr(log_text(0), "\"size\":\"42\",\"totalStock\":9,\"availableStock\":5"));
	assert_non_null(strstr(log_text(0), "\"size\":\"43\",\"totalStock\":9,\"availableStock\":4"));
}

static void
drops_come_before_stock_and_purchases_after_it(void **state)
{
	char *text = drop_text(1, 2, 6, 8, "");
	const char *log, *updated, *stock, *purchase;

	(void)state;
	say("{\"event\":\"purchase:completed\",\"drop\":1,\"user\":null,\"data\":{\"dropId\":1,"
	    "\"username\":\"a\\\"b\",\"purchasedAt\":\"T1\"}}");
	say("{\"event\":\"drop:updated\",\"drop\":1,\"user\":null,\"data\":{\"drop\":%s}}", text);
	hub_flush(hub);
	log = log_text(0);
	updated = strstr(log, "event: drop:updated\ndata: {\"drop\":{\"id\":1,");
	stock = strstr(log, "event: stock:update");
	purchase = strstr(log, "data: {\"dropId\":1,\"username\":\"a\\\"b\",\"purchasedAt\":\"T1\"}\n\n");
	assert_true(updated != NULL && stock > updated && purchase > stock);
	free(text);
}

static void
what_redis_and_the_database_both_tell_goes_out_once(void **state)
{
	struct drop_news list[2];
	char *text = drop_text(2, 1, 1, 9, "");
	uint64_t last;

	(void)state;
	say("{\"event\":\"drop:created\",\"drop\":2,\"user\":null,\"data\":{\"drop\":%s}}", text);
	free(text);
	say("{\"event\":\"purchase:completed\",\"drop\":1,\"user\":null,\"data\":{\"dropId\":1,"
	    "\"username\":\"u\",\"purchasedAt\":\"T1\"}}");
	news(&list[0], drop_text(1, 1, 6, 8, "{\"username\":\"v\",\"purchasedAt\":\"T2\"},"
	    "{\"username\":\"u\",\"purchasedAt\":\"T1\"}"));
	news(&list[1], drop_text(2, 1, 1, 9, ""));
	answer(false, 2, list);
	hub_flush(hub);
	assert_int_equal(times(log_text(0), "drop:created"), 1);
	assert_int_equal(times(log_text(0), "purchase:completed"), 2);
	assert_int_equal(times(log_text(0), "\"T1\""), 1);
	last = feed_last(hub_feed(hub));
	say("{\"event\":\"purchase:completed\",\"drop\":1,\"user\":null,\"data\":{\"dropId\":1,"
	    "\"username\":\"v\",\"purchasedAt\":\"T2\"}}");
	hub_flush(hub);
	assert_int_equal(feed_last(hub_feed(hub)), last);
}

static void
a_drop_the_database_does_not_name_leaves_the_snapshot(void **state)
{
	struct snapshot *s;

	(void)state;
	answer(false, 0, NULL);
	s = board_snapshot(hub_board(hub));
	assert_memory_equal(s->data, "\"drops\":[]}\n\n", s->len);
	snapshot_release(s);
	assert_int_equal(hub_stats(hub)->drops, 0);
}

static void
but_not_one_that_redis_told_of_while_the_question_was_open(void **state)
{
	struct poll_request *request = hub_poll(hub);
	struct poll_answer a = { .number = request->number, .ok = true };

	(void)state;
	free(request);
	say_stock(7, SIZE("", 9, 1));
	hub_polled(hub, &a);
	assert_int_equal(hub_stats(hub)->drops, 1);	/* 7, not 1 */
	hub_flush(hub);
	assert_int_equal(times(log_text(0), "\"dropId\":7"), 1);
}

static void
a_renewed_state_replaces_all_and_begins_an_epoch(void **state)
{
	struct drop_news list[1];
	char before[FEED_EPOCH_LEN];
	struct position p;
	struct snapshot *s;
	char id[64];

	(void)state;
	say_stock(1, SIZE("", 2, 9));
	hub_flush(hub);
	strcpy(before, hub_feed(hub)->epoch);
	snprintf(id, sizeof(id), "%s-1", before);
	assert_true(feed_resume(hub_feed(hub), id, false, &p));
	news(&list[0], drop_text(1, 1, 6, 8, "{\"username\":\"v\",\"purchasedAt\":\"T2\"}"));
	changed = 0;
	answer(true, 1, list);
	assert_true(changed > 0);
	assert_string_not_equal(before, hub_feed(hub)->epoch);
	assert_false(feed_resume(hub_feed(hub), id, false, &p));
	assert_false(ring_holds_after(&hub_feed(hub)->public_log, 1));
	s = board_snapshot(hub_board(hub));
	assert_non_null(strstr(s->data, "\"version\":6,"));
	snapshot_release(s);
	hub_flush(hub);
	assert_int_equal(times(log_text(feed_last(hub_feed(hub))), "event"), 0);
}

static void
a_snapshot_shows_what_was_sent_and_is_shared(void **state)
{
	struct snapshot *a, *b;
	struct buf some = { 0 };
	uint64_t seq;
	int64_t ids[] = { 1, 99 };

	(void)state;
	say_stock(1, SIZE("", 3, 9));
	a = board_snapshot(hub_board(hub));	/* before the flush: the log will bring version 9 */
	assert_int_equal(a->seq, 0);
	assert_non_null(strstr(a->data, "\"version\":5,"));
	hub_flush(hub);
	b = board_snapshot(hub_board(hub));
	assert_ptr_equal(a, b);	/* a little log behind it says the same */
	board_snapshot_of(hub_board(hub), ids, 2, &some, &seq);
	assert_int_equal(seq, 1);
	assert_non_null(strstr(some.data, "\"version\":9,"));
	assert_int_equal(times(some.data, "dropId"), 1);
	buf_free(&some);
	for (int i = 0; i < 200; i++) {
		char size[256];

		snprintf(size, sizeof(size), SIZE("", 3, %d), 10 + i);
		say_stock(1, size);
		hub_flush(hub);
	}
	snapshot_release(b);
	b = board_snapshot(hub_board(hub));
	assert_ptr_not_equal(a, b);
	assert_true(board_stats(hub_board(hub))->snapshot_bytes >= a->len + b->len);
	snapshot_release(a);
	snapshot_release(b);
}

static void
a_drop_that_comes_back_is_shown_as_it_was_sent(void **state)
{
	struct snapshot *s;

	(void)state;
	say_stock(1, SIZE("", 4, 9));
	hub_flush(hub);
	answer(false, 0, NULL);
	say_stock(1, SIZE("", 3, 10));	/* it was only closed for a moment */
	s = board_snapshot(hub_board(hub));
	assert_non_null(strstr(s->data, "\"version\":9,"));
	snapshot_release(s);
	answer(false, 0, NULL);
	hub_flush(hub);	/* sent, but it is closed again */
	assert_int_equal(times(log_text(0), "\"version\":10,"), 1);
	s = board_snapshot(hub_board(hub));
	assert_memory_equal(s->data, "\"drops\":[]}\n\n", s->len);
	snapshot_release(s);
}

static void
a_board_that_missed_something_is_right_again_after_a_renewal(void **state)
{
	const struct feed *f = hub_feed(hub);
	struct board *kept = copy;
	struct position p;
	char id[64];

	(void)state;
	say_stock(1, SIZE("", 4, 9));
	hub_flush(hub);
	copy = board_new(65536);	/* hears what is said now, and is then forgotten */
	say_stock(2, SIZE("", 4, 9));
	say("@7 reservation:update {\"n\":1}");
	hub_flush(hub);
	board_free(copy);
	copy = kept;
	snprintf(id, sizeof(id), "%s-2", f->epoch);
	assert_true(feed_resume(f, id, true, &p));
	say_stock(1, SIZE("", 3, 10));
	hub_renew(hub);
	assert_false(feed_resume(f, id, true, &p));
	assert_false(feed_resume(board_feed(copy), id, true, &p));
	assert_copied();
	hub_flush(hub);
	snprintf(id, sizeof(id), "%s-%d", f->epoch, (int)feed_last(f));
	assert_true(feed_resume(board_feed(copy), id, true, &p));
	assert_int_equal(p.private_seq, 1);
}

static void
private_events_are_gone_on_with(void **state)
{
	const struct feed *f = hub_feed(hub);
	struct position p;
	struct buf out = { 0 };
	char id[128];

	(void)state;
	for (int i = 1; i <= 3; i++) {
		char size[256];

		say("@7 reservation:update {\"n\":%d}", i);
		assert_int_equal(told, i);
		snprintf(size, sizeof(size), SIZE("", 3, %d), 10 + i);
		say_stock(1, size);
		hub_flush(hub);
	}
	snprintf(id, sizeof(id), "%s-2", f->epoch);
	assert_true(feed_resume(f, id, true, &p));	/* 3 was made after 2 was sent */
	assert_int_equal(p.seq, 2);
	assert_int_equal(p.private_seq, 2);
	snprintf(id, sizeof(id), "%s-1-1", f->epoch);
	assert_true(feed_resume(f, id, true, &p));
	assert_int_equal(p.seq, 1);
	assert_int_equal(p.private_seq, 1);
	feed_private_frame(f, 3, 2, &out);
	snprintf(id, sizeof(id), "id: %s-2-3\nevent: reservation:update\ndata: {\"n\":3}\n\n", f->epoch);
	assert_string_equal(out.data, id);
	buf_free(&out);
	for (int i = 0; i < 5000; i++)
		say("@8 reservation:update {}");
	snprintf(id, sizeof(id), "%s-3", f->epoch);
	assert_false(feed_resume(f, id, true, &p));	/* some are gone: a snapshot says so */
	assert_true(feed_resume(f, id, false, &p));
}

static void
ids_that_are_none_are_no_place(void **state)
{
	static const char *const tails[] = { "", "-", "-x", "-1x", "-1-", "-1-x", "-1-0-0", "-9",
	    "--1", "-1 ", "-99999999999999999999", "-1-99" };
	const struct feed *f = hub_feed(hub);
	struct position p;
	char id[128];

	(void)state;
	say_stock(1, SIZE("", 3, 9));
	hub_flush(hub);
	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		snprintf(id, sizeof(id), "%s%s", f->epoch, tails[i]);
		assert_false(feed_resume(f, id, false, &p));
	}
	assert_false(feed_resume(f, NULL, false, &p));
	assert_false(feed_resume(f, "", false, &p));
	snprintf(id, sizeof(id), "x%s-1", f->epoch);
	assert_false(feed_resume(f, id, false, &p));
}

static void
messages_that_make_no_sense_are_counted(void **state)
{
	static const char *const bad[] = { "", "{", "[]", "{}", "{\"event\":1}",
	    "{\"event\":\"stock:update\"}", "{\"event\":\"stock:update\",\"data\":null}",
	    "{\"event\":\"stock:update\",\"data\":{\"dropId\":1,\"sizes\":[]}}",
	    "{\"event\":\"stock:update\",\"data\":{\"dropId\":1,\"sizes\":[" SIZE("", -1, 9) "]}}",
	    "{\"event\":\"stock:update\",\"data\":{\"dropId\":0,\"sizes\":[" SIZE("", 1, 9) "]}}",
	    "{\"event\":\"stock:update\",\"data\":{\"dropId\":1.0,\"sizes\":[" SIZE("", 1, 9) "]}}",
	    "{\"event\":\"stock:update\",\"data\":{\"dropId\":1,\"sizes\":[" SIZE("", 1, 9) ",null]}}",
	    "{\"event\":\"drop:created\",\"data\":{\"drop\":{\"id\":3}}}",
	    "@", "@7", "@7 ", "@ reservation:update {}", "@0 reservation:update {}",
	    "@-7 reservation:update {}", "@7 reservation:update", "@7 reservation:update []",
	    "@7 reservation:updated {}", "@7 drop:created {}", "@7 reservation:update {\n}",
	    "@99999999999999999999 reservation:update {}", "@7  reservation:update {}",
	    "{\"event\":\"session:ended\",\"user\":null}", "{\"event\":\"other\",\"data\":{}}" };
	size_t count = sizeof(bad) / sizeof(bad[0]);

	(void)state;
	for (size_t i = 0; i < count; i++)
		hub_message(hub, bad[i], strlen(bad[i]));
	assert_int_equal(hub_stats(hub)->messages_bad, count);
	hub_flush(hub);
	assert_int_equal(feed_last(hub_feed(hub)), 0);
	say("{\"event\":\"session:ended\",\"user\":7,\"session\":null}");
	assert_int_equal(ended, 7);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(changes_of_one_tick_are_one_event),
		T(each_change_has_its_age_when_it_is_written),
		T(pairs_and_drops_without_one_are_summed),
		T(an_older_or_repeated_message_changes_nothing),
		T(sizes_merge_each_by_its_own_version),
		T(drops_come_before_stock_and_purchases_after_it),
		T(what_redis_and_the_database_both_tell_goes_out_once),
		T(a_drop_the_database_does_not_name_leaves_the_snapshot),
		T(but_not_one_that_redis_told_of_while_the_question_was_open),
		T(a_renewed_state_replaces_all_and_begins_an_epoch),
		T(a_snapshot_shows_what_was_sent_and_is_shared),
		T(a_drop_that_comes_back_is_shown_as_it_was_sent),
		T(a_board_that_missed_something_is_right_again_after_a_renewal),
		T(private_events_are_gone_on_with),
		T(ids_that_are_none_are_no_place),
		T(messages_that_make_no_sense_are_counted),
	};

	clock_db_is(clock_wall_ms());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
