/* Publishing to a Redis that is away, silent, or a stand-in that counts. Nothing here may
 * ever hold up the caller. */
#include "publish.h"

#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "clock.h"
#include "metrics.h"
#include "test.h"

enum manner { AWAY, SILENT, ANSWERING };

/* Stands in for Redis: answers every command it reads as `manner` says. */
struct redis {
	enum manner manner;
	struct conf conf;
	char path[TEST_PATH_LEN];
	int fd;
	pthread_t thread;
	pthread_mutex_t lock;
	struct buf received;	/* all bytes, of all connections */
	int connections;
	bool ending, hang_up_once;
};

/* Commands begin with "*3\r\n$7\r\nPUBLISH"; counts those in `text` before `len`. */
static int
count_of(const char *text, size_t len, const char *word)
{
	int n = 0;
	const char *p = text;

	while (p != NULL && (p = memmem(p, len - (size_t)(p - text), word, strlen(word))) != NULL) {
		n++;
		p += strlen(word);
	}
	return n;
}

static void
converse(struct redis *r, int fd)
{
	char bytes[65536];
	int answered = 0;
	size_t from;

	pthread_mutex_lock(&r->lock);
	from = r->received.len;
	pthread_mutex_unlock(&r->lock);
	while (!__atomic_load_n(&r->ending, __ATOMIC_ACQUIRE)) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t got;
		int wanted;

		if (poll(&p, 1, 10) <= 0)
			continue;
		got = read(fd, bytes, sizeof(bytes));
		if (got <= 0)
			break;
		pthread_mutex_lock(&r->lock);
		buf_add(&r->received, bytes, (size_t)got);
		wanted = count_of(r->received.data + from, r->received.len - from, "PUBLISH\r\n$") +
		    count_of(r->received.data + from, r->received.len - from, "*1\r\n$4\r\nPING\r\n");
		pthread_mutex_unlock(&r->lock);
		if (r->manner == SILENT)
			continue;
		if (r->hang_up_once) {	/* what it took goes with it */
			r->hang_up_once = false;
			pthread_mutex_lock(&r->lock);
			buf_clear(&r->received);
			pthread_mutex_unlock(&r->lock);
			break;
		}
		for (; answered < wanted; answered++) {
			const char *answer = memmem(bytes, (size_t)got, "PING", 4) != NULL ?
			    "+PONG\r\n" : ":1\r\n";

			if (send(fd, answer, strlen(answer), MSG_NOSIGNAL) < 0)
				break;
		}
	}
	close(fd);
}

static void *
serve(void *arg)
{
	struct redis *r = arg;

	while (!__atomic_load_n(&r->ending, __ATOMIC_ACQUIRE)) {
		struct pollfd p = { .fd = r->fd, .events = POLLIN };
		int fd;

		if (poll(&p, 1, 10) <= 0 || (fd = accept(r->fd, NULL, NULL)) < 0)
			continue;
		__atomic_add_fetch(&r->connections, 1, __ATOMIC_RELAXED);
		converse(r, fd);
	}
	return NULL;
}

static void
redis_open(struct redis *r, enum manner manner)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	*r = (struct redis){ .manner = manner, .fd = -1 };
	pthread_mutex_init(&r->lock, NULL);
	test_file(r->path, "", 0);
	unlink(r->path);
	r->conf.redis_socket = r->path;
	r->conf.redis_channel = (char *)"shoes";
	if (manner == AWAY)
		return;
	memcpy(address.sun_path, r->path, strlen(r->path) + 1);
	r->fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_true(r->fd >= 0);
	assert_int_equal(bind(r->fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(r->fd, 16), 0);
	assert_int_equal(pthread_create(&r->thread, NULL, serve, r), 0);
}

static void
redis_close(struct redis *r)
{
	if (r->fd >= 0) {
		__atomic_store_n(&r->ending, true, __ATOMIC_RELEASE);
		pthread_join(r->thread, NULL);
		close(r->fd);
	}
	unlink(r->path);
	buf_free(&r->received);
	pthread_mutex_destroy(&r->lock);
}

static bool
has_received(struct redis *r, const char *bytes, size_t len)
{
	bool yes;

	pthread_mutex_lock(&r->lock);
	yes = r->received.data != NULL &&
	    memmem(r->received.data, r->received.len, bytes, len) != NULL;
	pthread_mutex_unlock(&r->lock);
	return yes;
}

static long long
dropped(void)
{
	static const char name[] = "\nlastpair_publish_dropped_total ";
	struct buf b = { 0 };
	long long n;

	metrics_write(&b);
	assert_non_null(strstr(b.data, name));
	n = strtoll(strstr(b.data, name) + sizeof(name) - 1, NULL, 10);
	buf_free(&b);
	return n;
}

/* Publishes `count` messages; returns how long the slowest one took. */
static int64_t
publish_many(struct publisher *p, int count)
{
	int64_t slowest = 0;

	for (int i = 0; i < count; i++) {
		int64_t from = clock_us(), took;

		publish(p, "{\"event\":\"stock:update\"}", 24);
		took = clock_us() - from;
		slowest = took > slowest ? took : slowest;
	}
	return slowest;
}

static void
without_redis_publishing_returns_at_once_and_ends_soon(void **state)
{
	struct redis r;
	struct publisher *p;
	struct test_stderr said;
	int64_t from;
	long long before = dropped();

	(void)state;
	redis_open(&r, AWAY);
	test_stderr_begin(&said);
	p = publisher_new(&r.conf);
	assert_non_null(p);
	assert_true(publish_many(p, 3000) < 500000);
	from = clock_ms();
	publisher_free(p);
	test_stderr_end(&said);
	assert_true(clock_ms() - from < 5000);
	assert_int_equal(dropped() - before, 3000);	/* each is accounted for */
	/* An outage is one line, not three thousand. */
	assert_contains(said.text, "Redis");
	assert_ptr_equal(strchr(said.text, '\n'), said.text + strlen(said.text) - 1);
	redis_close(&r);
}

static void
a_redis_that_never_answers_holds_up_nobody_and_the_queue_stays_bounded(void **state)
{
	struct redis r;
	struct publisher *p;
	struct test_stderr said;
	int64_t from;
	long long before = dropped();

	(void)state;
	redis_open(&r, SILENT);
	test_stderr_begin(&said);
	p = publisher_new(&r.conf);
	publish(p, "first", 5);
	while (!has_received(&r, "first", 5))	/* now its thread waits for the answer */
		clock_sleep_ms(1);
	assert_true(publish_many(p, 20000) < 500000);
	assert_true(dropped() - before >= 20000 - 4096 - 2 * 64);
	from = clock_ms();
	publisher_free(p);
	test_stderr_end(&said);
	assert_true(clock_ms() - from < 5000);
	assert_int_equal(dropped() - before, 20001);
	redis_close(&r);
}

static void
messages_arrive_in_order_and_byte_for_byte(void **state)
{
	struct redis r;
	struct publisher *p;
	long long before = dropped();
	const char *last = NULL;
	int published;

	(void)state;
	redis_open(&r, ANSWERING);
	p = publisher_new(&r.conf);
	for (int i = 0; i < 1000; i++) {
		char message[64];

		snprintf(message, sizeof(message), "{\"n\":%d,\"%%s\":\"caf\xc3\xa9 ' \"}", i);
		publish(p, message, strlen(message));
		if (i % 50 == 0)
			clock_sleep_ms(1);	/* in several batches */
	}
	publisher_free(p);		/* sends what is queued */
	assert_int_equal(dropped() - before, 0);
	for (int i = 0; i < 1000; i++) {
		char wanted[128];
		const char *at;
		int len;

		len = snprintf(wanted, sizeof(wanted), "\n{\"n\":%d,\"%%s\":\"caf\xc3\xa9 ' \"}", i);
		at = memmem(r.received.data, r.received.len, wanted, (size_t)len);
		if (at != NULL && at[len] != '\n' && at[len] != '\r')
			at = NULL;
		if (at == NULL || at < last)
			fail_msg("message %d is lost, changed or out of order", i);
		last = at;
	}
	assert_int_equal(r.connections, 1);
	published = count_of(r.received.data, r.received.len, "PUBLISH\r\n$5\r\nshoes\r\n");
	assert_in_range(published, 2, 100);	/* those that come together go together */
	redis_close(&r);
}

static void
a_text_of_lines_is_as_many_messages(void **state)
{
	struct redis r;
	struct publisher *p;

	(void)state;
	redis_open(&r, ANSWERING);
	p = publisher_new(&r.conf);
	publish_lines(p, NULL);
	publish_lines(p, "");
	publish_lines(p, "one");
	publish_lines(p, "two\nthree\n");
	publisher_free(p);
	assert_true(has_received(&r, "\none\ntwo\nthree\r\n", 16) ||
	    has_received(&r, "\none\r\n", 6));
	assert_true(has_received(&r, "two\nthree\r\n", 11));
	redis_close(&r);
}

static void
a_redis_that_hung_up_is_found_again(void **state)
{
	struct redis r;
	struct publisher *p;
	struct test_stderr said;
	int64_t deadline = clock_ms() + 5000;

	(void)state;
	redis_open(&r, ANSWERING);
	r.hang_up_once = true;
	test_stderr_begin(&said);
	p = publisher_new(&r.conf);
	publish(p, "lost", 4);
	while (!has_received(&r, "found\r\n", 7) && clock_ms() < deadline) {
		publish(p, "found", 5);
		clock_sleep_ms(20);
	}
	publisher_free(p);
	test_stderr_end(&said);
	assert_true(has_received(&r, "found\r\n", 7));
	assert_true(r.connections >= 2);
	assert_contains(said.text, "Redis is back");
	redis_close(&r);
}

static void
with_no_redis_in_the_settings_nothing_is_published_nor_counted_as_lost(void **state)
{
	struct conf conf = { .redis_socket = (char *)"", .redis_channel = (char *)"x" };
	struct publisher *p = publisher_new(&conf);
	long long before = dropped();

	(void)state;
	publish_many(p, 100);
	publisher_free(p);
	assert_int_equal(dropped(), before);
	publisher_free(NULL);
}

static bool
pings(struct redis *r, enum manner manner)
{
	struct publisher *p;
	bool ok;

	redis_open(r, manner);
	p = publisher_new(&r->conf);
	ok = publish_ping(p);
	publisher_free(p);
	redis_close(r);
	return ok;
}

static void
a_ping_says_whether_redis_answers_and_takes_no_longer_than_it_may(void **state)
{
	struct redis r;
	int64_t from;

	(void)state;
	assert_true(pings(&r, ANSWERING));
	assert_false(pings(&r, AWAY));
	from = clock_ms();
	assert_false(pings(&r, SILENT));
	assert_true(clock_ms() - from < 3000);
}

/* What Redis is told first, of a publisher whose password file has `line`; NULL: that file is refused. */
static const char *
told_by(const char *line)
{
	static char told[256];
	char file[TEST_PATH_LEN];
	struct publisher *p;
	struct redis r;

	redis_open(&r, ANSWERING);
	test_file(file, line, strlen(line));
	r.conf.redis_password_file = file;
	p = publisher_new(&r.conf);
	if (p != NULL)
		publish(p, "x", 1);
	publisher_free(p);
	unlink(file);
	pthread_mutex_lock(&r.lock);
	snprintf(told, sizeof(told), "%.*s", (int)r.received.len,
	    r.received.data != NULL ? r.received.data : "");
	pthread_mutex_unlock(&r.lock);
	redis_close(&r);
	return p != NULL ? told : NULL;
}

static void
redis_is_told_who_calls_before_anything_else(void **state)
{
	(void)state;
	assert_string_equal(told_by("open sesame\n"),
	    "*3\r\n$4\r\nAUTH\r\n$4\r\nopen\r\n$6\r\nsesame\r\n");
	assert_string_equal(told_by("sesame"), "*2\r\n$4\r\nAUTH\r\n$6\r\nsesame\r\n");
}

static void
a_password_file_that_is_none_is_refused(void **state)
{
	char many[1024];

	(void)state;
	memset(many, 'a', sizeof(many));
	many[512] = '\0';
	assert_null(told_by(""));
	assert_null(told_by("\nsesame\n"));
	assert_null(told_by("user \n"));
	assert_null(told_by(" sesame\n"));
	assert_null(told_by("too many words\n"));
	assert_null(told_by(many));
	many[511] = '\0';
	assert_non_null(told_by(many));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_redis_publishing_returns_at_once_and_ends_soon),
		cmocka_unit_test(a_redis_that_never_answers_holds_up_nobody_and_the_queue_stays_bounded),
		cmocka_unit_test(messages_arrive_in_order_and_byte_for_byte),
		cmocka_unit_test(a_text_of_lines_is_as_many_messages),
		cmocka_unit_test(a_redis_that_hung_up_is_found_again),
		cmocka_unit_test(with_no_redis_in_the_settings_nothing_is_published_nor_counted_as_lost),
		cmocka_unit_test(a_ping_says_whether_redis_answers_and_takes_no_longer_than_it_may),
		cmocka_unit_test(redis_is_told_who_calls_before_anything_else),
		cmocka_unit_test(a_password_file_that_is_none_is_refused),
	};

	signal(SIGPIPE, SIG_IGN);	/* as every program does: hiredis writes without MSG_NOSIGNAL */
	return cmocka_run_group_tests_name("publish", tests, NULL, NULL);
}
