/* Sends requests of webhooks, several at a time. The only file that sends by libcurl. */
#ifndef LP_DELIVER_H
#define LP_DELIVER_H

#include <stdbool.h>

#include "conf.h"

/* One event on its way to one endpoint. The texts are the caller's and stay until `done`. */
struct delivery {
	const char *url, *event, *body;
	const char *secret, *old_secret;	/* old_secret may be NULL */
	/* Called once, from deliver_wait(). `status` is the receiver's HTTP status; 0: it did not
	 * answer, and `why` says so in words. */
	void (*done)(struct delivery *d, int status, const char *why);
};

struct deliverer;

/* NULL after a line in the log. `conf` must outlive it. */
struct deliverer *deliverer_new(const struct conf *conf);

/* Drops what is still on its way without a word: it counts as never sent. NULL is harmless. */
void deliverer_free(struct deliverer *deliverer);

/* Begins to send `d`, which comes to an end by `done` within webhook_timeout_seconds. No redirect is
 * followed, no proxy used, and of an answer no more than 64 KiB is read. */
void deliver_start(struct deliverer *deliverer, struct delivery *d);

/* Goes on with what is on its way for `ms` milliseconds, or until something of it has ended. */
void deliver_wait(struct deliverer *deliverer, int ms);

#endif
