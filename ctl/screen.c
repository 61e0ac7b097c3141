/* The terminal. */
#include "screen.h"

#include <errno.h>
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#define ENTER	"\033[?1049h\033[?25l\033[?7l"	/* another page, no cursor, no wrapping */
#define LEAVE	"\033[0m\033[?7h\033[?25h\033[?1049l"
#define HOLD	"\033[?2026h"	/* show nothing of it before the end, where that is known */
#define RELEASE	"\033[?2026l"

static bool entered, keys;
static struct termios before;

static void
put(const char *s, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDOUT_FILENO, s, len);

		if (n < 0 && errno != EINTR)
			return;
		if (n > 0) {
			s += n;
			len -= (size_t)n;
		}
	}
}

bool
screen_enter(void)
{
	static bool registered;
	struct termios t;

	if (!isatty(STDOUT_FILENO))
		return false;
	keys = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &before) == 0;
	if (keys) {
		t = before;
		t.c_lflag &= ~(tcflag_t)(ICANON | ECHO);	/* Ctrl-C stays a signal */
		t.c_cc[VMIN] = 0;
		t.c_cc[VTIME] = 0;
		tcsetattr(STDIN_FILENO, TCSANOW, &t);
	}
	if (!registered)
		atexit(screen_leave);
	registered = entered = true;
	put(ENTER, strlen(ENTER));
	return true;
}

void
screen_leave(void)
{
	if (!entered)
		return;
	entered = false;
	put(LEAVE, strlen(LEAVE));
	if (keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &before);
}

bool
screen_utf8(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

bool
screen_colours(void)
{
	const char *term = getenv("TERM"), *none = getenv("NO_COLOR");

	return (none == NULL || none[0] == '\0') && term != NULL && strcmp(term, "dumb") != 0;
}

void
screen_size(int *columns, int *rows)
{
	struct winsize size;
	bool told = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 &&
	    size.ws_row > 0;

	*columns = told ? size.ws_col : 80;
	*rows = told ? size.ws_row : 24;
}

void
screen_begin(struct buf *frame)
{
	buf_clear(frame);
	buf_puts(frame, HOLD "\033[H");
}

/* A line is wiped before it is written, and not behind it: one that is full leaves the cursor on its
 * last column, which would be wiped as well. All is one write, so nothing flickers. */
void
screen_line(struct buf *frame, const char *line)
{
	if (frame->len > strlen(HOLD "\033[H"))
		buf_puts(frame, "\r\n");
	buf_puts(frame, "\033[K");
	buf_puts(frame, line);
	buf_puts(frame, "\033[0m");
}

void
screen_show(struct buf *frame)
{
	buf_puts(frame, "\033[J" RELEASE);
	if (!frame->failed)
		put(frame->data, frame->len);
}

void
screen_text(struct buf *line, const char *text, int columns)
{
	mbstate_t state = { 0 };
	size_t left = strlen(text);

	while (left > 0 && columns > 0) {
		wchar_t c;
		size_t n = mbrtowc(&c, text, left, &state);
		int width = n > 0 && n <= left ? wcwidth(c) : -1;

		if (n == 0 || n > left) {	/* no character of this terminal's */
			n = 1;
			memset(&state, 0, sizeof(state));
		}
		if (width > columns)
			break;
		if (width < 0)
			buf_puts(line, "?");
		else
			buf_add(line, text, n);
		columns -= width < 0 ? 1 : width;
		text += n;
		left -= n;
	}
	for (; columns > 0; columns--)
		buf_puts(line, " ");
}

int
screen_key(void)
{
	unsigned char c;

	return keys && read(STDIN_FILENO, &c, 1) == 1 ? c : 0;
}
