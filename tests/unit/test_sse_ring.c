/* The ring of frames: what is kept, what is lost, and where it lies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../sse/ring.h"

static void
add(struct ring *r, const char *frame, int64_t tag)
{
	ring_add(r, frame, strlen(frame), tag, 0);
}

static void
expect(const struct ring *r, uint64_t seq, const char *frame)
{
	const struct ring_entry *e = ring_entry(r, seq);
	struct iovec piece[2];
	int pieces = ring_pieces(r, e->at, e->len, piece);
	char text[256] = "";

	assert_int_equal(e->len, strlen(frame));
	for (int i = 0; i < pieces; i++)
		strncat(text, piece[i].iov_base, piece[i].iov_len);
	assert_string_equal(text, frame);
}

static void
frames_are_numbered_from_one_and_found_again(void **state)
{
	struct ring r;

	(void)state;
	assert_true(ring_init(&r, 1024));
	assert_true(ring_holds_after(&r, 0));
	assert_false(ring_holds_after(&r, 1));
	add(&r, "one", 11);
	add(&r, "three", 33);
	expect(&r, 1, "one");
	expect(&r, 2, "three");
	assert_int_equal(ring_entry(&r, 2)->tag, 33);
	assert_true(ring_holds_after(&r, 2));
	assert_false(ring_holds_after(&r, 3));
	ring_free(&r);
}

static void
the_oldest_make_way_and_frames_may_lie_over_the_end(void **state)
{
	struct ring r;
	char frame[64];

	(void)state;
	assert_true(ring_init(&r, 100));
	for (int i = 1; i <= 1000; i++) {
		snprintf(frame, sizeof(frame), "<frame %d %.*s>", i, i % 7, "xxxxxxx");
		add(&r, frame, i);
		assert_true(r.end - ring_entry(&r, r.first)->at <= 100);
		expect(&r, r.next - 1, frame);
	}
	for (uint64_t seq = r.first; seq < r.next; seq++) {
		snprintf(frame, sizeof(frame), "<frame %d %.*s>", (int)seq, (int)seq % 7, "xxxxxxx");
		expect(&r, seq, frame);
	}
	assert_true(r.next - r.first > 3);
	assert_true(ring_holds_after(&r, r.first - 1));
	assert_false(ring_holds_after(&r, r.first - 2));
	ring_free(&r);
}

static void
one_that_is_too_long_empties_the_ring_and_leaves_all_behind(void **state)
{
	struct ring r;
	char big[200];

	(void)state;
	memset(big, 'x', sizeof(big));
	assert_true(ring_init(&r, 100));
	add(&r, "small", 1);
	ring_add(&r, big, sizeof(big), 1, 7);
	assert_false(ring_holds_after(&r, 1));	/* had everything, and yet is behind */
	assert_int_equal(r.lost_mark, 7);
	add(&r, "next", 1);
	expect(&r, r.next - 1, "next");
	assert_true(ring_holds_after(&r, r.next - 2));
	ring_free(&r);
}

static void
there_are_no_more_frames_than_entries(void **state)
{
	struct ring r;

	(void)state;
	assert_true(ring_init(&r, 1000));
	for (int i = 0; i < 500; i++)
		ring_add(&r, "a", 1, i, (uint64_t)i);
	assert_int_equal(r.next - r.first, r.entries_cap);
	assert_int_equal(r.lost_mark, 499 - r.entries_cap);
	ring_free(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_numbered_from_one_and_found_again),
		cmocka_unit_test(the_oldest_make_way_and_frames_may_lie_over_the_end),
		cmocka_unit_test(one_that_is_too_long_empties_the_ring_and_leaves_all_behind),
		cmocka_unit_test(there_are_no_more_frames_than_entries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
