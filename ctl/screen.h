/* A terminal that is drawn anew from time to time, in whole frames: ECMA-48's sequences, which
 * every terminal of today knows, and termios(3). */
#ifndef CTL_SCREEN_H
#define CTL_SCREEN_H

#include <stdbool.h>

#include "buf.h"

/* Takes the terminal of standard output over: another page, no cursor, keys at once and without
 * echo. False when standard output is no terminal. screen_leave() gives everything back, and runs
 * at the exit of the process by itself. */
bool screen_enter(void);
void screen_leave(void);

/* Whether the terminal shows UTF-8, and colours. */
bool screen_utf8(void);
bool screen_colours(void);

/* Its size now, as the kernel tells it; 80 by 24 where it does not. */
void screen_size(int *columns, int *rows);

/* Begins a frame; adds lines to it, which must fit; shows it, in one write. */
void screen_begin(struct buf *frame);
void screen_line(struct buf *frame, const char *line);
void screen_show(struct buf *frame);

/* Appends `text`, cut or filled with blanks to so many columns. What is not printable, or not to be
 * had in this terminal, is a question mark. */
void screen_text(struct buf *line, const char *text, int columns);

/* A key that was pressed, or 0; does not wait. */
int screen_key(void);

#endif
