/* lastpair-sse: shows every browser the stock as it changes. Start reading here:
 *
 *   listener (Redis) ---\
 *                        hub: state of the drops -> board: log of events, state as sent
 *   reader (PostgreSQL) -/                             |
 *                              subscriber: a place in that log, and a socket
 *
 * The crew has more such boards and subscribers, a thread for each, where settings say so. */
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "admin.h"
#include "base.h"
#include "conf.h"
#include "crew.h"
#include "hub.h"
#include "listener.h"
#include "log.h"
#include "options.h"
#include "reader.h"
#include "server.h"
#include "service.h"
#include "token.h"

#define POLL_MS		1000	/* between questions to the database */
#define OPEN_MS		3000	/* after which streams are answered, if only by a refusal */
#define LAST_MS		100	/* for heads that are on their way when the daemon is to end */
#define OWN_FILES	48	/* descriptors for everything but callers and loops */
#define LOOP_FILES	4	/* for one more loop */
#define SIGNALS		6

struct daemon {
	struct conf conf;
	struct token_keys *keys;
	struct event_base *base;
	struct hub *hub;
	struct reader *reader;
	struct crew *crew;
	struct listener *listener;
	struct server *server;
	struct admin *admin;
	struct event *poll, *open, *signals[SIGNALS];
	bool opened;
	const char *conf_path;
	bool poll_again;	/* something was missed while a question was open */
};

static const char usage[] =
	"Usage: lastpair-sse [-c FILE]\n\n"
	"Serves Lastpair's event stream until SIGTERM. SIGHUP or SIGUSR2: reads the settings\n"
	"again. SIGUSR1: opens the log file again.";

static void
poll_now(struct daemon *d)
{
	if (reader_polling(d->reader))
		d->poll_again = true;
	else
		reader_poll(d->reader, hub_poll(d->hub));
}

/* Lets callers in once there is something to tell them, and says so to whoever started this.
 * Until then they wait in the sockets' backlogs: a restart refuses nobody. */
static void
open_doors(struct daemon *d)
{
	if (d->opened || !server_open(d->server))
		return;
	d->opened = true;
	service_notify(board_ready(hub_board(d->hub)) ? "READY=1\nSTATUS=serving" :
	    "READY=1\nSTATUS=the database does not answer yet");
}

/* For so long nobody waits. */
static void
on_open(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	open_doors(arg);
}

static void
on_poll(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;
	long wait_ms;

	(void)fd;
	(void)what;
	if (service_watchdog(&wait_ms))
		service_notify("WATCHDOG=1");
	if (!reader_polling(d->reader))
		poll_now(d);
	crew_mend(d->crew);
}

static void
on_polled(void *arg, const struct poll_answer *answer)
{
	struct daemon *d = arg;
	const struct board *board = hub_board(d->hub);
	bool before = board_ready(board);

	hub_polled(d->hub, answer);
	if (!before && board_ready(board)) {
		log_info("serving %d open drops, epoch %s", hub_stats(d->hub)->drops,
		    board_feed(board)->epoch);
		if (d->opened)
			service_notify("STATUS=serving");
	}
	if (board_ready(board))
		open_doors(d);
	if (d->poll_again) {
		d->poll_again = false;
		poll_now(d);
	}
}

static void
on_sessions(void *arg, const struct session_answer *answer)
{
	struct daemon *d = arg;

	crew_sessions(d->crew, answer);
}

static void
on_subscribed(void *arg)
{
	poll_now(arg);
}

static void
on_message(void *arg, const char *text, size_t len)
{
	struct daemon *d = arg;

	while (len > 0) {	/* a line an event: workers send what they have together */
		const char *end = memchr(text, '\n', len);
		size_t line = end != NULL ? (size_t)(end - text) : len;

		hub_message(d->hub, text, line);
		line += end != NULL;
		text += line;
		len -= line;
	}
}

static void
on_stop(evutil_socket_t number, short what, void *arg)
{
	static const struct timeval last = { 0, LAST_MS * 1000 };
	struct daemon *d = arg;

	(void)what;
	log_info("signal %d: stopping", (int)number);
	service_notify("STOPPING=1");
	d->opened = true;	/* or it would open again */
	server_shut(d->server);	/* who comes now is the next one's */
	event_base_loopexit(d->base, &last);
}

static void
on_reload(evutil_socket_t number, short what, void *arg)
{
	struct daemon *d = arg;
	struct conf *conf = &d->conf;

	(void)number;
	(void)what;
	if (!conf_reload(conf, d->conf_path))
		return;
	crew_limit(d->crew, conf->sse_tick_ms, (int)conf->sse_max_subscribers);
	log_set((enum log_level)conf->log_level, (enum log_format)conf->log_format);
}

static void
on_reopen(evutil_socket_t number, short what, void *arg)
{
	(void)number;
	(void)what;
	(void)arg;
	log_reopen();
}

/* Takes all the descriptors it may; fewer streams where that is too few. */
static int
max_subscribers(const struct conf *conf)
{
	long spare = OWN_FILES + 2 * SERVER_HEADS + ADMIN_HEADS + LOOP_FILES * conf->sse_threads;
	struct rlimit limit;
	long room;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return (int)conf->sse_max_subscribers;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur == RLIM_INFINITY ||
	    limit.rlim_cur >= (rlim_t)(conf->sse_max_subscribers + spare))
		return (int)conf->sse_max_subscribers;
	room = (long)limit.rlim_cur;
	room -= room > 2 * spare ? spare : room / 2;
	log_info("%ld descriptors: %ld streams at most", (long)limit.rlim_cur, room);
	return (int)room;
}

static bool
wire_signals(struct daemon *d)
{
	static const struct {
		int number;
		event_callback_fn run;
	} all[SIGNALS] = { { SIGTERM, on_stop }, { SIGINT, on_stop },
	    { SIGQUIT, on_stop },	/* what Debian's multiwatch sends when told to send SIGTERM */
	    { SIGHUP, on_reload }, { SIGUSR2, on_reload }, { SIGUSR1, on_reopen } };

	for (int i = 0; i < SIGNALS; i++) {
		d->signals[i] = evsignal_new(d->base, all[i].number, all[i].run, d);
		if (d->signals[i] == NULL || event_add(d->signals[i], NULL) != 0)
			return false;
	}
	return true;
}

static bool
wire(struct daemon *d)
{
	static const struct timeval each = { POLL_MS / 1000, POLL_MS % 1000 * 1000 };
	static const struct timeval soon = { OPEN_MS / 1000, OPEN_MS % 1000 * 1000 };
	struct conf *conf = &d->conf;

	d->base = base_new();
	d->hub = hub_new((size_t)conf->sse_log_kib * 1024);
	if (d->base == NULL || d->hub == NULL)
		goto memory;
	d->reader = reader_new(conf, d->base, &(struct reader_watch){ .polled = on_polled,
	    .sessions = on_sessions, .arg = d });
	if (d->reader == NULL)
		return false;
	d->crew = crew_new(conf, max_subscribers(conf), d->base, d->hub, d->reader);
	if (d->crew == NULL)
		return false;
	d->poll = event_new(d->base, -1, EV_PERSIST, on_poll, d);
	d->open = evtimer_new(d->base, on_open, d);
	if (!wire_signals(d) || d->poll == NULL || d->open == NULL ||
	    event_add(d->poll, &each) != 0 || event_add(d->open, &soon) != 0)
		goto memory;
	poll_now(d);
	d->listener = listener_new(conf, d->base, &(struct listener_watch){
	    .subscribed = on_subscribed, .message = on_message, .arg = d });
	if (d->listener == NULL)
		goto memory;
	d->server = server_new(conf, d->base, d->hub, d->crew, d->keys);
	if (d->server == NULL)
		return false;
	d->admin = admin_new(conf, d->base, &(struct admin_view){ .hub = d->hub,
	    .crew = d->crew, .listener = d->listener, .server = d->server });
	service_settle();
	return d->admin != NULL;
memory:
	log_error("no memory");
	return false;
}

/* Backwards through wire(). */
static void
unwire(struct daemon *d)
{
	admin_free(d->admin);
	server_free(d->server);
	listener_free(d->listener);
	crew_free(d->crew);
	if (!reader_free(d->reader))
		_exit(EXIT_SUCCESS);
	hub_free(d->hub);
	for (int i = 0; i < SIGNALS; i++)
		if (d->signals[i] != NULL)
			event_free(d->signals[i]);
	if (d->poll != NULL)
		event_free(d->poll);
	if (d->open != NULL)
		event_free(d->open);
	if (d->base != NULL)
		event_base_free(d->base);
}

int
main(int argc, char **argv)
{
	struct options options = { .program = "lastpair-sse", .usage = usage };
	static struct daemon d;
	int first = options_parse(&options, argc, argv);
	bool ok;

	if (first < argc)
		options_wrong(&options, "there is no use for '%s'", argv[first]);
	service_begin();
	options_conf(&options, &d.conf);
	options_log(&options, &d.conf);
	d.conf_path = options.conf_path;
	d.keys = token_keys_load(d.conf.signing_key_file, d.conf.signing_key_previous_file);
	if (d.keys == NULL)
		return EXIT_FAILURE;
	signal(SIGPIPE, SIG_IGN);
	ok = wire(&d) && log_to(d.conf.log_dir, "sse");
	if (ok && event_base_dispatch(d.base) != 0)
		ok = false;
	unwire(&d);
	token_keys_free(d.keys);
	conf_free(&d.conf);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
