/* Event bases as the daemon's loops need them. */
#ifndef SSE_BASE_H
#define SSE_BASE_H

#include <event2/event.h>

/* A base for one thread alone; NULL when memory is out. */
struct event_base *base_new(void);

#endif
