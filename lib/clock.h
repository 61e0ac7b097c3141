/* Time for waiting and measuring. What the store decides by time is decided
 * by the database's clock, never by this one. */
#ifndef LP_CLOCK_H
#define LP_CLOCK_H

#include <stdint.h>

/* Monotonic milliseconds and microseconds: only differences mean anything. */
int64_t clock_ms(void);
int64_t clock_us(void);

/* Milliseconds since 1970 by the machine's clock. */
int64_t clock_wall_ms(void);

/* Milliseconds since 1970 by the database's clock, as last told and counted on from there: whoever
 * moves the machine's clock does not move this one. 0: not told yet. */
int64_t clock_db_ms(void);

/* The database has just said that it is `ms` there. Thread-safe. */
void clock_db_is(int64_t ms);

/* Sleep; a signal may end it early. */
void clock_sleep_ms(int64_t ms);
void clock_sleep_us(int64_t us);

#endif
