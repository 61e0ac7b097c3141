/* What the threads of a worker process share. */
#ifndef LP_WORKER_H
#define LP_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "handlers.h"
#include "metrics.h"
#include "pool.h"

struct client;

struct worker {
	struct ctx ctx;
	const char *name;	/* of its pool */
	const char *conf_path;
	struct pool *pool;
	atomic_int queue_max;	/* requests that may wait for a thread of it; a reload changes it */
	int wait_ms;		/* and how long */
	enum metric_wait thread_wait;	/* where that is counted */
	int epoll, signals;
	bool listening;
	atomic_bool draining;	/* ends after what is in hand */
	_Atomic int64_t leave_ms;	/* when draining: from then on connections are closed from here */
	pthread_mutex_t lock;
	LIST_HEAD(, client) clients;	/* and their number: under the lock */
	int client_count;
};

#endif
