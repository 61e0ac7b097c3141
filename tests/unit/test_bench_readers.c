/* The bench's readers: what they make of a stream's bytes, and what they would find wrong. */
#include "test.h"

#include "../bench/load/ledger.h"
#include "../bench/load/stream.h"

static char seen[1024];	/* frames, each in brackets */

static void
on_frame(void *arg, const char *frame, size_t len)
{
	(void)arg;
	snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "[%.*s]", (int)len, frame);
}

/* Gives the answer in pieces of so many bytes; whether all of it was taken. */
static bool
take(const char *answer, size_t piece)
{
	struct stream s = { 0 };
	size_t len = strlen(answer);
	bool ok = true;

	seen[0] = '\0';
	for (size_t at = 0; at < len && ok; at += piece) {
		size_t n = len - at < piece ? len - at : piece;
		char bytes[512];

		memcpy(bytes, answer + at, n);
		ok = stream_take(&s, bytes, n, on_frame, NULL);
	}
	stream_free(&s);
	return ok;
}

#define HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"

static void
frames_are_found_however_they_come(void **state)
{
	static const char plain[] = HEAD "\r\nretry: 1\n\nid: 1\ndata: a\n\n: beat\n\ndata: b\n\nrest";

	(void)state;
	for (size_t piece = 1; piece < sizeof(plain); piece++) {
		assert_true(take(plain, piece));
		assert_string_equal(seen, "[retry: 1][id: 1\ndata: a][: beat][data: b]");
	}
}

static void
chunks_are_put_together(void **state)
{
	static const char chunked[] = HEAD "Transfer-Encoding: chunked\r\n\r\n"
	    "a\r\nretry: 1\n\n\r\n1\r\nd\r\nB\r\nata: 0123\n\n\r\n0\r\n\r\n";

	(void)state;
	for (size_t piece = 1; piece < sizeof(chunked); piece++) {
		assert_true(take(chunked, piece));
		assert_string_equal(seen, "[retry: 1][data: 0123]");
	}
}

static void
refusals_are_no_streams(void **state)
{
	(void)state;
	assert_false(take("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n\r\n", 512));
	assert_false(take("SSH-2.0-OpenSSH_9.2\r\n\r\n", 512));
	assert_false(take(HEAD "Transfer-Encoding: chunked\r\n\r\nno chunk\r\n", 512));
}

static void
tell(struct ledger *l, int reader, int version, int available, const char *at)
{
	char frame[512];
	int len = snprintf(frame, sizeof(frame), "id: x-%d\nevent: stock:update\ndata: {\"dropId\":7,"
	    "\"version\":%d,\"totalStock\":10,\"availableStock\":%d,\"reservedStock\":%d,\"soldStock\":0,"
	    "\"sizes\":[],\"at\":\"2026-01-01T00:00:%sZ\"}", version, version, available, 10 - available, at);

	/* two seconds after the beginning of the year */
	ledger_take(l, reader, frame, (size_t)len, INT64_C(1767225602000));
}

static const char *
told(const struct ledger *l)
{
	static char text[1024];
	FILE *out = fmemopen(text, sizeof(text), "w");

	assert_non_null(out);
	ledger_print(l, out);
	fclose(out);
	return text;
}

static void
the_newest_state_is_counted_where_readers_hold_it(void **state)
{
	struct ledger *l = ledger_new(3, 4, NULL);

	(void)state;
	for (int reader = 0; reader < 3; reader++)
		tell(l, reader, 2, 9, "01.000");
	assert_contains(told(l), "{\"id\":7,\"version\":2,\"available\":9,\"reserved\":1,\"sold\":0,\"agree\":3}");
	tell(l, 1, 3, 8, "01.500");
	assert_contains(told(l), "\"version\":3,\"available\":8,\"reserved\":2,\"sold\":0,\"agree\":1}");
	tell(l, 0, 3, 7, "01.500");	/* the same version, and not the same stock */
	assert_contains(told(l), "\"agree\":1}");
	assert_true(ledger_sound(l));
	ledger_free(l);
}

static void
steps_back_and_stock_that_does_not_add_up_are_found(void **state)
{
	static const char wrong[] = "event: stock:update\ndata: {\"dropId\":7,\"version\":9,\"totalStock\":10,"
	    "\"availableStock\":5,\"reservedStock\":6,\"soldStock\":0,\"at\":\"2026-01-01T00:00:00.000Z\"}";
	struct ledger *l = ledger_new(1, 4, NULL);

	(void)state;
	tell(l, 0, 3, 9, "01.000");
	assert_true(ledger_sound(l));
	tell(l, 0, 3, 9, "01.000");
	assert_false(ledger_sound(l));
	assert_contains(told(l), "\"backwards\":1,\"unsound\":0");
	ledger_take(l, 0, wrong, sizeof(wrong) - 1, 0);
	assert_contains(told(l), "\"backwards\":1,\"unsound\":1");
	ledger_free(l);
}

static void
snapshots_are_states_that_have_no_age(void **state)
{
	static const char frame[] = "id: x-1\nevent: snapshot\ndata: {\"serverTime\":\"2026-01-01T00:00:00.000Z\","
	    "\"drops\":[{\"dropId\":7,\"version\":5,\"totalStock\":10,\"availableStock\":4,\"reservedStock\":6,"
	    "\"soldStock\":0,\"sizes\":[],\"at\":\"2026-01-01T00:00:00.000Z\"}]}";
	struct ledger *l = ledger_new(1, 4, NULL);

	(void)state;
	ledger_take(l, 0, frame, sizeof(frame) - 1, INT64_C(1767225602000));
	assert_contains(told(l), "\"staleness\":{\"count\":0,");
	assert_contains(told(l), "{\"id\":7,\"version\":5,\"available\":4,\"reserved\":6,\"sold\":0,\"agree\":1}");
	tell(l, 0, 6, 9, "01.000");
	assert_true(ledger_sound(l));
	ledger_take(l, 0, frame, sizeof(frame) - 1, INT64_C(1767225602000));
	assert_false(ledger_sound(l));	/* that was five again */
	ledger_free(l);
}

/* The oldest change of several that come as one is younger than what the reader held. */
static void
a_merged_change_counts_from_what_was_shown_before(void **state)
{
	struct ledger *l = ledger_new(1, 4, NULL);

	(void)state;
	tell(l, 0, 2, 9, "01.000");
	assert_contains(told(l), "\"behind\":{\"count\":1,\"p50\":1000,\"p90\":1000,\"p99\":1000,\"max\":1000}");
	ledger_reset(l);
	tell(l, 0, 4, 9, "01.900");
	assert_contains(told(l), "\"staleness\":{\"count\":1,\"p50\":100,\"p90\":100,\"p99\":100,\"max\":100}");
	assert_contains(told(l), "\"behind\":{\"count\":1,\"p50\":1000,\"p90\":1000,\"p99\":1000,\"max\":1000}");
	ledger_free(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_found_however_they_come),
		cmocka_unit_test(chunks_are_put_together),
		cmocka_unit_test(refusals_are_no_streams),
		cmocka_unit_test(the_newest_state_is_counted_where_readers_hold_it),
		cmocka_unit_test(steps_back_and_stock_that_does_not_add_up_are_found),
		cmocka_unit_test(snapshots_are_states_that_have_no_age),
		cmocka_unit_test(a_merged_change_counts_from_what_was_shown_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
