/* Drawing the board. */
#include "board.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "screen.h"

#define LABEL		20	/* columns of a row's name */
#define VALUE		10	/* of its number */
#define NOTE		26	/* of what is said behind the sparkline, where there is room */
#define BAR_MAX		40

#define DIM	"\033[2m"
#define BOLD	"\033[1m"
#define RED	"\033[31m"
#define PLAIN	"\033[0m"

static const char *const names[TRACK_COUNT] = {
	[TRACK_HOLDS] = "holds/s", [TRACK_SALES] = "sales/s", [TRACK_SOLD_OUT] = "sold out/s",
	[TRACK_REQUESTS] = "requests/s", [TRACK_TOOK] = "answered, p99",
	[TRACK_AWAY] = "turned away/s", [TRACK_THREAD] = "thread wait, p99",
	[TRACK_CONNECTION] = "database wait, p99", [TRACK_SUBSCRIBERS] = "streams",
	[TRACK_LAG] = "event lag, p99",
};

static bool
is_time(enum track t)
{
	return t == TRACK_TOOK || t == TRACK_THREAD || t == TRACK_CONNECTION || t == TRACK_LAG;
}

double
board_value(const struct board *b, enum track t)
{
	return b->samples > 0 ? b->track[t][b->at] : -1;
}

/* Counters begin anew with their file or their process; that is no rate. */
static double
rate(double before, double now, double seconds)
{
	return now >= before && seconds > 0 ? (now - before) / seconds : 0;
}

static void
put_tracks(struct board *b, const struct figures *was, double s)
{
	const struct figures *f = &b->now;
	const double values[TRACK_COUNT] = {
		[TRACK_HOLDS] = rate(was->holds, f->holds, s),
		[TRACK_SALES] = rate(was->sales, f->sales, s),
		[TRACK_SOLD_OUT] = rate(was->sold_out, f->sold_out, s),
		[TRACK_REQUESTS] = rate(was->requests, f->requests, s),
		[TRACK_TOOK] = times_quantile(&was->took, &f->took, 0.99),
		[TRACK_AWAY] = rate(was->turned_away, f->turned_away, s),
		[TRACK_THREAD] = times_quantile(&was->thread_wait, &f->thread_wait, 0.99),
		[TRACK_CONNECTION] = times_quantile(&was->connection_wait, &f->connection_wait, 0.99),
		[TRACK_SUBSCRIBERS] = f->subscribers,
		[TRACK_LAG] = times_quantile(&was->lag, &f->lag, 0.99),
	};

	b->at = (b->at + 1) % BOARD_HISTORY;
	if (b->samples < BOARD_HISTORY)
		b->samples++;
	for (int t = 0; t < TRACK_COUNT; t++) {
		bool known = t == TRACK_SUBSCRIBERS || t == TRACK_LAG ? f->daemon :
		    f->workers && was->workers;

		b->track[t][b->at] = known ? values[t] : -1;
	}
	b->failures = f->workers && was->workers ? rate(was->failures, f->failures, s) : -1;
}

void
board_sample(struct board *b, const struct ctl *ctl)
{
	struct figures was = b->now;

	figures_read(&ctl->conf, &b->now);
	shelf_read(&b->shelf, ctl);
	if (was.at_ms != 0)
		put_tracks(b, &was, (double)(b->now.at_ms - was.at_ms) / 1000);
}

/*
 * Pieces of a line.
 */

static void
colour(struct buf *line, const char *sequence)
{
	if (screen_colours())
		buf_puts(line, sequence);
}

/* The last seconds as bars of eight heights, the highest of them being the top. */
static void
sparkline(const struct board *b, enum track t, int columns, struct buf *line)
{
	static const char *const bars[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	static const char *const ascii[] = { "_", ".", "-", "~", "=", "+", "*", "#" };
	const char *const *heights = screen_utf8() ? bars : ascii;
	double top = 0;

	for (int i = 0; i < columns && i < b->samples; i++) {
		double v = b->track[t][(b->at - i + BOARD_HISTORY) % BOARD_HISTORY];

		top = v > top ? v : top;
	}
	for (int i = columns - 1; i >= 0; i--) {
		double v = i < b->samples ? b->track[t][(b->at - i + BOARD_HISTORY) % BOARD_HISTORY] : -1;

		buf_puts(line, v < 0 ? " " : top <= 0 ? heights[0] : heights[(int)(v / top * 7 + 0.5)]);
	}
}

static void
number(double v, enum track t, char *out, size_t size)
{
	if (v < 0)
		snprintf(out, size, "-");
	else if (is_time(t))
		snprintf(out, size, v < 10 ? "%.1f ms" : "%.0f ms", v);
	else
		snprintf(out, size, "%.0f", v);
}

static void
note(const struct board *b, enum track t, char *out, size_t size)
{
	const struct figures *f = &b->now;

	out[0] = '\0';
	switch (t) {
	case TRACK_HOLDS:
		snprintf(out, size, "%.0f in all", f->holds);
		return;
	case TRACK_SALES:
		snprintf(out, size, "%.0f in all", f->sales);
		return;
	case TRACK_SOLD_OUT:
		snprintf(out, size, "%.0f in all", f->sold_out);
		return;
	case TRACK_REQUESTS:
		if (b->failures >= 0)
			snprintf(out, size, "%.0f failed", b->failures);
		return;
	case TRACK_SUBSCRIBERS:
		snprintf(out, size, "of %.0f", f->subscribers_max);
		return;
	case TRACK_LAG:
		snprintf(out, size, "%.0f skipped, %.0f let go", f->skipped, f->let_go);
		return;
	default:
		return;
	}
}

static void
draw_track(const struct board *b, enum track t, int columns, struct buf *line)
{
	char value[32], said[64];
	bool roomy = columns >= LABEL + VALUE + NOTE + 12;
	int spark = columns - LABEL - VALUE - 2 - (roomy ? NOTE : 0);

	buf_clear(line);
	screen_text(line, names[t], columns < LABEL ? columns : LABEL);
	number(board_value(b, t), t, value, sizeof(value));
	colour(line, t == TRACK_AWAY && board_value(b, t) > 0 ? RED BOLD : BOLD);
	if (columns > LABEL) {
		int width = columns - LABEL < VALUE ? columns - LABEL : VALUE;
		int pad = width - (int)strlen(value);

		buf_printf(line, "%*s", pad > 0 ? pad : 0, "");
		screen_text(line, value, pad > 0 ? width - pad : width);
	}
	colour(line, PLAIN);
	if (spark > 0) {
		buf_puts(line, "  ");
		sparkline(b, t, spark > BOARD_HISTORY ? BOARD_HISTORY : spark, line);
	}
	if (!roomy)
		return;
	note(b, t, said, sizeof(said));
	buf_puts(line, "  ");
	colour(line, DIM);
	screen_text(line, said, NOTE - 2);
}

/* Which parts are there, and the time. */
static void
draw_head(const struct board *b, int columns, struct buf *line)
{
	const struct figures *f = &b->now;
	time_t now = time(NULL);
	char parts[256], clock[16];
	struct tm tm;
	long since = f->swept_at > 0 ? (long)((double)now - f->swept_at) : -1;
	size_t n;

	n = (size_t)snprintf(parts, sizeof(parts), "Lastpair  database %s  workers %s  daemon %s  redis %s  expiry ",
	    b->shelf.ok ? "ok" : "AWAY", f->workers ? "ok" : "UNKNOWN", f->daemon ? "ok" : "AWAY",
	    f->redis_up > 0 ? "ok" : "AWAY");
	if (since < 0)
		snprintf(parts + n, sizeof(parts) - n, "NEVER");
	else if (since < 5)
		snprintf(parts + n, sizeof(parts) - n, "ok");
	else
		snprintf(parts + n, sizeof(parts) - n, "%ld s AGO", since);
	if (b->shelf.ok && b->shelf.overdue_s >= 1) {
		n = strlen(parts);
		snprintf(parts + n, sizeof(parts) - n, "  OVERDUE %.0f s", b->shelf.overdue_s);
	}
	localtime_r(&now, &tm);
	strftime(clock, sizeof(clock), " %H:%M:%S", &tm);
	buf_clear(line);
	colour(line, BOLD);
	screen_text(line, parts, columns > 9 ? columns - 9 : columns);
	if (columns > 9)
		screen_text(line, clock, 9);
}

/* A drop's pairs as a bar: sold, held, free. */
static void
bar(const struct shelf_drop *d, int columns, struct buf *line)
{
	static const char *const blocks[] = { "█", "▒", "░" }, *const ascii[] = { "#", "+", "." };
	static const char *const colours[] = { "\033[32m", "\033[33m", DIM };
	const long long parts[] = { d->sold, d->reserved, d->available };
	long long all = d->total > 0 ? d->total : 1, upto = 0;
	int at = 0;

	for (int i = 0; i < 3; i++) {
		int end;

		upto += parts[i];
		end = (int)(upto * columns / all);
		if (parts[i] > 0 && end == at && end < columns)
			end++;	/* one pair of many is seen all the same */
		colour(line, colours[i]);
		for (; at < end && at < columns; at++)
			buf_puts(line, screen_utf8() ? blocks[i] : ascii[i]);
		colour(line, PLAIN);
	}
	for (; at < columns; at++)
		buf_puts(line, " ");
}

/* Columns: id 8, name, status 9, bar, three numbers of 8. */
static void
draw_drop(const struct shelf_drop *d, int columns, struct buf *line)
{
	int rest = columns - 8 - 9 - 3 * 8, bars = 0, name;
	char text[64];

	buf_clear(line);
	if (rest > 34)
		bars = rest - 24 < BAR_MAX ? rest - 24 : BAR_MAX;
	name = rest - bars - (bars > 0 ? 1 : 0);
	if (name < 8) {		/* a narrow terminal: its number and what is free */
		snprintf(text, sizeof(text), "%lld: %lld free, %lld held, %lld sold", d->id, d->available,
		    d->reserved, d->sold);
		screen_text(line, text, columns);
		return;
	}
	snprintf(text, sizeof(text), "%6lld  ", d->id);
	screen_text(line, text, 8);
	screen_text(line, d->name, name - 1);
	buf_puts(line, " ");
	screen_text(line, d->status, 9);
	if (bars > 0) {
		bar(d, bars, line);
		buf_puts(line, " ");
	}
	snprintf(text, sizeof(text), "%8lld%8lld%8lld", d->available, d->reserved, d->sold);
	screen_text(line, text, 24);
}

/* Right above the drops' three numbers. */
static void
draw_drops_head(int columns, struct buf *line)
{
	buf_clear(line);
	colour(line, DIM);
	screen_text(line, "    id  drop", columns > 24 ? columns - 24 : columns);
	if (columns > 24)
		screen_text(line, "    free    held    sold", 24);
}

/* Lines until the screen is full: the last row stays for what did not fit, and the keys. */
static int
draw_tracks(const struct board *b, struct buf *frame, struct buf *line, int columns, int rows)
{
	int used = 0;

	for (int t = 0; t < TRACK_COUNT && used < rows; t++, used++) {
		draw_track(b, (enum track)t, columns, line);
		screen_line(frame, line->data);
	}
	return used;
}

static void
draw_foot(const struct board *b, int shown, int columns, struct buf *line)
{
	char text[160];
	int hidden = b->shelf.count + b->shelf.more - shown;

	if (!b->shelf.ok)
		snprintf(text, sizeof(text), "the database does not answer: the drops are those of before; q quits");
	else if (hidden > 0)
		snprintf(text, sizeof(text), "%d open drops, %d more than there is room for; q quits",
		    b->shelf.count + b->shelf.more, hidden);
	else
		snprintf(text, sizeof(text), "%d open drops; q quits", shown);
	buf_clear(line);
	colour(line, DIM);
	screen_text(line, text, columns);
}

void
board_draw(const struct board *b, struct buf *frame)
{
	struct buf line = { 0 };
	int columns, rows, shown = 0;

	screen_size(&columns, &rows);
	screen_begin(frame);
	draw_head(b, columns, &line);
	screen_line(frame, line.data);
	rows--;
	if (rows > 1)
		rows -= draw_tracks(b, frame, &line, columns, rows - 1);
	if (rows > 3) {
		screen_line(frame, "");
		draw_drops_head(columns, &line);
		screen_line(frame, line.data);
		for (rows -= 2; shown < b->shelf.count && rows > 1; shown++, rows--) {
			draw_drop(&b->shelf.drops[shown], columns, &line);
			screen_line(frame, line.data);
		}
	}
	if (rows > 0) {
		draw_foot(b, shown, columns, &line);
		screen_line(frame, line.data);
	}
	screen_show(frame);
	buf_free(&line);
}

/*
 * Without a terminal.
 */

void
board_print_head(void)
{
	puts("time      holds/s  sales/s soldout/s requests/s failed/s away/s    p99ms  waitms  streams   lagms overdue");
}

/* A blank and a figure, or a dash for what is not known. */
static void
print_figure(int width, double v, int decimals)
{
	if (v < 0)
		printf(" %*s", width, "-");
	else
		printf(" %*.*f", width, decimals, v);
}

void
board_print(const struct board *b)
{
	static const struct {
		enum track track;
		int width;
	} columns[] = { { TRACK_HOLDS, 8 }, { TRACK_SALES, 8 }, { TRACK_SOLD_OUT, 9 },
	    { TRACK_REQUESTS, 10 } }, more[] = { { TRACK_AWAY, 6 }, { TRACK_TOOK, 8 },
	    { TRACK_THREAD, 7 }, { TRACK_SUBSCRIBERS, 8 }, { TRACK_LAG, 7 } };
	time_t now = time(NULL);
	char clock[16];
	struct tm tm;

	localtime_r(&now, &tm);
	strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	fputs(clock, stdout);
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		print_figure(columns[i].width, board_value(b, columns[i].track), 0);
	print_figure(8, b->failures, 0);
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		print_figure(more[i].width, board_value(b, more[i].track), is_time(more[i].track) ? 1 : 0);
	print_figure(7, b->shelf.ok ? b->shelf.overdue_s : -1, 1);
	putchar('\n');
	fflush(stdout);
}
