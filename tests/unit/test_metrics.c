/* Counters that several processes share. */
#include "metrics.h"

#include <fcntl.h>

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
	metrics_set(METRIC_EXPIRY_SWEPT_AT, 120);
	metrics_set(METRIC_EXPIRY_SWEPT_AT, 80);
	assert_int_equal(value_of("lastpair_expiry_last_sweep_timestamp_seconds"), 80);
}

#define RESERVE "method=\"POST\",route=\"/api/drops/{id}/reservations\""

static void
requests_are_counted_by_route_and_status(void **state)
{
	int reserve, list;

	(void)state;
	metrics_open(path);
	reserve = metrics_route("POST", "/api/drops/{id}/reservations");
	list = metrics_route("GET", "/api/drops");
	assert_int_not_equal(reserve, METRICS_NO_ROUTE);
	assert_int_not_equal(reserve, list);
	assert_int_equal(metrics_route("POST", "/api/drops/{id}/reservations"), reserve);
	assert_int_not_equal(metrics_route("PATCH", "/api/drops"), list);
	for (int i = 0; i < 3; i++)
		metrics_request(reserve, 201, 4000);
	metrics_request(reserve, 409, 12000);
	metrics_request(list, 200, 100);
	metrics_request(METRICS_NO_ROUTE, 404, 100);
	metrics_request(list, 599, 100);
	assert_int_equal(value_of("lastpair_requests_total{" RESERVE ",status=\"201\"}"), 3);
	assert_int_equal(value_of("lastpair_requests_total{" RESERVE ",status=\"409\"}"), 1);
	assert_int_equal(value_of("lastpair_requests_total{" RESERVE ",status=\"200\"}"), -1);
	assert_int_equal(value_of("lastpair_requests_total{" RESERVE ",status=\"503\"}"), 0);
	assert_int_equal(value_of("lastpair_requests_total{method=\"GET\",route=\"/api/drops\",status=\"200\"}"), 1);
	assert_int_equal(value_of("lastpair_requests_total{method=\"GET\",route=\"/api/drops\",status=\"other\"}"), 1);
	assert_int_equal(value_of("lastpair_requests_total{method=\"\",route=\"none\",status=\"404\"}"), 1);
	assert_int_equal(value_of("lastpair_request_duration_seconds_bucket{" RESERVE ",le=\"0.0025\"}"), 0);
	assert_int_equal(value_of("lastpair_request_duration_seconds_bucket{" RESERVE ",le=\"0.005\"}"), 3);
	assert_int_equal(value_of("lastpair_request_duration_seconds_bucket{" RESERVE ",le=\"0.025\"}"), 4);
	assert_int_equal(value_of("lastpair_request_duration_seconds_bucket{" RESERVE ",le=\"+Inf\"}"), 4);
	assert_int_equal(value_of("lastpair_request_duration_seconds_count{" RESERVE "}"), 4);
}

/* A time at a bound belongs to it; none is lost beyond the last, nor below nought. */
static void
each_time_is_counted_once_where_it_belongs(void **state)
{
	static const struct {
		int64_t us;
		const char *le;		/* the least bucket that has it */
		const char *below;	/* and the one before */
	} cases[] = {
		{ -5, "0.0005", NULL }, { 0, "0.0005", NULL }, { 500, "0.0005", NULL },
		{ 501, "0.001", "0.0005" }, { 25000, "0.025", "0.01" }, { 25001, "0.05", "0.025" },
		{ 10000000, "10", "5" }, { 10000001, "+Inf", "10" },
	};
	char name[128];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		unlink(path);
		metrics_open(path);
		metrics_waited(WAIT_RESERVE, cases[i].us);
		snprintf(name, sizeof(name), "lastpair_reserve_wait_seconds_bucket{le=\"%s\"}", cases[i].le);
		assert_int_equal(value_of(name), 1);
		if (cases[i].below != NULL) {
			snprintf(name, sizeof(name), "lastpair_reserve_wait_seconds_bucket{le=\"%s\"}",
			    cases[i].below);
			assert_int_equal(value_of(name), 0);
		}
		assert_int_equal(value_of("lastpair_reserve_wait_seconds_count"), 1);
	}
}

static void
add_requests(void)
{
	int route;

	metrics_open(path);
	metrics_route("GET", "/api/first/come");
	route = metrics_route("GET", "/api/second");
	for (int i = 0; i < 100000; i++)
		metrics_request(route, 200, 1000);
}

static void
processes_that_name_routes_in_another_order_mean_the_same(void **state)
{
	int route;

	(void)state;
	metrics_open(path);
	route = metrics_route("GET", "/api/second");
	metrics_route("GET", "/api/first/come");
	metrics_request(route, 200, 1000);
	assert_int_equal(test_in_child(add_requests), 0);
	assert_int_equal(value_of("lastpair_requests_total{method=\"GET\",route=\"/api/second\",status=\"200\"}"), 100001);
	assert_int_equal(value_of("lastpair_requests_total{method=\"GET\",route=\"/api/first/come\",status=\"200\"}"), -1);
}

static void
more_routes_than_there_is_room_for_count_as_none(void **state)
{
	char pattern[32];
	int last = 1;

	(void)state;
	metrics_open(path);
	for (int i = 0; i < 80; i++) {
		snprintf(pattern, sizeof(pattern), "/api/route/%d", i);
		last = metrics_route("GET", pattern);
	}
	assert_int_equal(last, METRICS_NO_ROUTE);
	metrics_request(last, 200, 10);
	assert_int_equal(value_of("lastpair_requests_total{method=\"\",route=\"none\",status=\"200\"}"), 1);
}

static void
count_into_the_file(void)
{
	metrics_open(path);
	metrics_add(METRIC_SALES, 2);
	_exit(value_of("lastpair_sales_total") == 2 ? 7 : 1);
}

/* The file of another release, or of something else, is replaced, and whoever has it still open
 * goes on with what is his. */
static void
a_file_that_means_something_else_is_begun_anew(void **state)
{
	static const char other[4096] = "something else";
	int status, fd;

	(void)state;
	for (int round = 0; round < 2; round++) {
		unlink(path);
		metrics_open(path);
		metrics_add(METRIC_SALES, 5);
		if (round == 0) {	/* of another size */
			fd = open(path, O_RDWR | O_TRUNC);
			assert_int_equal(write(fd, other, sizeof(other)), (ssize_t)sizeof(other));
		} else {		/* of the same, but another layout */
			fd = open(path, O_RDWR);
			assert_int_equal(pwrite(fd, "\x01\x02\x03", 3, 0), 3);
		}
		close(fd);
		status = test_in_child(count_into_the_file);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 7);
	}
}

static void
who_only_looks_sees_the_same_and_makes_no_file(void **state)
{
	struct buf b = { 0 };

	(void)state;
	assert_false(metrics_read(path, &b));
	assert_int_equal(access(path, F_OK), -1);
	metrics_open(path);
	metrics_add(METRIC_SALES, 5);
	assert_true(metrics_read(path, &b));
	assert_non_null(strstr(b.data, "\nlastpair_sales_total 5\n"));
	buf_free(&b);
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
	char name[128] = "", kind[16] = "", seen[4096] = "";
	int names = 0;

	(void)state;
	metrics_open(path);
	metrics_request(metrics_route("GET", "/api/drops"), 200, 100);
	metrics_write(&b);
	assert_int_equal(b.data[b.len - 1], '\n');
	for (char *line = strtok(b.data, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		const char *rest;

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
			assert_true(strcmp(kind, "counter") == 0 || strcmp(kind, "gauge") == 0 ||
			    strcmp(kind, "histogram") == 0);
			continue;
		}
		assert_memory_equal(line, name, strlen(name));
		rest = line + strlen(name);
		if (strcmp(kind, "histogram") == 0)
			assert_true(strncmp(rest, "_bucket{", 8) == 0 || strncmp(rest, "_sum", 4) == 0 ||
			    strncmp(rest, "_count", 6) == 0);
		else
			assert_non_null(strchr(" {", *rest));
		assert_non_null(strchr(line, ' '));
	}
	assert_true(names > METRIC_COUNT);
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
		TEST(requests_are_counted_by_route_and_status),
		TEST(each_time_is_counted_once_where_it_belongs),
		TEST(processes_that_name_routes_in_another_order_mean_the_same),
		TEST(more_routes_than_there_is_room_for_count_as_none),
		TEST(a_file_that_means_something_else_is_begun_anew),
		TEST(who_only_looks_sees_the_same_and_makes_no_file),
		TEST(without_its_file_a_process_counts_for_itself),
		TEST(each_series_stands_once_under_its_help_and_type),
	};

	return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
