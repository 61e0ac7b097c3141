/* Counters that several processes share. */
#include "metrics.h"

#include "test.h"

static char path[TEST_PATH_LEN];

static int
set_up(void **state)
{
	(void)state;
	test_file(path, "", 0);
	unlink(path);		/* metrics_open() makes it */
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

/* What `name` stands at, -1 if it is not there. */
static long long
value_of(const char *name)
{
	struct buf b = { 0 };
	long long value = -1;
	size_t len = strlen(name);

	metrics_write(&b);
	assert_false(b.failed);
	for (char *line = strtok(b.data, "\n"); line != NULL; line = strtok(NULL, "\n"))
		if (strncmp(line, name, len) == 0 && line[len] == ' ')
			value = strtoll(line + len, NULL, 10);
	buf_free(&b);
	return value;
}

static void
add_in_a_process_of_its_own(void)
{
	metrics_open(path);
	for (int i = 0; i < 5000000; i++)
		metrics_add(METRIC_HOLDS, 1);
	metrics_add(METRIC_SALES, 3);
}

static void
two_mappings_of_one_file_add_up(void **state)
{
	pid_t pids[2];
	int status, gate[2];
	char byte;

	(void)state;
	metrics_open(path);
	assert_int_equal(value_of("lastpair_holds_total"), 0);
	assert_int_equal(pipe(gate), 0);
	fflush(stdout);
	for (int i = 0; i < 2; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0) {
			close(gate[1]);
			if (read(gate[0], &byte, 1) != 0)	/* both begin when it is closed */
				_exit(1);
			add_in_a_process_of_its_own();
			_exit(0);
		}
	}
	close(gate[0]);
	close(gate[1]);
	for (int i = 0; i < 1000000; i++)
		metrics_add(METRIC_HOLDS, 1);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(value_of("lastpair_holds_total"), 11000000);
	assert_int_equal(value_of("lastpair_sales_total"), 6);
	assert_int_equal(value_of("lastpair_releases_total"), 0);
}

static void
counters_outlive_the_processes(void **state)
{
	(void)state;
	assert_int_equal(test_in_child(add_in_a_process_of_its_own), 0);
	metrics_open(path);
	assert_int_equal(value_of("lastpair_sales_total"), 3);
	metrics_add(METRIC_SALES, 1);
	assert_int_equal(value_of("lastpair_sales_total"), 4);
}

static void
a_gauge_is_set_not_added_to(void **state)
{
	(void)state;
	metrics_open(path);
	metrics_set(METRIC_EXPIRY_LAG_MS, 120);
	metrics_set(METRIC_EXPIRY_LAG_MS, 80);
	assert_int_equal(value_of("lastpair_expiry_lag_milliseconds"), 80);
}

static void
count_without_a_file(void)
{
	metrics_open("/nonexistent/folder/metrics");
	metrics_add(METRIC_SIGN_INS, 2);
	_exit(value_of("lastpair_sign_ins_total") == 2 ? 7 : 1);
}

static void
without_its_file_a_process_counts_for_itself(void **state)
{
	int status = test_in_child(count_without_a_file);

	(void)state;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7);
}

/* Prometheus's text format 0.0.4: HELP and TYPE once a name, before its series. */
static void
each_series_stands_once_under_its_help_and_type(void **state)
{
	struct buf b = { 0 };
	char name[128] = "", seen[4096] = "";
	int series = 0, names = 0;

	(void)state;
	metrics_open(path);
	metrics_write(&b);
	assert_int_equal(b.data[b.len - 1], '\n');
	for (char *line = strtok(b.data, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		char kind[16];

		if (sscanf(line, "# HELP %127s", name) == 1) {
			names++;
			assert_null(strstr(seen, name));	/* names of one metric stand together */
			strcat(seen, name);
			strcat(seen, " ");
			continue;
		}
		if (line[0] == '#') {
			char again[128];

			assert_int_equal(sscanf(line, "# TYPE %127s %15s", again, kind), 2);
			assert_string_equal(again, name);
			assert_true(strcmp(kind, "counter") == 0 || strcmp(kind, "gauge") == 0);
			continue;
		}
		series++;
		assert_memory_equal(line, name, strlen(name));
		assert_non_null(strchr(" {", line[strlen(name)]));
		assert_non_null(strchr(line, ' '));
	}
	assert_int_equal(series, METRIC_COUNT);
	assert_int_equal(names, METRIC_COUNT - 3);	/* four are one, by status */
	buf_free(&b);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(two_mappings_of_one_file_add_up),
		TEST(counters_outlive_the_processes),
		TEST(a_gauge_is_set_not_added_to),
		TEST(without_its_file_a_process_counts_for_itself),
		TEST(each_series_stands_once_under_its_help_and_type),
	};

	return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
