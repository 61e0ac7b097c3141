/* A queue of jobs, and the threads that take them from it. */
#include "pool.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "clock.h"

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t come;	/* a job, or the end */
	TAILQ_HEAD(, job) jobs;
	int waiting;
	bool ending;
	int count;
	pthread_t threads[];
};

static struct job *
take(struct pool *pool)
{
	struct job *job;

	pthread_mutex_lock(&pool->lock);
	while ((job = TAILQ_FIRST(&pool->jobs)) == NULL && !pool->ending)
		pthread_cond_wait(&pool->come, &pool->lock);
	if (job != NULL) {
		TAILQ_REMOVE(&pool->jobs, job, next);
		pool->waiting--;
	}
	pthread_mutex_unlock(&pool->lock);
	return job;
}

static void *
work(void *arg)
{
	struct job *job;

	while ((job = take(arg)) != NULL)
		job->run(job->arg);
	return NULL;
}

struct pool *
pool_new(int threads)
{
	struct pool *pool = calloc(1, sizeof(*pool) + (size_t)threads * sizeof(pthread_t));

	if (pool == NULL)
		return NULL;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->come, NULL);
	TAILQ_INIT(&pool->jobs);
	for (; pool->count < threads; pool->count++) {
		if (pthread_create(&pool->threads[pool->count], NULL, work, pool) != 0) {
			pool_free(pool);
			return NULL;
		}
	}
	return pool;
}

static void
push(struct pool *pool, struct job *job, bool first)
{
	job->since_ms = clock_ms();
	pthread_mutex_lock(&pool->lock);
	if (first)
		TAILQ_INSERT_HEAD(&pool->jobs, job, next);
	else
		TAILQ_INSERT_TAIL(&pool->jobs, job, next);
	pool->waiting++;
	pthread_mutex_unlock(&pool->lock);
	pthread_cond_signal(&pool->come);
}

void
pool_push(struct pool *pool, struct job *job)
{
	push(pool, job, false);
}

void
pool_push_first(struct pool *pool, struct job *job)
{
	push(pool, job, true);
}

int
pool_waiting(struct pool *pool)
{
	int n;

	pthread_mutex_lock(&pool->lock);
	n = pool->waiting;
	pthread_mutex_unlock(&pool->lock);
	return n;
}

void
pool_free(struct pool *pool)
{
	if (pool == NULL)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->ending = true;
	pthread_mutex_unlock(&pool->lock);
	pthread_cond_broadcast(&pool->come);
	for (int i = 0; i < pool->count; i++)
		pthread_join(pool->threads[i], NULL);
	pthread_cond_destroy(&pool->come);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}
