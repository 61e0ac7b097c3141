/* Finding Redis's master: the list of sentinels, and sentinels and servers that say one
 * thing or another. */
#include "sentinel.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test.h"

#define SERVERS 3

static void
the_list_is_read_and_goes_round(void **state)
{
	const char *list = " 10.0.0.1:26379\t[::1]:5  db:65535 ";
	struct redis_place p;

	(void)state;
	assert_null(sentinel_wrong(list));
	assert_true(sentinel_at(list, 0, &p));
	assert_string_equal(p.host, "10.0.0.1");
	assert_int_equal(p.port, 26379);
	assert_true(sentinel_at(list, 4, &p));
	assert_string_equal(p.host, "::1");
	assert_int_equal(p.port, 5);
	assert_true(sentinel_at(list, 2, &p));
	assert_string_equal(p.host, "db");
	assert_false(sentinel_at("", 0, &p));
	assert_false(sentinel_at("  ", 7, &p));
}

static void
a_list_that_is_none_is_refused(void **state)
{
	static const char *const wrong[] = { "10.0.0.1", "10.0.0.1:", ":26379", "h:0", "h:65536",
	    "h:1x", "h:1,h:2", "a:1 b", "[]:1", "a:1 b:1 c:1 d:1 e:1 f:1 g:1 h:1 i:1" };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_non_null(sentinel_wrong(wrong[i]));
	assert_null(sentinel_wrong(""));
}

/* Whether a sentinel's answer of two texts, which may have NUL bytes, names a master. */
#define NAMES(host, port) names((char[]){ host }, sizeof(host) - 1, (char[]){ port }, sizeof(port) - 1)

static bool
names(char *host, size_t host_len, char *port, size_t port_len)
{
	redisReply parts[] = { { .type = REDIS_REPLY_STRING, .str = host, .len = host_len },
	    { .type = REDIS_REPLY_STRING, .str = port, .len = port_len } };
	redisReply reply = { .type = REDIS_REPLY_ARRAY, .elements = 2,
	    .element = (redisReply *[]){ &parts[0], &parts[1] } };
	struct redis_place place;

	return sentinel_master(&reply, &place);
}

static void
an_answer_with_a_nul_in_it_names_nobody(void **state)
{
	(void)state;
	assert_true(NAMES("10.0.0.1", "6379"));
	assert_false(NAMES("\0J.0.0.1", "6379"));
	assert_false(NAMES("10.0.0.1\0.example", "6379"));
	assert_false(NAMES("10.0.0.1", "6379\0x"));
	assert_false(NAMES("", "6379"));
	assert_false(NAMES("10.0.0.1", "65536"));
}

static const struct redis_login nobody;

/* Servers on loopback; each answers every command with one text. */
struct server {
	int fd, port;
	char answer[128];
};

struct servers {
	struct server all[SERVERS];
	bool ending;
	pthread_t thread;
};

static void
answer_once(struct server *s, const char *last)
{
	char chunk[512];
	int fd = accept(s->fd, NULL, NULL);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	/* a server that is asked for its role after having been found says so */
	while (poll(&p, 1, 300) == 1 && read(fd, chunk, sizeof(chunk)) > 0)
		if (write(fd, last, strlen(last)) < 0)
			break;
	close(fd);
}

static void *
serve(void *arg)
{
	struct servers *all = arg;

	while (!__atomic_load_n(&all->ending, __ATOMIC_ACQUIRE)) {
		struct pollfd p[SERVERS];

		for (int i = 0; i < SERVERS; i++)
			p[i] = (struct pollfd){ .fd = all->all[i].fd, .events = POLLIN };
		if (poll(p, SERVERS, 20) <= 0)
			continue;
		for (int i = 0; i < SERVERS; i++)
			if (p[i].revents != 0)
				answer_once(&all->all[i], all->all[i].answer);
	}
	return NULL;
}

static void
servers_open(struct servers *s)
{
	*s = (struct servers){ 0 };
	for (int i = 0; i < SERVERS; i++) {
		struct sockaddr_in at = { .sin_family = AF_INET,
		    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		socklen_t len = sizeof(at);

		s->all[i].fd = socket(AF_INET, SOCK_STREAM, 0);
		assert_int_equal(bind(s->all[i].fd, (struct sockaddr *)&at, sizeof(at)), 0);
		assert_int_equal(listen(s->all[i].fd, 4), 0);
		assert_int_equal(getsockname(s->all[i].fd, (struct sockaddr *)&at, &len), 0);
		s->all[i].port = ntohs(at.sin_port);
	}
}

static void
servers_close(struct servers *s)
{
	__atomic_store_n(&s->ending, true, __ATOMIC_RELEASE);
	pthread_join(s->thread, NULL);
	for (int i = 0; i < SERVERS; i++)
		close(s->all[i].fd);
}

/* The first says that it knows of none, the second names the third, which says its role. */
static bool
found(const char *first, const char *role)
{
	struct servers s;
	char list[128], port[8];
	redisContext *redis;

	servers_open(&s);
	snprintf(port, sizeof(port), "%d", s.all[2].port);
	snprintf(s.all[0].answer, sizeof(s.all[0].answer), "%s", first);
	snprintf(s.all[1].answer, sizeof(s.all[1].answer),
	    "*2\r\n$9\r\n127.0.0.1\r\n$%zu\r\n%s\r\n", strlen(port), port);
	snprintf(s.all[2].answer, sizeof(s.all[2].answer), "*1\r\n$%zu\r\n%s\r\n",
	    strlen(role), role);
	assert_int_equal(pthread_create(&s.thread, NULL, serve, &s), 0);
	snprintf(list, sizeof(list), "127.0.0.1:%d 127.0.0.1:%d", s.all[0].port, s.all[1].port);
	redis = sentinel_connect(list, "lastpair", &nobody, (struct timeval){ 1, 0 });
	if (redis != NULL)
		assert_int_equal(redis->tcp.port, s.all[2].port);
	if (redis != NULL)
		redisFree(redis);
	servers_close(&s);
	return redis != NULL;
}

static void
the_next_sentinel_is_asked_when_one_knows_of_none(void **state)
{
	(void)state;
	assert_true(found("*-1\r\n", "master"));
	assert_true(found("-IDONTKNOW\r\n", "master"));
	assert_true(found("*2\r\n$1\r\nx\r\n$5\r\n99999\r\n", "master"));
	assert_true(found("*2\r\n$1\r\nx\r\n$2\r\n1x\r\n", "master"));
}

static void
a_server_that_only_follows_is_no_master(void **state)
{
	(void)state;
	assert_false(found("*-1\r\n", "slave"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_list_is_read_and_goes_round),
		cmocka_unit_test(a_list_that_is_none_is_refused),
		cmocka_unit_test(an_answer_with_a_nul_in_it_names_nobody),
		cmocka_unit_test(the_next_sentinel_is_asked_when_one_knows_of_none),
		cmocka_unit_test(a_server_that_only_follows_is_no_master),
	};

	return cmocka_run_group_tests_name("sentinel", tests, NULL, NULL);
}
