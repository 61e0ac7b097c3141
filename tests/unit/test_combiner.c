/* Gathering reserves into calls, with a stand-in for the database whose calls wait until
 * the test lets them end. */
#include "combiner.h"

#include <pthread.h>
#include <semaphore.h>

#include "clock.h"
#include "test.h"

#define MAX_CALLS 64

/* Rows that only know whose they are. */
struct db_result {
	int count;
};

/* What was asked of the stand-in, in the order it came. */
static struct {
	pthread_mutex_t lock;
	int begun, ended;	/* calls */
	bool hold;		/* calls wait for this to be false */
	const char *poison;	/* a call with this in its ids fails */
	enum db_status status;	/* of every other call */
	char ids[MAX_CALLS][512];
	char drops[MAX_CALLS][24];
	int rows_alive;
} fake = { .lock = PTHREAD_MUTEX_INITIALIZER };

static bool
held_back(void)
{
	bool yes;

	pthread_mutex_lock(&fake.lock);
	yes = fake.hold;
	pthread_mutex_unlock(&fake.lock);
	return yes;
}

enum db_status
db_call(struct db_pool *pool, enum db_fn fn, int count, const char *const *params,
    struct db_result **result)
{
	enum db_status status;
	int n;

	(void)pool;
	assert_int_equal(fn, FN_RESERVE);
	assert_int_equal(count, 6);
	*result = NULL;
	pthread_mutex_lock(&fake.lock);
	n = fake.begun++;
	snprintf(fake.drops[n], sizeof(fake.drops[n]), "%s", params[0]);
	snprintf(fake.ids[n], sizeof(fake.ids[n]), "%s", params[1]);
	status = fake.poison != NULL && strstr(params[1], fake.poison) != NULL ? DB_FAILED :
	    fake.status;
	pthread_mutex_unlock(&fake.lock);
	while (held_back())
		clock_sleep_ms(1);
	pthread_mutex_lock(&fake.lock);
	fake.ended++;
	if (status == DB_OK) {
		*result = malloc(sizeof(**result));
		(*result)->count = 2;	/* one comma a row, and the row of all */
		for (const char *s = params[1]; *s != '\0'; s++)
			(*result)->count += *s == ',';
		fake.rows_alive++;
	}
	pthread_mutex_unlock(&fake.lock);
	return status;
}

int
db_rows(const struct db_result *r)
{
	return r->count;
}

void
db_result_free(struct db_result *r)
{
	if (r == NULL)
		return;
	pthread_mutex_lock(&fake.lock);
	fake.rows_alive--;
	pthread_mutex_unlock(&fake.lock);
	free(r);
}

char *
db_array(const char *const *items, int count)
{
	char *out = calloc(1, 512);

	for (int i = 0; i < count; i++) {
		if (i > 0)
			strcat(out, ",");
		strcat(out, items[i] != NULL ? items[i] : "NULL");
	}
	return out;
}

/* Who asks, and is told on a thread of the pool. */
struct caller {
	struct reserve reserve;
	sem_t told;
	int times;		/* it was told */
	char id[8];
};

static struct pool *pool;

static void
told(struct reserve *r)
{
	struct caller *c = r->arg;

	c->times++;
	sem_post(&c->told);
}

/* False: turned away at once. */
static bool
begin(struct caller *c, struct combiner *combiner, int n, int64_t drop, int64_t user)
{
	*c = (struct caller){ .reserve = { .drop = drop, .user = user, .done = told, .arg = c } };
	snprintf(c->id, sizeof(c->id), "i%d", n);
	c->reserve.id = c->id;
	c->reserve.session = "s";
	sem_init(&c->told, 0, 0);
	return combiner_join(combiner, &c->reserve);
}

static void
end(struct caller *c, enum db_status wanted)
{
	while (sem_wait(&c->told) != 0)
		;
	assert_int_equal(c->times, 1);
	assert_int_equal(c->reserve.verdict.status, wanted);
	assert_true((c->reserve.verdict.rows != NULL) == (wanted == DB_OK));
}

static int
begun(void)
{
	int n;

	pthread_mutex_lock(&fake.lock);
	n = fake.begun;
	pthread_mutex_unlock(&fake.lock);
	return n;
}

static void
wait_begun(int n)
{
	for (int64_t until = clock_ms() + 5000; begun() < n; clock_sleep_ms(1))
		assert_true(clock_ms() < until);
}

static void
let_go(void)
{
	pthread_mutex_lock(&fake.lock);
	fake.hold = false;
	pthread_mutex_unlock(&fake.lock);
}

static struct combiner *
open_combiner(int batch_max, int waiting_max, int wait_ms, bool hold)
{
	pthread_mutex_lock(&fake.lock);
	fake.begun = fake.ended = 0;
	fake.hold = hold;
	fake.poison = NULL;
	fake.status = DB_OK;
	pthread_mutex_unlock(&fake.lock);
	pool = pool_new(4);
	assert_non_null(pool);
	return combiner_new(NULL, pool, &(struct combiner_limits){ .batch_max = batch_max,
	    .waiting_max = waiting_max, .wait_ms = wait_ms });
}

/* Begins callers `from` to `to` behind a call that does not end before let_go(). */
static void
queue_up(struct combiner *c, struct caller *all, int from, int to)
{
	for (int i = from; i <= to; i++)
		assert_true(begin(&all[i], c, i, 7, 100 + i));
}

static void
close_combiner(struct combiner *c, struct caller *all, int count)
{
	pool_free(pool);
	for (int i = 0; i < count; i++)
		verdict_free(&all[i].reserve.verdict);
	combiner_free(c);
	assert_int_equal(fake.rows_alive, 0);
}

static void
a_lone_reserve_goes_at_once_and_alone(void **state)
{
	struct caller all[2];
	struct combiner *c = open_combiner(64, 64, 1000, false);

	(void)state;
	for (int i = 0; i < 2; i++) {
		begin(&all[i], c, i, 7, 1);
		end(&all[i], DB_OK);
		assert_int_equal(all[i].reserve.verdict.row, 0);
		assert_int_equal(all[i].reserve.verdict.shared_row, 1);
	}
	assert_int_equal(fake.begun, 2);
	assert_string_equal(fake.ids[0], "i0");
	assert_string_equal(fake.drops[0], "7");
	close_combiner(c, all, 2);
}

static void
those_who_wait_go_together_in_the_order_they_came(void **state)
{
	struct caller all[5];
	struct combiner *c = open_combiner(64, 64, 5000, true);

	(void)state;
	begin(&all[0], c, 0, 7, 100);
	wait_begun(1);
	queue_up(c, all, 1, 4);
	assert_int_equal(begun(), 1);
	let_go();
	for (int i = 0; i < 5; i++)
		end(&all[i], DB_OK);
	assert_int_equal(fake.begun, 2);
	assert_string_equal(fake.ids[1], "i1,i2,i3,i4");
	for (int i = 1; i < 5; i++) {
		assert_int_equal(all[i].reserve.verdict.row, i - 1);
		assert_int_equal(all[i].reserve.verdict.shared_row, 4);
		assert_ptr_equal(all[i].reserve.verdict.rows, all[1].reserve.verdict.rows);
	}
	close_combiner(c, all, 5);
}

static void
another_drop_waits_for_nobody(void **state)
{
	struct caller all[2];
	struct combiner *c = open_combiner(64, 64, 5000, true);

	(void)state;
	begin(&all[0], c, 0, 7, 100);
	wait_begun(1);
	begin(&all[1], c, 1, 8, 100);
	wait_begun(2);
	assert_string_equal(fake.drops[1], "8");
	let_go();
	end(&all[0], DB_OK);
	end(&all[1], DB_OK);
	close_combiner(c, all, 2);
}

static void
a_call_names_each_user_once(void **state)
{
	struct caller all[4];
	struct combiner *c = open_combiner(64, 64, 5000, true);

	(void)state;
	begin(&all[0], c, 0, 7, 100);
	wait_begun(1);
	for (int i = 1; i <= 3; i++)
		begin(&all[i], c, i, 7, i < 3 ? 101 : 103);
	let_go();
	for (int i = 0; i < 4; i++)
		end(&all[i], DB_OK);
	assert_int_equal(fake.begun, 3);
	assert_string_equal(fake.ids[1], "i1,i3");
	assert_string_equal(fake.ids[2], "i2");
	close_combiner(c, all, 4);
}

static void
a_call_is_no_larger_than_it_may_be(void **state)
{
	struct caller all[6];
	struct combiner *c = open_combiner(2, 64, 5000, true);

	(void)state;
	begin(&all[0], c, 0, 7, 100);
	wait_begun(1);
	queue_up(c, all, 1, 5);
	let_go();
	for (int i = 0; i < 6; i++)
		end(&all[i], DB_OK);
	assert_string_equal(fake.ids[1], "i1,i2");
	assert_string_equal(fake.ids[2], "i3,i4");
	assert_string_equal(fake.ids[3], "i5");
	close_combiner(c, all, 6);
}

static void
one_more_than_may_wait_is_turned_away_at_once(void **state)
{
	struct caller all[4];
	struct combiner *c = open_combiner(64, 2, 5000, true);

	(void)state;
	begin(&all[0], c, 0, 7, 100);
	wait_begun(1);
	queue_up(c, all, 1, 2);
	assert_false(begin(&all[3], c, 3, 7, 103));
	let_go();
	for (int i = 0; i < 3; i++)
		end(&all[i], DB_OK);
	assert_string_equal(fake.ids[1], "i1,i2");
	assert_int_equal(all[3].times, 0);
	close_combiner(c, all, 4);
}

/* A call that takes so long, with nobody else about. */
static void
slow_call(struct combiner *c, int n, int ms)
{
	struct caller one;

	pthread_mutex_lock(&fake.lock);
	fake.hold = true;
	pthread_mutex_unlock(&fake.lock);
	begin(&one, c, n, 7, 100);
	wait_begun(n + 1);
	clock_sleep_ms(ms);
	let_go();
	end(&one, DB_OK);
	verdict_free(&one.reserve.verdict);
}

static void
who_would_wait_too_long_is_turned_away_at_once_but_not_from_the_next_call(void **state)
{
	struct combiner_limits limits = { .batch_max = 2, .waiting_max = 64, .wait_ms = 5000,
	    .soon_ms = 20 };
	struct caller all[5];
	struct combiner *c = open_combiner(2, 64, 5000, true);
	int n = 0;

	(void)state;
	combiner_limit(c, &limits);
	slow_call(c, n++, 60);	/* one alone is no reason yet */
	pthread_mutex_lock(&fake.lock);
	fake.hold = true;
	pthread_mutex_unlock(&fake.lock);
	begin(&all[0], c, n++, 7, 100);
	wait_begun(n);
	queue_up(c, all, 1, 3);
	let_go();
	for (int i = 0; i < 4; i++)
		end(&all[i], DB_OK);
	for (int i = 0; i < 4; i++)
		verdict_free(&all[i].reserve.verdict);
	n = begun();

	for (int i = 0; i < 10; i++)
		slow_call(c, n++, 45);
	pthread_mutex_lock(&fake.lock);
	fake.hold = true;
	pthread_mutex_unlock(&fake.lock);
	begin(&all[0], c, n, 7, 100);
	wait_begun(n + 1);
	queue_up(c, all, 1, 2);
	assert_false(begin(&all[3], c, 3, 7, 103));
	limits.soon_ms = 0;
	combiner_limit(c, &limits);
	assert_true(begin(&all[4], c, 4, 7, 104));
	let_go();
	for (int i = 0; i < 3; i++)
		end(&all[i], DB_OK);
	end(&all[4], DB_OK);
	assert_int_equal(all[3].times, 0);
	close_combiner(c, all, 5);
}

static void
who_waited_in_vain_leaves_and_is_not_called_for(void **state)
{
	struct caller all[3];
	struct combiner *c = open_combiner(64, 64, 100, true);

	(void)state;
	begin(&all[0], c, 0, 7, 100);
	wait_begun(1);
	begin(&all[1], c, 1, 7, 101);
	combiner_turn_away(c);
	assert_int_equal(all[1].times, 0);	/* not yet */
	clock_sleep_ms(110);
	begin(&all[2], c, 2, 7, 102);
	combiner_turn_away(c);
	end(&all[1], DB_UNAVAILABLE);
	let_go();
	end(&all[0], DB_OK);
	end(&all[2], DB_OK);
	assert_int_equal(fake.begun, 2);
	assert_string_equal(fake.ids[1], "i2");
	close_combiner(c, all, 3);
}

static void
one_that_spoils_a_call_spoils_its_own_alone(void **state)
{
	struct caller all[4];
	struct combiner *c = open_combiner(64, 64, 5000, true);

	(void)state;
	begin(&all[0], c, 0, 7, 100);
	wait_begun(1);
	queue_up(c, all, 1, 3);
	fake.poison = "i2";
	let_go();
	end(&all[0], DB_OK);
	end(&all[1], DB_OK);
	end(&all[2], DB_FAILED);
	end(&all[3], DB_OK);
	assert_int_equal(fake.begun, 5);
	assert_int_equal(all[3].reserve.verdict.row, 0);
	close_combiner(c, all, 4);
}

static void
a_database_that_is_away_is_away_for_all_of_a_call(void **state)
{
	struct caller all[3];
	struct combiner *c = open_combiner(64, 64, 5000, true);

	(void)state;
	begin(&all[0], c, 0, 7, 100);
	wait_begun(1);
	queue_up(c, all, 1, 2);
	fake.status = DB_UNAVAILABLE;
	let_go();
	end(&all[0], DB_OK);
	end(&all[1], DB_UNAVAILABLE);
	end(&all[2], DB_UNAVAILABLE);
	assert_int_equal(fake.begun, 2);	/* nobody is asked for again */
	close_combiner(c, all, 3);
}

/* What a member of the crowd needs. */
struct fan {
	struct combiner *combiner;
	pthread_t thread;
	int n;
};

/* Many threads, few drops and users, nothing held back: each gets the row of its own call. */
static void *
ask_often(void *arg)
{
	struct fan *fan = arg;

	for (int i = 0; i < 500; i++) {
		struct caller c;
		const struct verdict *v = &c.reserve.verdict;

		assert_true(begin(&c, fan->combiner, fan->n, fan->n % 3, fan->n % 20));
		end(&c, DB_OK);
		assert_true(v->row < v->shared_row);
		assert_int_equal(v->rows->count, v->shared_row + 1);
		verdict_free(&c.reserve.verdict);
		pthread_mutex_lock(&fake.lock);
		fake.begun = 0;	/* no more is written down than there is room for */
		pthread_mutex_unlock(&fake.lock);
	}
	return NULL;
}

static void
a_crowd_is_served_to_the_last(void **state)
{
	struct fan fans[32];
	struct combiner *c = open_combiner(8, 64, 5000, false);

	(void)state;
	for (int i = 0; i < 32; i++) {
		fans[i] = (struct fan){ .combiner = c, .n = i };
		assert_int_equal(pthread_create(&fans[i].thread, NULL, ask_often, &fans[i]), 0);
	}
	for (int i = 0; i < 32; i++)
		pthread_join(fans[i].thread, NULL);
	close_combiner(c, NULL, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lone_reserve_goes_at_once_and_alone),
		cmocka_unit_test(those_who_wait_go_together_in_the_order_they_came),
		cmocka_unit_test(another_drop_waits_for_nobody),
		cmocka_unit_test(a_call_names_each_user_once),
		cmocka_unit_test(a_call_is_no_larger_than_it_may_be),
		cmocka_unit_test(one_more_than_may_wait_is_turned_away_at_once),
		cmocka_unit_test(
		    who_would_wait_too_long_is_turned_away_at_once_but_not_from_the_next_call),
		cmocka_unit_test(who_waited_in_vain_leaves_and_is_not_called_for),
		cmocka_unit_test(one_that_spoils_a_call_spoils_its_own_alone),
		cmocka_unit_test(a_database_that_is_away_is_away_for_all_of_a_call),
		cmocka_unit_test(a_crowd_is_served_to_the_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
