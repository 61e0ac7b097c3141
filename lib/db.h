/* The only place that speaks to PostgreSQL for the workers, the expiry and the
 * daemon: a pool of connections and a table of the functions they may call.
 *
 * A call is one function and so one transaction. A call that writes is sent in
 * one round trip with api.durable(): the function commits without waiting for
 * the disk, so its row locks are gone at once, and api.durable() then waits
 * until that commit is on disk. Nothing is answered or published before. */
#ifndef LP_DB_H
#define LP_DB_H

#include <stdbool.h>

/* The stored functions, in the order of the table in db.c. */
enum db_fn {
	FN_PING,
	FN_REGISTER,
	FN_LOGIN_START,
	FN_LOGIN,
	FN_LOGOUT,
	FN_ME,
	FN_DROP_LIST,
	FN_DROP_LIST_STANDBY,
	FN_DROP_GET,
	FN_DROP_CREATE,
	FN_DROP_UPDATE,
	FN_DROP_RESTOCK,
	FN_RESERVE,
	FN_RESERVATION_LIST,
	FN_RESERVATION_GET,
	FN_RELEASE,
	FN_PURCHASE,
	FN_PURCHASE_LIST,
	FN_PURCHASES_CSV,
	FN_DROP_PURCHASES,
	FN_DROP_FIGURES,
	FN_ADMIN_ACTIONS,
	FN_EXPIRE,
	FN_EXPIRY_LOCK,
	FN_HEARTBEAT,
	FN_HOUSEKEEP,
	FN_OVERDUE,
	FN_WEBHOOK_LOCK,
	FN_WEBHOOK_OPENINGS,
	FN_WEBHOOK_DUE,
	FN_WEBHOOK_DONE,
	FN_WEBHOOK_BACKLOG,
	FN_WEBHOOK_HOUSEKEEP,
	FN_STREAM_POLL,
	FN_STREAM_SESSIONS,
	FN_STREAM_ORIGIN,
	FN_COUNT
};

enum db_status {
	DB_OK,
	DB_INVALID,		/* PostgreSQL would not take a value */
	DB_UNAVAILABLE,		/* no connection, or lost for good: try again later */
	DB_FAILED,		/* a defect: see the log */
};

/* Rows of an answer. */
struct db_result;

int db_rows(const struct db_result *r);

/* The value of a field, valid until the result is freed; NULL for SQL's NULL. */
const char *db_text(const struct db_result *r, int row, int column);

/* The same as a number; 0 for NULL. */
long long db_number(const struct db_result *r, int row, int column);

/* NULL is harmless. */
void db_result_free(struct db_result *r);

struct db_pool;

/* A pool of at most `size` connections as `user` to `database` (a conninfo; see connect.h for
 * several hosts), shared by any number of threads. Connects when first needed. NULL when
 * memory is out. */
struct db_pool *db_pool_new(const char *database, const char *user, int size);
void db_pool_free(struct db_pool *pool);

/* Calls `fn` with `count` text parameters (NULL is SQL's NULL) on a connection
 * borrowed for exactly this call, and sets *result (to NULL unless DB_OK; free
 * it). Deadlocks and serialization failures are tried again, a few times. When
 * the connection dies with the outcome unknown the call is sent once more: each
 * writing function knows a repeated call by the ids and keys it was given, and
 * then answers as it did. Waits at most DB_WAIT_MS for a connection and
 * DB_CALL_MS for an answer. */
enum db_status db_call(struct db_pool *pool, enum db_fn fn, int count,
    const char *const *params, struct db_result **result);

/* Asks for the time, which clock_db_ms() goes by from then on. */
enum db_status db_ask_time(struct db_pool *pool);

/* A lock of the database under which one process works at a time. It goes with the connection
 * that took it: for a pool of one. Zeroed it is not held. */
struct db_lock {
	bool held;
	unsigned long generation;	/* of that connection */
};

/* Asks by `fn`, which answers true or false, for the lock, unless this connection has it
 * already; waits for nobody. lock->held says whether it is ours, and is false unless DB_OK. */
enum db_status db_lock(struct db_pool *pool, enum db_fn fn, struct db_lock *lock);

/* How often the pool has connected anew: a reader that sees it change must not
 * trust what it read before (commits that were not yet on disk may be gone). */
unsigned long db_pool_generation(const struct db_pool *pool);

#define DB_CONNECT_MS	2000
#define DB_WAIT_MS	2000
#define DB_CALL_MS	5000

/* Formats `items` as a PostgreSQL array of text, NULL items as NULL; malloc'd,
 * NULL when memory is out. */
char *db_array(const char *const *items, int count);

#endif
