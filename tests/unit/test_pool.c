/* Threads that take jobs from a queue. */
#include "pool.h"

#include <semaphore.h>

#include "clock.h"
#include "test.h"

struct task {
	struct job job;
	int n;
	sem_t *go, *done;	/* waits for the one, posts the other; NULL: does not */
};

static char order[16];	/* in which tasks ran, of a pool of one thread */
static int ran;

static void
run(void *arg)
{
	struct task *t = arg;

	while (t->go != NULL && sem_wait(t->go) != 0)
		;
	order[ran++] = (char)('0' + t->n);
	if (t->done != NULL)
		sem_post(t->done);
}

static void
jobs_run_in_the_order_they_came_but_for_those_put_first(void **state)
{
	struct pool *pool = pool_new(1);
	struct task tasks[4];
	sem_t go;

	(void)state;
	assert_non_null(pool);
	sem_init(&go, 0, 0);
	ran = 0;
	for (int i = 0; i < 4; i++)
		tasks[i] = (struct task){ .job = { .run = run, .arg = &tasks[i] }, .n = i,
		    .go = i == 0 ? &go : NULL };
	pool_push(pool, &tasks[0].job);
	for (int64_t until = clock_ms() + 5000; pool_waiting(pool) > 0; clock_sleep_ms(1))
		assert_true(clock_ms() < until);
	pool_push(pool, &tasks[1].job);
	pool_push(pool, &tasks[2].job);
	pool_push_first(pool, &tasks[3].job);
	assert_int_equal(pool_waiting(pool), 3);
	assert_true(tasks[1].job.since_ms <= tasks[3].job.since_ms);
	sem_post(&go);
	pool_free(pool);	/* once all are done */
	order[ran] = '\0';
	assert_string_equal(order, "0312");
}

static void
one_job_that_waits_does_not_hold_up_another_thread(void **state)
{
	struct pool *pool = pool_new(2);
	sem_t go, done;
	struct task slow = { .job = { .run = run, .arg = &slow }, .go = &go };
	struct task quick = { .job = { .run = run, .arg = &quick }, .done = &done };

	(void)state;
	assert_non_null(pool);
	sem_init(&go, 0, 0);
	sem_init(&done, 0, 0);
	ran = 0;
	pool_push(pool, &slow.job);
	pool_push(pool, &quick.job);
	while (sem_wait(&done) != 0)
		;
	sem_post(&go);
	pool_free(pool);
	assert_int_equal(ran, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jobs_run_in_the_order_they_came_but_for_those_put_first),
		cmocka_unit_test(one_job_that_waits_does_not_hold_up_another_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
