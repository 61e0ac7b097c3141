/* Threads for what may wait: calls of the database, and hashing passwords. */
#ifndef LP_POOL_H
#define LP_POOL_H

#include <stdint.h>
#include <sys/queue.h>

/* One piece of work, mostly part of what it is about; the pool owns nothing of it. */
struct job {
	TAILQ_ENTRY(job) next;
	void (*run)(void *arg);	/* on a thread of the pool; may free the job */
	void *arg;
	int64_t since_ms;		/* when it was handed over */
};

struct pool;

/* A pool of `threads` threads; NULL when they can't be had. */
struct pool *pool_new(int threads);

/* Hands over a job: behind all others, or before them. From any thread. */
void pool_push(struct pool *pool, struct job *job);
void pool_push_first(struct pool *pool, struct job *job);

/* How many jobs wait for a thread. */
int pool_waiting(struct pool *pool);

/* Ends the threads, once no job is left. NULL is harmless. */
void pool_free(struct pool *pool);

#endif
