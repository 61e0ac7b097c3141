/* The memory of a request. */
#include "arena.h"

#include "test.h"

static char order[16];
static int order_len;

static void
note(void *ptr)
{
	order[order_len++] = *(char *)ptr;
}

static int
set_up(void **state)
{
	memset(order, 0, sizeof(order));
	order_len = 0;
	*state = arena_new();
	return 0;
}

static int
tear_down(void **state)
{
	arena_free(*state);
	return 0;
}

static void
memory_is_aligned_and_zeroed_even_after_a_reset(void **state)
{
	for (int round = 0; round < 3; round++) {
		for (size_t size = 0; size < 200; size++) {
			unsigned char *p = arena_alloc(*state, size);

			assert_non_null(p);
			assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
			for (size_t i = 0; i < size; i++)
				assert_int_equal(p[i], 0);
			memset(p, 0xa5, size);
		}
		arena_reset(*state);
	}
}

static void
pieces_do_not_overlap(void **state)
{
	char *pieces[500];

	for (int i = 0; i < 500; i++) {
		pieces[i] = arena_alloc(*state, 97);
		memset(pieces[i], i & 0x7f, 97);
	}
	for (int i = 0; i < 500; i++)
		for (int k = 0; k < 97; k++)
			assert_int_equal(pieces[i][k], i & 0x7f);
}

static void
a_piece_larger_than_a_block_is_whole(void **state)
{
	char *small = arena_strndup(*state, "before", 6);
	char *large = arena_alloc(*state, 1000000);
	char *after;

	memset(large, 'x', 1000000);
	after = arena_strndup(*state, "after", 5);
	assert_string_equal(small, "before");
	assert_string_equal(after, "after");
	assert_int_equal(large[999999], 'x');
}

static void
a_copy_takes_no_more_than_it_was_told(void **state)
{
	const char unended[] = { 'a', 'b', 'c' };

	assert_string_equal(arena_strndup(*state, unended, 3), "abc");
	assert_string_equal(arena_strndup(*state, unended, 0), "");
}

static void
a_formatted_text_may_be_long(void **state)
{
	char *s = arena_printf(*state, "%s-%040000d", "n", 7);

	assert_int_equal(strlen(s), 40002);
	assert_int_equal(s[40001], '7');
	assert_string_equal(arena_printf(*state, "%s", ""), "");
}

static void
clean_ups_run_once_and_newest_first(void **state)
{
	char *letters = arena_strndup(*state, "abc", 3);

	for (int i = 0; i < 3; i++)
		arena_defer(*state, note, letters + i);
	assert_string_equal(order, "");
	arena_reset(*state);
	assert_string_equal(order, "cba");
	arena_reset(*state);
	assert_string_equal(order, "cba");
}

static void
a_clean_up_still_finds_its_memory_whatever_block_it_lies_in(void **state)
{
	char *in_first = arena_strndup(*state, "1", 1), *in_last;

	arena_defer(*state, note, in_first);
	for (int i = 0; i < 20; i++)
		arena_alloc(*state, 5000);
	in_last = arena_strndup(*state, "2", 1);
	arena_defer(*state, note, in_last);
	arena_reset(*state);
	assert_string_equal(order, "21");
}

static void
freeing_runs_the_clean_ups_too(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	arena_defer(a, free, malloc(100));	/* the leak checker looks */
	arena_defer(a, note, arena_strndup(a, "f", 1));
	arena_free(a);
	assert_string_equal(order, "f");
	arena_free(NULL);
}

static void
ask_for_everything(void)
{
	arena_alloc(arena_new(), SIZE_MAX);
}

static void
ask_for_nearly_everything(void)
{
	arena_alloc(arena_new(), SIZE_MAX - 8);
}

static void
a_size_that_would_wrap_ends_the_process(void **state)
{
	(void)state;
	assert_true(WIFSIGNALED(test_in_child(ask_for_everything)));
	assert_true(WIFSIGNALED(test_in_child(ask_for_nearly_everything)));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

static void
texts_are_joined(void **state)
{
	struct arena *a = arena_new();
	char *long_text = malloc(100000);

	(void)state;
	memset(long_text, 'x', 99999);
	long_text[99999] = '\0';
	assert_string_equal(arena_join(a, NULL), "");
	assert_string_equal(arena_join(a, "one", "", " ", "two", NULL), "one two");
	assert_int_equal(strlen(arena_join(a, long_text, "%s", long_text, NULL)), 200000);
	free(long_text);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_joined),
		TEST(memory_is_aligned_and_zeroed_even_after_a_reset),
		TEST(pieces_do_not_overlap),
		TEST(a_piece_larger_than_a_block_is_whole),
		TEST(a_copy_takes_no_more_than_it_was_told),
		TEST(a_formatted_text_may_be_long),
		TEST(clean_ups_run_once_and_newest_first),
		TEST(a_clean_up_still_finds_its_memory_whatever_block_it_lies_in),
		TEST(freeing_runs_the_clean_ups_too),
		TEST(a_size_that_would_wrap_ends_the_process),
	};

	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
