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

/* Sleep; a signal may end it early. */
void clock_sleep_ms(int64_t ms);
void clock_sleep_us(int64_t us);

#endif
