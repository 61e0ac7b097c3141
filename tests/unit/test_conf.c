/* The settings file: what it may say, and how it is told what it may not. */
#include "conf.h"
#include "log.h"

#include <pthread.h>
#include <stdatomic.h>

#include "test.h"

#define X64 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static struct conf conf;
static struct test_stderr said;
static char path[TEST_PATH_LEN];

static bool
load_bytes(const char *text, size_t len)
{
	bool ok;

	test_file(path, text, len);
	test_stderr_begin(&said);
	ok = conf_load(&conf, path);
	test_stderr_end(&said);
	unlink(path);
	return ok;
}

static bool
load(const char *text)
{
	return load_bytes(text, strlen(text));
}

static int
tear_down(void **state)
{
	(void)state;
	conf_free(&conf);
	return 0;
}

static void
an_empty_file_gives_the_defaults(void **state)
{
	(void)state;
	assert_true(load(""));
	assert_string_equal(said.text, "");
	assert_string_equal(conf.database, "dbname=lastpair");
	assert_string_equal(conf.database_user_api, "lastpair_api");
	assert_string_equal(conf.database_user_sse, "lastpair_sse");
	assert_string_equal(conf.database_user_owner, "lastpair_owner");
	assert_int_equal(conf.database_pool, 4);
	assert_string_equal(conf.redis_channel, "lastpair");
	assert_string_equal(conf.signing_key_previous_file, "");
	assert_int_equal(conf.session_seconds, 604800);
	assert_int_equal(conf.bcrypt_cost, 11);
	assert_int_equal(conf.signin_failures, 10);
	assert_false(conf.cookie_secure);
	assert_int_equal(conf.worker_threads, 64);
	assert_int_equal(conf.sse_max_subscribers, 20000);
	assert_int_equal(conf.sse_tick_ms, 25);
	assert_int_equal(conf.sse_log_kib, 4096);
	assert_in_range(conf.sse_heartbeat_seconds, 1, 15);
	assert_non_null(strstr(conf.sql_dir, "sql"));
}

static void
lines_are_read_with_comments_blanks_and_either_line_end(void **state)
{
	(void)state;
	assert_true(load("# a comment\n\n   # another, indented\n"
	    "database = host=/srv/run dbname=shop\n"
	    "\tredis_channel=a b \t\n"
	    "database_pool = 7\r\n"
	    "redis_socket =\n"
	    "cookie_secure = yes\n"
	    "worker_threads = 8\n"
	    "worker_threads = 9"));	/* the last line without its end; the last one wins */
	assert_string_equal(conf.database, "host=/srv/run dbname=shop");
	assert_string_equal(conf.redis_channel, "a b");
	assert_int_equal(conf.database_pool, 7);
	assert_string_equal(conf.redis_socket, "");
	assert_true(conf.cookie_secure);
	assert_int_equal(conf.worker_threads, 9);
}

static void
a_bad_line_is_named_with_file_line_and_what_is_wrong(void **state)
{
	static const struct {
		const char *line, *wrong;
	} cases[] = {
		{ "no equals sign", "a line is `name = value`" },
		{ "= 5", "there is no setting ``" },
		{ "nonsense = 5", "there is no setting `nonsense`" },
		{ "Database_pool = 5", "there is no setting `Database_pool`" },
		{ "database_pool = many", "database_pool wants a whole number" },
		{ "database_pool = 12abc", "database_pool wants a whole number" },
		{ "database_pool = 1.5", "database_pool wants a whole number" },
		{ "database_pool = 4 # four", "database_pool wants a whole number" },
		{ "database_pool =", "database_pool wants a whole number" },
		{ "database_pool = 99999999999999999999", "database_pool wants a whole number" },
		{ "database_pool = 0", "database_pool is out of range (1 to 64 connections)" },
		{ "database_pool = 65", "database_pool is out of range (1 to 64 connections)" },
		{ "database_pool = -4", "database_pool is out of range (1 to 64 connections)" },
		{ "bcrypt_cost = 3", "bcrypt_cost is out of range (4 to 16)" },
		{ "bcrypt_cost = 17", "bcrypt_cost is out of range (4 to 16)" },
		{ "sse_heartbeat_seconds = 16", "sse_heartbeat_seconds is out of range (1 to 15 s)" },
		{ "cookie_secure = maybe", "cookie_secure wants yes or no" },
		{ "cookie_secure = true", "cookie_secure wants yes or no" },
		{ "cookie_secure = Yes", "cookie_secure wants yes or no" },
		{ "cookie_secure =", "cookie_secure wants yes or no" },
		{ "database = dbname=x and more", "database is no connection string of libpq" },
		{ "read_database = port", "read_database is no connection string of libpq" },
		{ "read_database = host=a,b,c,d,e,f,g,h,i", "read_database names more than 8 hosts" },
		{ "redis_sentinels = 10.0.0.1", "redis_sentinels wants HOST:PORT" },
		{ "redis_socket = /" X64 X64, "redis_socket is longer than the path of a socket may be" },
		{ "sse_socket = /" X64 X64, "sse_socket is longer than the path of a socket may be" },
		{ "sse_admin_socket = /" X64 X64, "sse_admin_socket is longer than the path" },
		{ "sse_listen = 8090", "sse_listen wants an address and a port" },
		{ "sse_listen = localhost:8090", "sse_listen wants an address and a port" },
		{ "sse_listen = [::1]", "sse_listen wants an address and a port" },
		{ "sse_origins = http://shop.example/", "sse_origins wants origins as browsers send them" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[512], where[TEST_PATH_LEN + 8];

		snprintf(text, sizeof(text), "# first\nredis_channel = x\n%s\nworker_threads = 2\n",
		    cases[i].line);
		assert_false(load(text));
		snprintf(where, sizeof(where), "%s:3: ", path);
		assert_memory_equal(said.text, where, strlen(where));
		assert_contains(said.text, cases[i].wrong);
		/* One line, and nothing left to give back. */
		assert_ptr_equal(strchr(said.text, '\n'), said.text + strlen(said.text) - 1);
		assert_null(conf.redis_channel);
	}
}

static void
texts_of_a_form_are_taken_where_they_have_it(void **state)
{
	(void)state;
	assert_true(load("database = host=a,b,c,d,e,f,g,h dbname=shop\n"
	    "read_database =\nredis_sentinels = 10.0.0.1:26379 [::1]:26379\nsse_listen = [::1]:8090\n"
	    "sse_origins = http://shop.example https://shop.example:8443\n"));
	assert_string_equal(said.text, "");
	assert_string_equal(conf.sse_listen, "[::1]:8090");
	conf_free(&conf);
	assert_true(load("redis_sentinels =\nsse_listen =\nsse_origins =\nredis_socket =\n"));
}

static void
every_wrong_line_is_named(void **state)
{
	(void)state;
	assert_false(load("bcrypt_cost = 3\nredis_channel = x\nnonsense = 1\nlog_level = loud\n"));
	assert_contains(said.text, ":1: bcrypt_cost is out of range (4 to 16)\n");
	assert_contains(said.text, ":3: there is no setting `nonsense`\n");
	assert_contains(said.text, ":4: log_level is none of its words (error, notice or info)\n");
}

/* Loads `text`, then the other text under the same name. */
static bool
reload(const char *text, const char *again)
{
	bool ok;

	assert_true(load(text));
	test_file(path, again, strlen(again));
	test_stderr_begin(&said);
	ok = conf_reload(&conf, path);
	test_stderr_end(&said);
	unlink(path);
	return ok;
}

static void
a_reload_takes_over_what_can_change_and_names_what_wants_a_restart(void **state)
{
	(void)state;
	assert_true(reload("worker_queue = 100\nworker_threads = 8\nlog_level = error\n",
	    "worker_queue = 200\nworker_threads = 9\nlog_level = notice\nredis_channel = other\n"));
	assert_int_equal(conf.worker_queue, 200);
	assert_int_equal(conf.log_level, LOG_NOTICE);
	assert_int_equal(conf.worker_threads, 8);
	assert_string_equal(conf.redis_channel, "lastpair");
	assert_contains(said.text, "settings: worker_queue = 200\n");
	assert_contains(said.text, "settings: log_level = notice\n");
	assert_contains(said.text, "settings: worker_threads is another now; that takes a restart\n");
	assert_contains(said.text, "settings: redis_channel is another now; that takes a restart\n");
	assert_null(strstr(said.text, "bcrypt_cost"));
	conf_free(&conf);
	assert_true(reload("worker_queue = 100\n", ""));	/* a line taken away is the default again */
	assert_int_equal(conf.worker_queue, 512);
}

static atomic_bool over;

/* How often something else was seen than one of the two values. */
static void *
watch_setting(void *arg)
{
	atomic_int *strange = arg;

	while (!over) {
		long now = conf.session_seconds;

		if (now != 1000 && now != 2000)
			++*strange;
	}
	return NULL;
}

static void
a_thread_that_reads_while_they_are_reloaded_sees_the_old_or_the_new(void **state)
{
	static const char *const texts[] = { "session_seconds = 1000\n", "session_seconds = 2000\n" };
	atomic_int strange = 0;
	pthread_t reader;

	(void)state;
	assert_true(load(texts[0]));
	over = false;
	assert_int_equal(pthread_create(&reader, NULL, watch_setting, &strange), 0);
	test_stderr_begin(&said);
	for (int i = 1; i <= 200; i++) {
		test_file(path, texts[i % 2], strlen(texts[i % 2]));
		assert_true(conf_reload(&conf, path));
		unlink(path);
	}
	over = true;
	pthread_join(reader, NULL);
	test_stderr_end(&said);
	assert_int_equal(strange, 0);
	assert_int_equal(conf.session_seconds, 1000);
}

static void
a_reload_of_a_wrong_file_changes_nothing_and_says_so(void **state)
{
	(void)state;
	assert_false(reload("worker_queue = 100\n", "worker_queue = 200\nworker_threads = none\n"));
	assert_int_equal(conf.worker_queue, 100);
	assert_int_equal(conf.worker_threads, 64);
	assert_contains(said.text, ":2: worker_threads wants a whole number (1 to 1024)\n");
	assert_contains(said.text, "error: settings: the old ones stay in force\n");
}

static void
a_setting_tells_its_value_and_where_it_stands(void **state)
{
	struct conf_setting s;
	struct buf value = { 0 };
	int count = 0, found = 0;

	(void)state;
	assert_true(load("# one\nsession_seconds = 60\ncookie_secure = yes\nlog_level = error\n"));
	for (; buf_clear(&value), conf_setting(&conf, count, &s, &value); count++) {
		if (strcmp(s.name, "session_seconds") == 0) {
			assert_string_equal(value.data, "60");
			assert_string_equal(s.unit, "s");
			assert_int_equal(s.line, 2);
			found++;
		} else if (strcmp(s.name, "cookie_secure") == 0) {
			assert_string_equal(value.data, "yes");
			assert_int_equal(s.line, 3);
			found++;
		} else if (strcmp(s.name, "log_level") == 0) {
			assert_string_equal(value.data, "error");
			found++;
		} else {
			assert_int_equal(s.line, 0);
		}
	}
	assert_int_equal(found, 3);
	assert_true(count > 30);
	buf_free(&value);
}

static void
the_edges_of_a_range_are_in_it(void **state)
{
	(void)state;
	assert_true(load("database_pool = 1\nsse_tick_ms = 5\nbcrypt_cost = 4\nsession_seconds = 60\n"));
	assert_int_equal(conf.database_pool, 1);
	assert_int_equal(conf.sse_tick_ms, 5);
	conf_free(&conf);
	assert_true(load("database_pool = 64\nsse_tick_ms = 1000\nbcrypt_cost = 16\n"));
	assert_int_equal(conf.database_pool, 64);
	assert_int_equal(conf.bcrypt_cost, 16);
}

static void
a_nul_byte_does_not_cut_a_line_short(void **state)
{
	(void)state;
	assert_false(load_bytes("worker_threads = 3\0 000\n", 24));
	assert_contains(said.text, ":1: a NUL byte");
}

static void
a_file_that_is_not_there_is_named(void **state)
{
	(void)state;
	test_stderr_begin(&said);
	assert_false(conf_load(&conf, "/nonexistent/lastpair.conf"));
	test_stderr_end(&said);
	assert_contains(said.text, "/nonexistent/lastpair.conf: No such file");
	test_stderr_begin(&said);
	assert_false(conf_load(&conf, "/tmp"));	/* opens, but is no file */
	test_stderr_end(&said);
	assert_contains(said.text, "/tmp: Is a directory");
}

static void
freeing_twice_or_nothing_is_harmless(void **state)
{
	struct conf none = { 0 };

	(void)state;
	conf_free(&none);
	assert_true(load("redis_channel = a\nredis_channel = b\n"));
	conf_free(&conf);
	conf_free(&conf);
	assert_null(conf.database);
}

static void
the_help_names_each_setting_with_its_default_and_range(void **state)
{
	static const char *const parts[] = { "database = dbname=lastpair\n", "database_user_owner",
	    "database_pool = 4\n", "(1 to 64 connections)", "signing_key_previous_file = \n",
	    "session_seconds = 604800\n", "signin_failures", "signin_window_seconds",
	    "cookie_secure = no\n", "metrics_file", "sse_admin_socket", "sse_log_kib = 4096\n",
	    "sse_heartbeat_seconds", "sql_dir" };
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	conf_help(f);
	fclose(f);
	for (size_t i = 0; i < COUNT(parts); i++)
		assert_contains(text, parts[i]);
	free(text);
}

#define TEST(fn) cmocka_unit_test_teardown(fn, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_empty_file_gives_the_defaults),
		TEST(lines_are_read_with_comments_blanks_and_either_line_end),
		TEST(a_bad_line_is_named_with_file_line_and_what_is_wrong),
		TEST(texts_of_a_form_are_taken_where_they_have_it),
		TEST(every_wrong_line_is_named),
		TEST(a_reload_takes_over_what_can_change_and_names_what_wants_a_restart),
		TEST(a_thread_that_reads_while_they_are_reloaded_sees_the_old_or_the_new),
		TEST(a_reload_of_a_wrong_file_changes_nothing_and_says_so),
		TEST(a_setting_tells_its_value_and_where_it_stands),
		TEST(the_edges_of_a_range_are_in_it),
		TEST(a_nul_byte_does_not_cut_a_line_short),
		TEST(a_file_that_is_not_there_is_named),
		TEST(freeing_twice_or_nothing_is_harmless),
		TEST(the_help_names_each_setting_with_its_default_and_range),
	};

	return cmocka_run_group_tests_name("conf", tests, NULL, NULL);
}
