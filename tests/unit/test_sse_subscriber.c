/* Streams over sockets that take a few bytes at a time, or none: what arrives is
 * whole, in order, and complete. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

/* The sockets' side that writes is ours. */
static ssize_t take_send(int fd, const void *data, size_t len, int flags);
static ssize_t take_sendmsg(int fd, const struct msghdr *m, int flags);
#define send take_send
#define sendmsg take_sendmsg
#include "../../sse/crowd.c"
#include "../../sse/subscriber.c"
#undef send
#undef sendmsg
#include "test_sse.h"

#define FILES 1024

static char *taken[FILES];	/* what was written to a descriptor */
static size_t taken_len[FILES];
static bool asked;		/* the database is being asked */
static struct session_request *question;
static unsigned int seed;
static int worst;		/* of 100 writes so many take nothing, as many a part */
static int left;		/* streams that ended */
static unsigned long written;	/* writes that took something */
static const int *plan;		/* bytes the next writes take, before luck decides */
#define NO_MORE (-1)		/* ends a plan */

static void
on_ask(void *arg, struct session_request *request)
{
	(void)arg;
	free(question);
	question = request;
	asked = true;
}

static void on_left(void *arg) { (void)arg; left++; }

bool
session_id(const char *text, unsigned char id[SESSION_LEN])
{
	memset(id, 0, SESSION_LEN);
	memcpy(id, text, strnlen(text, SESSION_LEN - 1));
	return true;
}

static ssize_t
take_pieces(int fd, const struct iovec *piece, int pieces)
{
	size_t len = 0, limit;
	int luck = rand_r(&seed) % 100;

	for (int i = 0; i < pieces; i++)
		len += piece[i].iov_len;
	assert_true(len > 0 && fd < FILES);
	limit = luck < worst ? 0 : luck < 2 * worst ? (size_t)rand_r(&seed) % len + 1 : len;
	if (plan != NULL && *plan != NO_MORE) {
		limit = (size_t)*plan < len ? (size_t)*plan : len;
		plan++;
	}
	if (limit == 0) {
		errno = EAGAIN;
		return -1;
	}
	taken[fd] = realloc(taken[fd], taken_len[fd] + limit + 1);
	assert_non_null(taken[fd]);
	len = limit;
	for (int i = 0; i < pieces && len > 0; i++) {
		size_t n = piece[i].iov_len < len ? piece[i].iov_len : len;

		memcpy(taken[fd] + taken_len[fd], piece[i].iov_base, n);
		taken_len[fd] += n;
		len -= n;
	}
	taken[fd][taken_len[fd]] = '\0';
	written++;
	return (ssize_t)limit;
}

static ssize_t
take_send(int fd, const void *data, size_t len, int flags)
{
	struct iovec piece = { .iov_len = len };

	assert_int_equal(flags, MSG_NOSIGNAL);
	memcpy(&piece.iov_base, &data, sizeof(data));
	return take_pieces(fd, &piece, 1);
}

static ssize_t
take_sendmsg(int fd, const struct msghdr *m, int flags)
{
	assert_int_equal(flags, MSG_NOSIGNAL);
	return take_pieces(fd, m->msg_iov, (int)m->msg_iovlen);
}

static struct conf conf = { .sse_tick_ms = 5, .sse_heartbeat_seconds = 10 };
static struct event_base *base;
static struct hub *hub;
static struct crowd *crowd;
static const struct wanted all;
static int version, numbered;
static bool soon;	/* a round is said to be near */
static bool arrived[10000];	/* private events by their own number, at any reader */

static void on_changed(void *arg) { (void)arg; }

static void
on_posted(void *arg, const struct notice *n)
{
	(void)arg;
	crowd_notice(crowd, n, soon);
}

static int
setup(void **state)
{
	struct poll_answer nothing = { .ok = true, .renewed = true };

	(void)state;
	base = event_base_new();
	hub = hub_new(65536);
	crowd = crowd_new(&conf, 100, base, hub_board(hub), &(struct crowd_watch){ on_ask, on_left,
	    NULL });
	assert_non_null(crowd);
	hub_watch(hub, &(struct hub_watch){ on_changed, on_posted, NULL });
	hub_polled(hub, &nothing);
	worst = version = numbered = 0;
	plan = NULL;
	memset(arrived, 0, sizeof(arrived));
	asked = soon = false;
	left = 0;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	crowd_free(crowd);
	hub_free(hub);
	event_base_free(base);
	free(question);
	question = NULL;
	for (int i = 0; i < FILES; i++) {
		free(taken[i]);
		taken[i] = NULL;
		taken_len[i] = 0;
	}
	return 0;
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

static void
turn(void)
{
	hub_flush(hub);
	crowd_round(crowd);
	event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

/* A stream; *peer is the reader's end. The descriptor is the stream's name here. */
static int
begin(const struct wanted *wanted, const char *last, int user, int *peer)
{
	struct newcomer n = { .soon = soon, .member = user > 0, .claims.user = user,
	    .wanted = *wanted, .last = last };
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	snprintf(n.claims.session, sizeof(n.claims.session), "s%d", user);
	n.fd = pair[0];
	crowd_add(crowd, &n);
	*peer = pair[1];
	return pair[0];
}

/* Says of all sessions asked after that they stand. */
static void
confirm(int user)
{
	struct session s = { .user = user };
	struct session_answer answer = { .ok = true, .count = user > 0, .sessions = &s };

	assert_true(asked);
	snprintf((char *)s.id, sizeof(s.id), "s%d", user);
	answer.round = question->round;
	asked = false;
	crowd_sessions(crowd, &answer);
}

/* What a reader makes of its bytes. */
struct seen_by {
	int snapshots, stocks, privates, version;
	uint64_t last, last_private;
	char last_id[64];
};

/* Follows the frames: whole, numbered without a gap except over a snapshot, private
 * ones behind the right public one. A frame that is not ended counts as not come. */
static struct seen_by
follow(int fd, uint64_t after, const int64_t *only)
{
	struct seen_by s = { .last = after };
	char *p = taken[fd], *end;

	assert_non_null(p);
	assert_int_equal(strncmp(p, CROWD_HEAD "\r\n", strlen(CROWD_HEAD "\r\n")), 0);
	p += strlen(CROWD_HEAD "\r\n");
	for (; (end = strstr(p, "\n\n")) != NULL; *end = '\n', p = end + 2) {
		char epoch[32], event[32];
		uint64_t number, private_number;
		int n, drop, told;
		char *data;

		*end = '\0';
		if (strncmp(p, "retry: ", 7) == 0 || strcmp(p, ": beat") == 0)
			continue;
		data = strstr(p, "\ndata: ");
		assert_non_null(data);
		n = sscanf(p, "id: %31[a-z0-9]-%lu-%lu\nevent: %31s\n", epoch, &number,
		    &private_number, event);
		if (n == 4) {
			assert_string_equal(event, "reservation:update");
			assert_int_equal(number, s.last);
			assert_true(private_number > s.last_private);
			s.last_private = private_number;
			assert_int_equal(sscanf(data, "\ndata: {\"n\":%d}", &told), 1);
			arrived[told] = true;
			s.privates++;
		} else {
			n = sscanf(p, "id: %31[a-z0-9]-%lu\nevent: %31s\n", epoch, &number, event);
			assert_int_equal(n, 3);
			if (strcmp(event, "snapshot") == 0) {
				s.snapshots++;
			} else {
				assert_string_equal(event, "stock:update");
				if (only == NULL)
					assert_int_equal(number, s.last + 1);
				assert_true(number > s.last);
				assert_int_equal(sscanf(data, "\ndata: {\"dropId\":%d,\"version\":%d",
				    &drop, &told), 2);
				if (only != NULL)
					assert_int_equal(drop, *only);
				assert_true(told > s.version);
				s.version = told;
				s.stocks++;
			}
			s.last = number;
		}
		snprintf(s.last_id, sizeof(s.last_id), "%.*s", (int)strcspn(p + 4, "\n"), p + 4);
	}
	return s;
}

static void
everything_arrives_whole_over_bad_sockets(void **state)
{
	const struct wanted two = { .count = 1, .drops = { 2 } };
	const int64_t only = 2;
	int peer[30], fd[30];

	(void)state;
	seed = 1;
	worst = 40;
	for (int i = 0; i < 30; i++)
		fd[i] = begin(i % 3 == 0 ? &two : &all, NULL, i % 3 == 1 ? 7 : 0, &peer[i]);
	confirm(7);
	for (int round = 0; round < 300; round++) {
		change(1 + round % 3);
		if (round % 2 == 0)
			tell(7);
		tell(8);
		if (round % 7 == 0)
			tell(7);
		turn();
		if (asked)
			confirm(7);
	}
	worst = 0;
	for (int i = 0; i < 50; i++)
		turn();
	for (int i = 0; i < 30; i++) {
		struct seen_by s = follow(fd[i], 0, i % 3 == 0 ? &only : NULL);

		assert_int_equal(s.stocks, i % 3 == 0 ? 100 : 300);
		assert_int_equal(s.snapshots, 1);
		assert_int_equal(s.privates, i % 3 == 1 ? 150 + 43 : 0);
		close(peer[i]);
	}
	assert_int_equal(crowd_stats(crowd)->subscribers, 30);
	assert_int_equal(crowd_stats(crowd)->blocked, 0);
	turn();
	assert_int_equal(crowd_stats(crowd)->subscribers, 0);	/* all their readers left */
	assert_int_equal(left, 30);
	assert_int_equal(crowd_stats(crowd)->members, 0);
}

static void
one_that_falls_off_the_log_skips_to_the_newest_state_or_is_let_go(void **state)
{
	int peer[40], fd[40], kept = 0;

	(void)state;
	seed = 2;
	for (int i = 0; i < 40; i++)
		fd[i] = begin(&all, NULL, 0, &peer[i]);
	for (int lap = 0; lap < 2; lap++) {
		worst = 50;
		for (int i = 0; i < 5; i++) {
			change(1);
			turn();
		}
		worst = 100;	/* nobody reads while the log goes round */
		for (int i = 0; i < 500; i++) {
			change(1);
			turn();
		}
	}
	worst = 0;
	for (int i = 0; i < 10; i++)
		turn();
	change(1);
	turn();
	for (int i = 0; i < 40; i++) {
		bool there = false;

		for (int k = 0; k < crowd_stats(crowd)->subscribers; k++)
			there = there || crowd->list[k].fd == fd[i];
		if (there) {
			struct seen_by s = follow(fd[i], 0, NULL);

			assert_int_equal(s.version, version);
			assert_true(s.snapshots > 1);
			kept++;
		}
		close(peer[i]);
	}
	assert_true(kept > 0 && kept < 40);
	assert_int_equal(crowd_stats(crowd)->let_go, 40 - kept);
	assert_true(board_stats(hub_board(hub))->snapshot_bytes < 10000);
}

#define VISITS 300

static void
readers_come_back_again_and_again_and_miss_nothing(void **state)
{
	struct seen_by s = { 0 };
	char last[64] = "";
	int peer, fd, stocks = 0, privates = 0, snapshots = 0;

	(void)state;
	seed = 3;
	for (int visit = 0; visit < VISITS; visit++) {
		fd = begin(&all, last[0] != '\0' ? last : NULL, 7, &peer);
		confirm(7);
		worst = 30;
		for (int i = 0; i < 5; i++) {
			tell(7);
			change(1);
			turn();
			if (asked)
				confirm(7);
		}
		/* Half of them see all there is before they leave, half are cut off. */
		worst = 0;
		for (int i = 0; i < 5 && (visit % 2 == 0 || visit == VISITS - 1); i++)
			turn();
		s = follow(fd, last[0] != '\0' ? s.last : 0, NULL);
		stocks += s.stocks;
		privates += s.privates;
		snapshots += s.snapshots;
		if (s.last_id[0] != '\0')
			strcpy(last, s.last_id);
		close(peer);
		worst = 0;
		turn();
		assert_int_equal(crowd_stats(crowd)->subscribers, 0);
		free(taken[fd]);
		taken[fd] = NULL;
		taken_len[fd] = 0;
		change(1);	/* while it is away */
		tell(7);
		turn();
	}
	assert_int_equal(snapshots, 1);
	assert_int_equal(stocks, VISITS * 5 + VISITS - 1);
	assert_true(privates >= VISITS * 5 + VISITS - 1);	/* some may come twice */
	for (int i = 1; i < numbered; i++)	/* the last was told when nobody was there */
		assert_true(arrived[i]);
}

/* Or a reader cut off in between would come back behind an event it never had. */
static void
private_events_go_before_newer_public_ones(void **state)
{
	static const int part[] = { 10, NO_MORE }, then_full[] = { 1 << 20, 0, NO_MORE };
	int peer, fd = begin(&all, NULL, 7, &peer);

	(void)state;
	confirm(7);
	plan = part;
	tell(7);	/* begun */
	tell(7);	/* waits */
	change(1);
	hub_flush(hub);
	crowd_round(crowd);
	plan = then_full;
	event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	assert_int_equal(follow(fd, 0, NULL).privates, 1);
	assert_int_equal(follow(fd, 0, NULL).stocks, 0);
	event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	assert_int_equal(follow(fd, 0, NULL).privates, 2);
	assert_int_equal(follow(fd, 0, NULL).stocks, 1);
	close(peer);
}

static void
an_ended_session_is_told_nothing_from_that_moment(void **state)
{
	int peer, fd = begin(&all, NULL, 7, &peer);
	static const char end[] = "{\"event\":\"session:ended\",\"user\":7,\"session\":null}";

	(void)state;
	tell(7);
	assert_int_equal(follow(fd, 0, NULL).privates, 0);	/* not confirmed yet */
	confirm(7);
	assert_int_equal(follow(fd, 0, NULL).privates, 1);
	hub_message(hub, end, strlen(end));
	tell(7);
	assert_int_equal(follow(fd, 0, NULL).privates, 1);
	confirm(7);	/* another session of the user had ended: it goes on */
	assert_int_equal(follow(fd, 0, NULL).privates, 2);
	hub_message(hub, end, strlen(end));
	tell(7);
	confirm(0);
	tell(7);
	assert_int_equal(follow(fd, 0, NULL).privates, 2);
	assert_int_equal(crowd_stats(crowd)->members, 0);
	assert_int_equal(crowd_stats(crowd)->subscribers, 1);	/* and is anonymous now */
	change(1);
	turn();
	assert_int_equal(follow(fd, 0, NULL).stocks, 1);
	close(peer);
}

static void
an_answer_from_before_a_session_ended_does_not_count(void **state)
{
	int peer, fd = begin(&all, NULL, 7, &peer);
	static const char end[] = "{\"event\":\"session:ended\",\"user\":7,\"session\":null}";

	(void)state;
	hub_message(hub, end, strlen(end));	/* while the first question is open */
	tell(7);
	confirm(7);
	assert_int_equal(follow(fd, 0, NULL).privates, 0);
	assert_true(asked);
	confirm(0);
	assert_int_equal(crowd_stats(crowd)->members, 0);
	close(peer);
}

static void
a_new_epoch_gives_everyone_a_snapshot(void **state)
{
	struct poll_answer nothing = { .ok = true, .renewed = true };
	int peer[3], fd[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		fd[i] = begin(&all, NULL, 0, &peer[i]);
	change(1);
	turn();
	hub_polled(hub, &nothing);
	turn();
	version = 0;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(follow(fd[i], 0, NULL).snapshots, 2);
		close(peer[i]);
	}
}

static void
idle_streams_are_sent_beats(void **state)
{
	int peer, fd = begin(&all, NULL, 0, &peer);

	(void)state;
	crowd->list[0].subscriber->beaten_ms -= 9000;
	on_sweep(-1, 0, crowd);
	assert_non_null(strstr(taken[fd], "\n\n: beat\n\n"));
	on_sweep(-1, 0, crowd);
	assert_int_equal(crowd_stats(crowd)->beats, 1);
	close(peer);
}

/* Whoever counts on comments does not count events: one comes along with a change, to those who ask
 * for events as well, whose page hears the change. */
static void
busy_streams_have_comments_with_their_changes(void **state)
{
	static const struct wanted beats = { .beats = true };
	int peer[2], fd[2] = { begin(&all, NULL, 0, &peer[0]), begin(&beats, NULL, 0, &peer[1]) };
	unsigned long writes;

	(void)state;
	for (int i = 0; i < 2; i++)
		crowd->list[i].subscriber->beaten_ms -= 9000;
	writes = crowd_stats(crowd)->writes;
	change(1);
	turn();
	for (int i = 0; i < 2; i++)
		assert_non_null(strstr(taken[fd[i]], "\n\n: beat\n\nid: "));
	on_sweep(-1, 0, crowd);
	assert_int_equal(crowd_stats(crowd)->writes, writes + 2);
	assert_int_equal(crowd_stats(crowd)->beats, 0);
	change(1);	/* within the same second */
	turn();
	for (int i = 0; i < 2; i++) {
		assert_null(strstr(strstr(taken[fd[i]], "\n: beat") + 1, "\n: beat"));
		close(peer[i]);
	}
	assert_int_equal(follow(fd[0], 0, NULL).stocks, 2);
}

/* The comment of the log is old: each is told by itself, and not all at one time. */
static void
streams_that_were_busy_are_sent_beats_again(void **state)
{
	enum { STREAMS = 20 };
	struct feed *f = (struct feed *)(uintptr_t)crowd->feed;
	int peer[STREAMS];

	(void)state;
	for (int i = 0; i < STREAMS; i++)
		begin(&all, NULL, 0, &peer[i]);
	change(1);
	turn();
	for (int i = 0; i < STREAMS; i++)
		crowd->list[i].subscriber->beaten_ms -= 20000;
	f->commented_ms -= crowd->beat_ms * 3 / 4;
	for (int i = 0; i < SWEEPS; i++)
		on_sweep(-1, 0, crowd);
	assert_in_range(crowd_stats(crowd)->beats, STREAMS / 4, STREAMS * 3 / 4);
	f->commented_ms -= crowd->beat_ms / 4;
	for (int i = 0; i < SWEEPS; i++)
		on_sweep(-1, 0, crowd);
	assert_int_equal(crowd_stats(crowd)->beats, STREAMS);
	for (int i = 0; i < STREAMS; i++)
		close(peer[i]);
}

/* Of the log's comments it may have had none. */
static void
a_narrowed_busy_stream_is_sent_beats(void **state)
{
	int64_t drop = 2;
	const struct wanted second = { .count = 1, .drops = { drop } };
	int peer, fd = begin(&second, NULL, 0, &peer);

	(void)state;
	crowd->list[0].subscriber->beaten_ms -= 9000;
	change(1);
	turn();
	assert_null(strstr(taken[fd], "\n: beat"));
	on_sweep(-1, 0, crowd);
	assert_non_null(strstr(taken[fd], "\n\n: beat\n\n"));
	assert_int_equal(crowd_stats(crowd)->beats, 1);
	close(peer);
}

/* A page cannot see comments: it asks for events, and is told at once how often they come. */
static void
who_asks_for_beats_gets_them_as_events(void **state)
{
	static const char event[] = "\n\nevent: beat\ndata: {\"everySeconds\":10}\n\n";
	const struct wanted beats = { .beats = true };
	int peer, fd = begin(&beats, NULL, 0, &peer);
	const char *first = strstr(taken[fd], event), *snapshot = strstr(taken[fd], "event: snapshot");

	(void)state;
	assert_non_null(first);
	assert_non_null(snapshot);
	assert_true(first < snapshot);
	assert_null(strstr(snapshot, event));
	crowd->list[0].subscriber->beaten_ms -= 9000;
	on_sweep(-1, 0, crowd);
	assert_non_null(strstr(strstr(taken[fd], "event: snapshot"), event));
	assert_null(strstr(taken[fd], "\n: beat"));
	assert_int_equal(crowd_stats(crowd)->beats, 1);
	close(peer);
}

static void
one_that_is_stuck_is_let_go(void **state)
{
	int peer;

	(void)state;
	begin(&all, NULL, 0, &peer);
	worst = 100;
	change(1);
	turn();
	assert_int_equal(crowd_stats(crowd)->blocked, 1);
	on_sweep(-1, 0, crowd);
	assert_int_equal(crowd_stats(crowd)->subscribers, 1);
	crowd->list[0].moved_ms -= STUCK_MS + 1000;
	on_sweep(-1, 0, crowd);
	assert_int_equal(crowd_stats(crowd)->subscribers, 0);
	assert_int_equal(crowd_stats(crowd)->let_go, 1);
	close(peer);
}

/* A run of several frames may begin at the end of the log's memory and go on at its beginning. */
static void
all_readers_get_the_run_that_goes_around_the_end_of_the_log(void **state)
{
	enum { READERS = 3, ROUNDS = 400 };
	int peer[READERS], fd[READERS];

	(void)state;
	for (int i = 0; i < READERS; i++)
		fd[i] = begin(&all, NULL, 0, &peer[i]);
	for (int round = 0; round < ROUNDS; round++) {
		for (int drop = 1; drop <= 5; drop++)
			change(drop);
		turn();
	}
	assert_true(board_feed(hub_board(hub))->public_log.end >
	    4 * board_feed(hub_board(hub))->public_log.cap);
	for (int i = 0; i < READERS; i++) {
		assert_int_equal(follow(fd[i], 0, NULL).stocks, 5 * ROUNDS);
		close(peer[i]);
	}
}

/* However much changed, and whatever kinds of it. */
static void
a_round_writes_once_to_each(void **state)
{
	const struct wanted two = { .count = 1, .drops = { 2 } };
	int peer[10], fd[10];

	(void)state;
	seed = 4;
	for (int i = 0; i < 10; i++)
		fd[i] = begin(i == 9 ? &two : &all, NULL, i == 8 ? 7 : 0, &peer[i]);
	confirm(7);
	soon = true;
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 7; i++) {
			change(1);
			change(2);
		}
		tell(7);
		tell(7);
		written = 0;
		turn();
		assert_int_equal(written, 10);
	}
	for (int i = 0; i < 10; i++) {
		struct seen_by s = follow(fd[i], 0, i == 9 ? two.drops : NULL);

		assert_int_equal(s.stocks, i == 9 ? 20 : 40);
		assert_int_equal(s.privates, i == 8 ? 40 : 0);
	}
	written = 0;
	turn();
	assert_int_equal(written, 0);
	for (int i = 0; i < 10; i++)
		close(peer[i]);
}

static void
a_newcomer_waits_for_a_round_that_is_near(void **state)
{
	int peer[2], fd[2];

	(void)state;
	change(1);
	soon = true;
	fd[0] = begin(&all, NULL, 0, &peer[0]);
	assert_int_equal(taken_len[fd[0]], 0);
	turn();
	assert_int_equal(follow(fd[0], 0, NULL).snapshots, 1);
	assert_int_equal(follow(fd[0], 0, NULL).stocks, 0);
	assert_non_null(strstr(taken[fd[0]], "\"version\":1,"));
	soon = false;
	fd[1] = begin(&all, NULL, 0, &peer[1]);
	assert_int_equal(follow(fd[1], 0, NULL).snapshots, 1);
	for (int i = 0; i < 2; i++)
		close(peer[i]);
}

static void
private_events_go_at_once_where_no_round_is_near(void **state)
{
	int peer, fd = begin(&all, NULL, 7, &peer);

	(void)state;
	confirm(7);
	tell(7);
	assert_int_equal(follow(fd, 0, NULL).privates, 1);
	soon = true;
	tell(7);
	assert_int_equal(follow(fd, 0, NULL).privates, 1);
	turn();
	assert_int_equal(follow(fd, 0, NULL).privates, 2);
	close(peer);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(everything_arrives_whole_over_bad_sockets),
		T(one_that_falls_off_the_log_skips_to_the_newest_state_or_is_let_go),
		T(readers_come_back_again_and_again_and_miss_nothing),
		T(private_events_go_before_newer_public_ones),
		T(all_readers_get_the_run_that_goes_around_the_end_of_the_log),
		T(a_round_writes_once_to_each),
		T(a_newcomer_waits_for_a_round_that_is_near),
		T(private_events_go_at_once_where_no_round_is_near),
		T(an_ended_session_is_told_nothing_from_that_moment),
		T(an_answer_from_before_a_session_ended_does_not_count),
		T(a_new_epoch_gives_everyone_a_snapshot),
		T(idle_streams_are_sent_beats),
		T(busy_streams_have_comments_with_their_changes),
		T(streams_that_were_busy_are_sent_beats_again),
		T(a_narrowed_busy_stream_is_sent_beats),
		T(who_asks_for_beats_gets_them_as_events),
		T(one_that_is_stuck_is_let_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
