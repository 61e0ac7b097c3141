/* lastpairctl top: the store at work, a frame a second; a line a second where standard output
 * is no terminal. */
#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "board.h"
#include "clock.h"
#include "screen.h"

#define EACH_MS 1000

struct top {
	struct ctl *ctl;
	struct board board;
	struct buf frame;
	sigset_t signals;
	int signal_fd;
	long left;	/* frames or lines; -1: without an end */
	bool terminal;
	bool quit;
	int ended_by;	/* a signal, or 0 */
};

/* -n COUNT; -1 without it. */
static long
count_wanted(const struct ctl *ctl)
{
	char *end;
	long n;

	if (ctl->argc == 0)
		return -1;
	if (ctl->argc != 2 || strcmp(ctl->argv[0], "-n") != 0)
		options_wrong(ctl->options, "top: -n COUNT, or nothing");
	n = strtol(ctl->argv[1], &end, 10);
	if (end == ctl->argv[1] || *end != '\0' || n < 1 || n > 1000000000)
		options_wrong(ctl->options, "top: -n wants a number from 1 on, not '%s'", ctl->argv[1]);
	return n;
}

/* Stopped from the keyboard: the terminal is the shell's until it goes on. */
static void
stop(struct top *t)
{
	screen_leave();
	raise(SIGSTOP);
	screen_enter();
	board_draw(&t->board, &t->frame);
}

static void
take_signal(struct top *t)
{
	struct signalfd_siginfo info;

	if (read(t->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo == SIGWINCH) {
		if (t->terminal)
			board_draw(&t->board, &t->frame);
	} else if (info.ssi_signo == SIGTSTP) {
		if (t->terminal)
			stop(t);
		else
			raise(SIGSTOP);
	} else {
		t->ended_by = (int)info.ssi_signo;
		t->quit = true;
	}
}

static void
take_keys(struct top *t)
{
	int key;

	while ((key = screen_key()) != 0)
		if (key == 'q' || key == 'Q')
			t->quit = true;
}

/* Waits for the next second, and hears what comes meanwhile. */
static void
wait_until(struct top *t, int64_t until_ms)
{
	struct pollfd fds[] = { { .fd = t->signal_fd, .events = POLLIN },
	    { .fd = t->terminal && isatty(STDIN_FILENO) ? STDIN_FILENO : -1, .events = POLLIN } };
	int64_t left;

	while (!t->quit && (left = until_ms - clock_ms()) > 0) {
		if (poll(fds, 2, (int)left) <= 0)
			continue;
		if (fds[0].revents != 0)
			take_signal(t);
		if (fds[1].revents & (POLLHUP | POLLERR | POLLNVAL))	/* the terminal is gone */
			t->quit = true;
		else if (fds[1].revents != 0)
			take_keys(t);
	}
}

static void
run(struct top *t)
{
	int64_t next_ms = clock_ms();

	while (!t->quit) {
		board_sample(&t->board, t->ctl);
		if (t->terminal)
			board_draw(&t->board, &t->frame);
		else if (t->board.samples > 0)
			board_print(&t->board);
		if (t->board.samples > 0 && t->left > 0 && --t->left == 0)
			return;
		next_ms += EACH_MS;
		if (next_ms < clock_ms())	/* the database took its time */
			next_ms = clock_ms();
		wait_until(t, next_ms);
	}
}

static bool
open_signals(struct top *t)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP };

	sigemptyset(&t->signals);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaddset(&t->signals, numbers[i]);
	sigprocmask(SIG_BLOCK, &t->signals, NULL);
	t->signal_fd = signalfd(-1, &t->signals, SFD_CLOEXEC);
	return t->signal_fd >= 0;
}

int
cmd_top(struct ctl *ctl)
{
	static struct top t;	/* its history is some kilobytes */

	t.ctl = ctl;
	t.left = count_wanted(ctl);
	if (access(ctl->conf.metrics_file, R_OK) != 0 && errno == EACCES)
		return ctl_fail("%s: %s; run this as root, or as a user of that file's group",
		    ctl->conf.metrics_file, strerror(errno));
	setlocale(LC_CTYPE, "");
	if (!open_signals(&t))
		return ctl_fail("no descriptor for signals");
	t.terminal = screen_enter();
	if (!t.terminal)
		board_print_head();
	run(&t);
	screen_leave();
	shelf_close(&t.board.shelf);
	buf_free(&t.frame);
	close(t.signal_fd);
	if (t.ended_by != 0 && t.ended_by != SIGINT) {	/* as if it had not been caught */
		signal(t.ended_by, SIG_DFL);
		sigprocmask(SIG_UNBLOCK, &t.signals, NULL);
		raise(t.ended_by);
	}
	return EXIT_SUCCESS;
}
