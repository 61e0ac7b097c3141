/* A thread that does all reading of PostgreSQL, so that the event loop never
 * waits for it. One question of each kind at a time. */
#ifndef SSE_READER_H
#define SSE_READER_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "conf.h"
#include "drop.h"

/* "Which drops are open, and what of them is not as I know it?" */
struct poll_request {
	uint64_t number;
	int count;
	struct known {
		int64_t drop, version;
	} known[];		/* in order of `drop` */
};

/* One entry for each open drop; those that are as known carry no more than their
 * version. */
struct poll_answer {
	uint64_t number;
	bool ok;
	bool renewed;	/* what was known before may be untrue: all is told in full */
	int count;
	struct drop_news *news;
};

#define SESSION_LEN 16

struct session {
	unsigned char id[SESSION_LEN];
	int64_t user;
};

/* "Which of these sessions still stand?" `user` is not looked at. */
struct session_request {
	unsigned long round;
	int count;
	struct session sessions[];
};

/* Those that do, in order of `id`. */
struct session_answer {
	unsigned long round;
	bool ok;
	int count;
	struct session *sessions;
};

/* A copy; NULL for NULL, and when memory is out. */
struct session_answer *session_answer_copy(const struct session_answer *answer);
void session_answer_free(struct session_answer *answer);	/* NULL is harmless */

/* Called in the loop's thread; the answers are the reader's. */
struct reader_watch {
	void (*polled)(void *arg, const struct poll_answer *answer);
	void (*sessions)(void *arg, const struct session_answer *answer);	/* NULL: none */
	void *arg;
};

struct reader;

/* Starts the thread. `conf` must outlive it. NULL after a line in the log. */
struct reader *reader_new(const struct conf *conf, struct event_base *base,
    const struct reader_watch *watch);

/* Ends it, waiting half a second at most. False: the thread hangs on a dead server
 * and still uses what it was given; the process had better end. */
bool reader_free(struct reader *r);

/* Asks, unless a question of this kind is still open (false). Takes the malloc'd
 * request over in any case; NULL is false. */
bool reader_poll(struct reader *r, struct poll_request *request);
bool reader_sessions(struct reader *r, struct session_request *request);

/* Whether a poll is open. */
bool reader_polling(const struct reader *r);

/* Reads a UUID's text into its 16 bytes; false when it is none. */
bool session_id(const char *text, unsigned char id[SESSION_LEN]);

#endif
