/* Time for waiting and measuring. */
#include "clock.h"

#include <stdatomic.h>
#include <time.h>

static _Atomic int64_t db_began_ms;	/* the database's time when clock_ms() was 0; 0: not told */

static int64_t
read_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
clock_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

int64_t
clock_ms(void)
{
	return read_us(CLOCK_MONOTONIC) / 1000;
}

int64_t
clock_wall_ms(void)
{
	return read_us(CLOCK_REALTIME) / 1000;
}

int64_t
clock_db_ms(void)
{
	int64_t began = atomic_load(&db_began_ms);

	return began != 0 ? began + clock_ms() : 0;
}

void
clock_db_is(int64_t ms)
{
	atomic_store(&db_began_ms, ms - clock_ms());
}

void
clock_sleep_ms(int64_t ms)
{
	clock_sleep_us(ms * 1000);
}

void
clock_sleep_us(int64_t us)
{
	struct timespec ts = { .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 };

	if (us > 0)
		nanosleep(&ts, NULL);
}
