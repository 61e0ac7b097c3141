/* What of the database's pool can be tried without a database: arrays, servers that are not
 * there, hang, or hang up, and one that answers every statement alike. */
#include "db.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "buf.h"
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
	bool talking;		/* else it never says a word */
	bool leave;		/* a talking one: to hang up on who is there */
	char answer;		/* its one column of one row */
	int connections, asked;
	pthread_t thread;
};

/* One message of PostgreSQL's protocol, version 3: its type, its length, `body`. */
static void
add_message(struct buf *out, char type, const void *body, size_t len)
{
	const unsigned char size[4] = { 0, 0, 0, (unsigned char)(len + 4) };

	buf_add(out, &type, 1);
	buf_add(out, size, 4);
	buf_add(out, body, len);
}

#define ADD(out, type, text) add_message(out, type, text, sizeof(text) - 1)

/* What a server says to one message of a statement's: a row of one text. */
static void
add_answer(struct server *s, char type, struct buf *out)
{
	char row[] = "\0\1\0\0\0\1?";

	switch (type) {
	case 'P':
		ADD(out, '1', "");
		break;
	case 'B':
		ADD(out, '2', "");
		break;
	case 'D':
		ADD(out, 'T', "\0\1x\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0");
		break;
	case 'E':
		row[6] = __atomic_load_n(&s->answer, __ATOMIC_ACQUIRE);
		__atomic_add_fetch(&s->asked, 1, __ATOMIC_RELAXED);
		ADD(out, 'D', row);
		ADD(out, 'C', "SELECT 1\0");
		break;
	case 'S':
		ADD(out, 'Z', "I");
		break;
	}
}

/* Reads all of `len` bytes; false when told to leave, or the other side has left. */
static bool
take_bytes(struct server *s, int fd, void *to, size_t len)
{
	while (len > 0) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t n;

		if (__atomic_load_n(&s->leave, __ATOMIC_ACQUIRE) ||
		    __atomic_load_n(&s->ending, __ATOMIC_ACQUIRE))
			return false;
		if (poll(&p, 1, 20) <= 0)
			continue;
		n = read(fd, to, len);
		if (n <= 0)
			return false;
		to = (char *)to + n;
		len -= (size_t)n;
	}
	return true;
}

/* Reads one message; its type is 0 for the first of a connection, which has none. */
static bool
take_message(struct server *s, int fd, bool first, char *type)
{
	unsigned char size[4];
	char body[1024];
	size_t len;

	*type = '\0';
	if ((!first && !take_bytes(s, fd, type, 1)) || !take_bytes(s, fd, size, 4))
		return false;
	len = (size_t)size[2] << 8 | size[3];
	return len >= 4 && len - 4 <= sizeof(body) && take_bytes(s, fd, body, len - 4);
}

static void
talk(struct server *s, int fd)
{
	struct buf out = { 0 };
	char type;

	for (bool first = true; take_message(s, fd, first, &type); first = false) {
		buf_clear(&out);
		if (first) {
			ADD(&out, 'R', "\0\0\0\0");
			ADD(&out, 'Z', "I");
		} else {
			add_answer(s, type, &out);
		}
		if (out.len > 0 && write(fd, out.data, out.len) != (ssize_t)out.len)
			break;
	}
	buf_free(&out);
	close(fd);
	__atomic_store_n(&s->leave, false, __ATOMIC_RELEASE);
}

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
		else if (s->talking)
			talk(s, fd);
		else
			held[count++] = fd;	/* and never a word */
	}
	while (count > 0)
		close(held[--count]);
	return NULL;
}

enum manners { AWAY, SILENT, HANGS_UP, TALKS };

static void
server_open(struct server *s, enum manners manners)
{
	*s = (struct server){ .fd = -1, .hang_up = manners == HANGS_UP,
	    .talking = manners == TALKS, .address.sun_family = AF_UNIX };
	test_folder(s->folder);
	snprintf(s->conninfo, sizeof(s->conninfo), "host=%s port=5432 dbname=none", s->folder);
	s->conf.database = s->conninfo;
	snprintf(s->address.sun_path, sizeof(s->address.sun_path), "%.80s/.s.PGSQL.5432", s->folder);
	if (manners == AWAY)
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
	server_open(&s, AWAY);
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
	server_open(&s, SILENT);
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
	server_open(&s, HANGS_UP);
	pool = db_pool_new(s.conf.database, "nobody", 1);
	test_stderr_begin(&said);
	for (int i = 0; i < 100; i++)
		assert_int_equal(timed_ping(pool, &took), DB_UNAVAILABLE);
	test_stderr_end(&said);
	assert_in_range(__atomic_load_n(&s.connections, __ATOMIC_RELAXED), 1, 5);
	db_pool_free(pool);
	server_close(&s);
}

/* Has the server hang up, waits until it has, and what it answers to the next is `answer`. */
static void
server_restart(struct server *s, char answer)
{
	__atomic_store_n(&s->answer, answer, __ATOMIC_RELEASE);
	__atomic_store_n(&s->leave, true, __ATOMIC_RELEASE);
	while (__atomic_load_n(&s->leave, __ATOMIC_ACQUIRE))
		clock_sleep_ms(5);
}

static int
asked(struct server *s)
{
	return __atomic_load_n(&s->asked, __ATOMIC_RELAXED);
}

static void
a_lock_is_asked_for_until_it_is_held_and_goes_with_its_connection(void **state)
{
	struct db_lock lock = { 0 };
	struct db_result *rows;
	struct db_pool *pool;
	struct server s;

	(void)state;
	server_open(&s, TALKS);
	__atomic_store_n(&s.answer, 'f', __ATOMIC_RELEASE);
	pool = db_pool_new(s.conf.database, "nobody", 1);
	for (int i = 1; i <= 2; i++) {
		assert_int_equal(db_lock(pool, FN_EXPIRY_LOCK, &lock), DB_OK);
		assert_false(lock.held);
		assert_int_equal(asked(&s), i);
	}
	__atomic_store_n(&s.answer, 't', __ATOMIC_RELEASE);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(db_lock(pool, FN_EXPIRY_LOCK, &lock), DB_OK);
		assert_true(lock.held);
		assert_int_equal(asked(&s), 3);	/* once it is held, no more */
	}

	server_restart(&s, 'f');	/* another process has it by now */
	assert_int_equal(db_call(pool, FN_PING, 0, NULL, &rows), DB_OK);
	db_result_free(rows);
	assert_int_equal(db_pool_generation(pool), 2);
	assert_int_equal(db_lock(pool, FN_EXPIRY_LOCK, &lock), DB_OK);
	assert_false(lock.held);
	assert_int_equal(asked(&s), 5);
	db_pool_free(pool);
	server_close(&s);
}

static void
no_lock_is_held_of_a_server_that_is_away(void **state)
{
	struct db_lock lock = { .held = true, .generation = 7 };
	struct test_stderr said;
	struct db_pool *pool;
	struct server s;

	(void)state;
	server_open(&s, AWAY);
	pool = db_pool_new(s.conf.database, "nobody", 1);
	test_stderr_begin(&said);
	assert_int_equal(db_lock(pool, FN_WEBHOOK_LOCK, &lock), DB_UNAVAILABLE);
	test_stderr_end(&said);
	assert_false(lock.held);
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
		cmocka_unit_test(a_lock_is_asked_for_until_it_is_held_and_goes_with_its_connection),
		cmocka_unit_test(no_lock_is_held_of_a_server_that_is_away),
		cmocka_unit_test(a_pool_that_was_never_used_goes_without_a_word),
	};

	return cmocka_run_group_tests_name("db", tests, NULL, NULL);
}
