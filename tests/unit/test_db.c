/* What of the database's pool can be tried without a database: arrays, and servers that
 * are not there, hang, or hang up. */
#include "db.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "clock.h"
#include "conf.h"
#include "test.h"

static void
array_is(const char *wanted, int count, const char *const *items)
{
	char *array = db_array(items, count);

	assert_non_null(array);
	assert_string_equal(array, wanted);
	free(array);
}

static void
an_array_is_written_as_postgresql_reads_it(void **state)
{
	(void)state;
	array_is("{}", 0, NULL);
	array_is("{\"a\",\"b\"}", 2, (const char *const[]){ "a", "b" });
	array_is("{\"\"}", 1, (const char *const[]){ "" });
	array_is("{NULL,\"NULL\",NULL}", 3, (const char *const[]){ NULL, "NULL", NULL });
	array_is("{\"a,b\",\"{c}\",\" d \"}", 3, (const char *const[]){ "a,b", "{c}", " d " });
	array_is("{\"say \\\"hi\\\"\",\"back\\\\slash\"}", 2,
	    (const char *const[]){ "say \"hi\"", "back\\slash" });
	array_is("{\"\\\\\\\"\"}", 1, (const char *const[]){ "\\\"" });
	array_is("{\"two\nlines\",\"\xc3\xa9\"}", 2, (const char *const[]){ "two\nlines", "\xc3\xa9" });
}

static void
a_long_item_is_whole(void **state)
{
	char item[10001], *array;
	const char *items[] = { item };

	(void)state;
	memset(item, '"', 10000);
	item[10000] = '\0';
	array = db_array(items, 1);
	assert_non_null(array);
	assert_int_equal(strlen(array), 20004);
	free(array);
}

/* A folder with a socket where PostgreSQL's would be; `conf` is made to lead there. */
struct server {
	char folder[TEST_PATH_LEN], conninfo[256];
	struct sockaddr_un address;
	struct conf conf;
	int fd;			/* -1: nobody listens */
	bool hang_up;
	bool ending;
	int connections;
	pthread_t thread;
};

static void *
serve(void *arg)
{
	struct server *s = arg;
	int held[64], count = 0;

	while (!__atomic_load_n(&s->ending, __ATOMIC_ACQUIRE)) {
		struct pollfd p = { .fd = s->fd, .events = POLLIN };
		int fd;

		if (poll(&p, 1, 20) <= 0 || count == 64)
			continue;
		fd = accept(s->fd, NULL, NULL);
		if (fd < 0)
			continue;
		__atomic_add_fetch(&s->connections, 1, __ATOMIC_RELAXED);
		if (s->hang_up)
			close(fd);
		else
			held[count++] = fd;	/* and never a word */
	}
	while (count > 0)
		close(held[--count]);
	return NULL;
}

static void
server_open(struct server *s, bool listening, bool hang_up)
{
	*s = (struct server){ .fd = -1, .hang_up = hang_up, .address.sun_family = AF_UNIX };
	test_folder(s->folder);
	snprintf(s->conninfo, sizeof(s->conninfo), "host=%s port=5432 dbname=none", s->folder);
	s->conf.database = s->conninfo;
	snprintf(s->address.sun_path, sizeof(s->address.sun_path), "%.80s/.s.PGSQL.5432", s->folder);
	if (!listening)
		return;
	s->fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_true(s->fd >= 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&s->address, sizeof(s->address)), 0);
	assert_int_equal(listen(s->fd, 16), 0);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void
server_close(struct server *s)
{
	if (s->fd >= 0) {
		__atomic_store_n(&s->ending, true, __ATOMIC_RELEASE);
		pthread_join(s->thread, NULL);
		close(s->fd);
		unlink(s->address.sun_path);
	}
	rmdir(s->folder);
}

/* Calls a function that reads and says how long it took. */
static enum db_status
timed_ping(struct db_pool *pool, int64_t *took_ms)
{
	int64_t from = clock_ms();
	struct db_result *result = (struct db_result *)(void *)&from;
	enum db_status status = db_call(pool, FN_PING, 0, NULL, &result);

	*took_ms = clock_ms() - from;
	assert_null(result);
	return status;
}

static void
a_server_that_is_away_is_said_once_and_costs_no_time(void **state)
{
	struct server s;
	struct db_pool *pool;
	struct test_stderr said;
	int64_t took;

	(void)state;
	server_open(&s, false, false);
	pool = db_pool_new(s.conf.database, "nobody", 2);
	assert_non_null(pool);
	test_stderr_begin(&said);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(timed_ping(pool, &took), DB_UNAVAILABLE);
		assert_true(took < 1000);	/* a call may wait for two seconds */
	}
	test_stderr_end(&said);
	assert_contains(said.text, "can't reach PostgreSQL");
	assert_ptr_equal(strchr(said.text, '\n'), said.text + strlen(said.text) - 1);
	assert_int_equal(db_pool_generation(pool), 0);
	db_pool_free(pool);
	server_close(&s);
}

static void
a_server_that_never_answers_costs_no_more_than_the_time_to_connect(void **state)
{
	struct server s;
	struct db_pool *pool;
	struct test_stderr said;
	int64_t took;

	(void)state;
	server_open(&s, true, false);
	pool = db_pool_new(s.conf.database, "nobody", 1);
	test_stderr_begin(&said);
	assert_int_equal(timed_ping(pool, &took), DB_UNAVAILABLE);
	test_stderr_end(&said);
	assert_in_range(took, DB_CONNECT_MS - 100, DB_CONNECT_MS + 500);
	assert_contains(said.text, "can't reach PostgreSQL");
	db_pool_free(pool);
	server_close(&s);
}

static void
a_server_that_hangs_up_is_not_tried_in_a_frenzy(void **state)
{
	struct server s;
	struct db_pool *pool;
	struct test_stderr said;
	int64_t took;

	(void)state;
	server_open(&s, true, true);
	pool = db_pool_new(s.conf.database, "nobody", 1);
	test_stderr_begin(&said);
	for (int i = 0; i < 100; i++)
		assert_int_equal(timed_ping(pool, &took), DB_UNAVAILABLE);
	test_stderr_end(&said);
	assert_in_range(__atomic_load_n(&s.connections, __ATOMIC_RELAXED), 1, 5);
	db_pool_free(pool);
	server_close(&s);
}

static void
a_pool_that_was_never_used_goes_without_a_word(void **state)
{
	struct conf conf = { .database = (char *)"dbname=none" };
	struct db_pool *pool = db_pool_new(conf.database, "nobody", 64);

	(void)state;
	assert_non_null(pool);
	db_pool_free(pool);
	db_pool_free(NULL);
	db_result_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_array_is_written_as_postgresql_reads_it),
		cmocka_unit_test(a_long_item_is_whole),
		cmocka_unit_test(a_server_that_is_away_is_said_once_and_costs_no_time),
		cmocka_unit_test(a_server_that_never_answers_costs_no_more_than_the_time_to_connect),
		cmocka_unit_test(a_server_that_hangs_up_is_not_tried_in_a_frenzy),
		cmocka_unit_test(a_pool_that_was_never_used_goes_without_a_word),
	};

	return cmocka_run_group_tests_name("db", tests, NULL, NULL);
}
