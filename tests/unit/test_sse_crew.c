/* Loops together, in threads where there are more: every reader is told the same in
 * the same order, whichever loop it is on, and a tick widens with what rounds take. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../sse/base.h"
#include "../../sse/crew.h"
#include "clock.h"
#include "test_sse.h"

#define READERS 12
#define PATIENCE_MS 5000

/* What takes long is a socket's write. */
static atomic_int write_us;
static atomic_ulong written;

ssize_t __real_send(int fd, const void *data, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *data, size_t len, int flags);

ssize_t
__wrap_send(int fd, const void *data, size_t len, int flags)
{
	int us = atomic_load(&write_us);

	if (us > 0)
		usleep((useconds_t)us);
	atomic_fetch_add(&written, 1);
	return __real_send(fd, data, len, flags);
}

/* The reader, which says of every session that it stands: the user's number is its id. */
static struct session_request *question;

bool
reader_sessions(struct reader *r, struct session_request *request)
{
	(void)r;
	assert_null(question);
	question = request;
	return true;
}

bool
session_id(const char *text, unsigned char id[SESSION_LEN])
{
	memset(id, 0, SESSION_LEN);
	memcpy(id, text, strnlen(text, SESSION_LEN - 1));
	return true;
}

struct session_answer *
session_answer_copy(const struct session_answer *a)
{
	struct session_answer *copy = malloc(sizeof(*copy));

	*copy = *a;
	copy->sessions = malloc((size_t)a->count * sizeof(*a->sessions) + 1);
	memcpy(copy->sessions, a->sessions, (size_t)a->count * sizeof(*a->sessions));
	return copy;
}

void
session_answer_free(struct session_answer *a)
{
	if (a != NULL)
		free(a->sessions);
	free(a);
}

static struct conf conf = { .sse_tick_ms = 10, .sse_heartbeat_seconds = 10, .sse_log_kib = 64 };
static struct event_base *base;
static struct hub *hub;
static struct crew *crew;
static int version, numbered;

static void
begin(int threads, int max)
{
	struct poll_answer nothing = { .ok = true, .renewed = true };

	conf.sse_threads = threads;
	base = base_new();
	hub = hub_new((size_t)conf.sse_log_kib * 1024);
	crew = crew_new(&conf, max, base, hub, NULL);
	assert_non_null(crew);
	hub_polled(hub, &nothing);
	version = numbered = 0;
	atomic_store(&write_us, 0);
}

static int
end(void **state)
{
	(void)state;
	crew_free(crew);
	hub_free(hub);
	event_base_free(base);
	free(question);
	question = NULL;
	return 0;
}

static void
answer_question(void)
{
	struct session_answer a = { .ok = true };

	if (question == NULL)
		return;
	a.round = question->round;
	a.count = question->count;
	a.sessions = question->sessions;
	for (int i = 0; i < a.count; i++)
		a.sessions[i].user = atoi((const char *)a.sessions[i].id);
	struct session_request *asked = question;
	question = NULL;
	crew_sessions(crew, &a);
	free(asked);
}

/* Lets the main loop run for a moment. */
static void
turn(void)
{
	struct timeval moment = { 0, 1000 };

	event_base_loopexit(base, &moment);
	event_base_dispatch(base);
	answer_question();
}

static void
change(int drop)
{
	test_stock(hub, drop, ++version);
}

static void
tell(int user)
{
	test_private(hub, user, ++numbered);
}

/* A reader's end of a stream, and all that came. */
struct peer {
	int fd;
	size_t len;
	char text[1 << 18];
};

static void
join_as(struct peer *p, const char *last, int user, bool proxied)
{
	struct newcomer n = { .member = user > 0, .claims.user = user, .last = last,
	    .proxied = proxied };
	int pair[2], room = 1 << 20;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	snprintf(n.claims.session, sizeof(n.claims.session), "%d", user);
	n.fd = pair[0];
	crew_add(crew, &n);
	*p = (struct peer){ .fd = pair[1] };
}

static void
join(struct peer *p, const char *last, int user)
{
	join_as(p, last, user, true);
}

static void
take(struct peer *p)
{
	ssize_t n = read(p->fd, p->text + p->len, sizeof(p->text) - 1 - p->len);

	if (n > 0)
		p->len += (size_t)n;
	p->text[p->len] = '\0';
}

/* Until the reader has had `text`. */
static void
await(struct peer *p, const char *text)
{
	int64_t until = clock_ms() + PATIENCE_MS;

	for (take(p); strstr(p->text, text) == NULL; take(p)) {
		if (clock_ms() > until)
			fail_msg("no %s in %s", text, p->text);
		turn();
	}
}

/* The newest state that was told. */
static void
await_version(struct peer *p)
{
	char text[32];

	snprintf(text, sizeof(text), "\"version\":%d,", version);
	await(p, text);
}

/* The ids of all events in order, as one text. */
static void
ids_of(const struct peer *p, char *out, size_t size)
{
	size_t len = 0;

	out[0] = '\0';
	for (const char *s = p->text; (s = strstr(s, "id: ")) != NULL; s += 4)
		len += (size_t)snprintf(out + len, size - len, "%.*s ", (int)strcspn(s, "\n"), s);
}

static void
all_loops_tell_the_same_under_the_same_ids(void **state)
{
	static struct peer peer[READERS];
	static char first[1 << 16], other[1 << 16];

	(void)state;
	begin(3, 100);
	for (int i = 0; i < READERS; i++)
		join(&peer[i], NULL, 0);
	for (int i = 0; i < READERS; i++)
		await(&peer[i], "event: snapshot");
	for (int round = 0; round < 100; round++) {
		change(1 + round % 3);
		turn();
	}
	for (int i = 0; i < READERS; i++) {
		await_version(&peer[i]);
		ids_of(&peer[i], i == 0 ? first : other, sizeof(first));
		if (i > 0)
			assert_string_equal(first, other);
		close(peer[i].fd);
	}
	assert_true(times(first, "id: ") > 10);
}

/* The newest id that a reader had. */
static void
last_id(const struct peer *p, char id[64])
{
	for (const char *s = p->text; (s = strstr(s, "id: ")) != NULL; s += 4)
		snprintf(id, 64, "%.*s", (int)strcspn(s + 4, "\n"), s + 4);
}

/* Each place that comes free is the next newcomer's: so it goes from loop to loop. */
static void
a_reader_goes_on_at_whichever_loop_it_comes_back_to(void **state)
{
	static struct peer peer[3];
	struct crew_stats stats;
	char last[64];
	int privates = 0, stocks = 0;

	(void)state;
	begin(3, 100);
	join(&peer[1], NULL, 0);
	join(&peer[2], NULL, 0);
	for (int visit = 0; visit < 30; visit++) {
		join(&peer[visit % 3], visit > 0 ? last : NULL, 7);
		if (visit == 0)
			await(&peer[0], "event: snapshot");
		change(1);
		tell(7);
		await_version(&peer[visit % 3]);
		await(&peer[visit % 3], "event: reservation:update");
		last_id(&peer[visit % 3], last);
		stocks += times(peer[visit % 3].text, "event: stock:update");
		privates += times(peer[visit % 3].text, "event: reservation:update");
		assert_int_equal(times(peer[visit % 3].text, "event: snapshot"), visit == 0);
		close(peer[(visit + 1) % 3].fd);
		turn();
		change(1);	/* while it is away */
		tell(7);
		for (int i = 0; i < 15; i++)
			turn();
	}
	assert_int_equal(stocks, 30 + 29);
	assert_true(privates >= 30 + 29);
	crew_stats(crew, &stats);
	assert_int_equal(stats.threads, 3);
	assert_int_equal(stats.crowd.resumed, 29);
	close(peer[0].fd);
}

static void
the_crew_is_full_at_its_number_and_not_before(void **state)
{
	static struct peer peer[READERS];
	struct crew_stats stats;

	(void)state;
	begin(3, READERS);
	for (int i = 0; i < READERS; i++) {
		assert_false(crew_full(crew));
		join(&peer[i], NULL, 0);
	}
	assert_true(crew_full(crew));
	for (int i = 0; i < READERS; i++)
		await(&peer[i], "event: snapshot");
	assert_true(crew_full(crew));
	for (int64_t until = clock_ms() + PATIENCE_MS; ; turn()) {
		crew_stats(crew, &stats);
		if (stats.crowd.subscribers == READERS)
			break;
		assert_true(clock_ms() < until);
	}
	close(peer[5].fd);
	for (int64_t until = clock_ms() + PATIENCE_MS; crew_full(crew); turn())
		assert_true(clock_ms() < until);
	for (int i = 0; i < READERS; i++)
		if (i != 5)
			close(peer[i].fd);
}

static void
an_ended_epoch_reaches_every_loop(void **state)
{
	static struct peer peer[3];
	struct poll_answer nothing = { .ok = true, .renewed = true };

	(void)state;
	begin(3, 100);
	for (int i = 0; i < 3; i++) {
		join(&peer[i], NULL, 0);
		await(&peer[i], "event: snapshot");
	}
	hub_polled(hub, &nothing);
	change(1);
	for (int i = 0; i < 3; i++) {
		await_version(&peer[i]);
		assert_int_equal(times(peer[i].text, "event: snapshot"), 2);
		close(peer[i].fd);
	}
}

/* Changes drop 1 all the time for so long, and returns the longest that one reader went
 * without news; *events is how many there were. */
static int64_t
longest_silence(struct peer *p, int64_t ms, int *events)
{
	int64_t start = clock_ms(), last = start, longest = 0;
	size_t before = p->len;

	p->text[p->len] = '\0';
	while (clock_ms() < start + ms) {
		size_t len = p->len;

		change(1);
		turn();
		take(p);
		if (p->len != len) {
			if (clock_ms() - last > longest)
				longest = clock_ms() - last;
			last = clock_ms();
		}
	}
	*events = times(p->text + before, "event: stock:update");
	return longest;
}

static void
a_tick_widens_with_the_rounds_and_narrows_again(void **state)
{
	static struct peer peer[4];
	struct crew_stats stats;
	unsigned long before;
	int events;

	(void)state;
	begin(1, 100);
	for (int i = 0; i < 4; i++) {
		join(&peer[i], NULL, 0);
		await(&peer[i], "event: snapshot");
	}
	longest_silence(&peer[0], 300, &events);
	assert_true(events > 10);
	crew_stats(crew, &stats);
	assert_int_equal(stats.tick_ms, conf.sse_tick_ms);

	atomic_store(&write_us, 2000);		/* a round takes 8 ms */
	before = atomic_load(&written);
	assert_true(longest_silence(&peer[0], 1000, &events) < 600);
	crew_stats(crew, &stats);
	assert_in_range(stats.tick_ms, 150, 500);
	assert_in_range(events, 2, 9);		/* of a hundred that a narrow tick would bring */
	assert_true(atomic_load(&written) - before <= 4 * (unsigned long)(events + 2));

	atomic_store(&write_us, 50000);		/* 200 ms: no tick is longer than a second */
	longest_silence(&peer[0], 4000, &events);
	assert_in_range(events, 2, 5);
	crew_stats(crew, &stats);
	assert_in_range(stats.tick_ms, 900, 1000);

	atomic_store(&write_us, 0);
	longest_silence(&peer[0], 1500, &events);
	crew_stats(crew, &stats);
	assert_int_equal(stats.tick_ms, conf.sse_tick_ms);
	for (int i = 0; i < 4; i++) {
		await_version(&peer[i]);
		close(peer[i].fd);
	}
}

static void
direct_readers_are_told_more_often(void **state)
{
	static struct peer peer[4];
	int events;

	(void)state;
	begin(1, 100);
	for (int i = 0; i < 4; i++) {
		join_as(&peer[i], NULL, 0, false);
		await(&peer[i], "event: snapshot");
	}
	atomic_store(&write_us, 5000);		/* a round takes 20 ms, so one begins each 80 */
	longest_silence(&peer[0], 2000, &events);
	assert_in_range(events, 16, 36);
	atomic_store(&write_us, 0);
	for (int i = 0; i < 4; i++) {
		await_version(&peer[i]);
		close(peer[i].fd);
	}
}

static void
one_round_that_was_held_up_widens_nothing(void **state)
{
	static struct peer peer;
	struct crew_stats stats;
	int events;

	(void)state;
	begin(1, 100);
	join(&peer, NULL, 0);
	await(&peer, "event: snapshot");
	longest_silence(&peer, 50, &events);
	atomic_store(&write_us, 300000);
	change(1);
	await_version(&peer);
	atomic_store(&write_us, 0);
	change(1);
	await_version(&peer);
	crew_stats(crew, &stats);
	assert_true(stats.crowd.round_max_us >= 300000);
	assert_int_equal(stats.tick_ms, conf.sse_tick_ms);
	close(peer.fd);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, NULL, end)
	const struct CMUnitTest tests[] = {
		T(all_loops_tell_the_same_under_the_same_ids),
		T(a_reader_goes_on_at_whichever_loop_it_comes_back_to),
		T(the_crew_is_full_at_its_number_and_not_before),
		T(an_ended_epoch_reaches_every_loop),
		T(a_tick_widens_with_the_rounds_and_narrows_again),
		T(direct_readers_are_told_more_often),
		T(one_round_that_was_held_up_widens_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
