/* The board of `lastpairctl top`: what a frame of it shows. */
#ifndef CTL_BOARD_H
#define CTL_BOARD_H

#include "figures.h"
#include "shelf.h"

#define BOARD_HISTORY 240	/* seconds that a sparkline can show */

/* What happened, a second: of rates so many in it, of times the milliseconds within which 99 of a
 * hundred ended, -1 where nothing came. */
enum track {
	TRACK_HOLDS,
	TRACK_SALES,
	TRACK_SOLD_OUT,
	TRACK_REQUESTS,
	TRACK_TOOK,
	TRACK_AWAY,
	TRACK_THREAD,
	TRACK_CONNECTION,
	TRACK_SUBSCRIBERS,
	TRACK_LAG,
	TRACK_COUNT
};

struct board {
	struct figures now;
	struct shelf shelf;
	double failures;		/* of the last second; below 0: not known */
	double track[TRACK_COUNT][BOARD_HISTORY];	/* rings; the newest is at `at` */
	int at, samples;
};

/* Takes a new sample; the first makes no rates yet. */
void board_sample(struct board *b, const struct ctl *ctl);

/* The newest value of a track; -1 while there is none. */
double board_value(const struct board *b, enum track t);

/* Draws all of it to the screen, as large as that is. */
void board_draw(const struct board *b, struct buf *frame);

/* The head and a line of it for standard output that is no terminal. */
void board_print_head(void);
void board_print(const struct board *b);

#endif
