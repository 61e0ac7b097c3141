/* Last-Event-ID and ?last=: where a reader goes on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../sse/feed.h"
#include "fuzz.h"

#define EVENTS 400	/* more than the log holds */

/* A log of the epoch e1 that has let go of its oldest events, public and private. */
static const struct feed *
feed(void)
{
	static struct feed f;
	static const char filler[] = "{\"filler\":\"........................................"
	    "........................................................................\"}";

	if (f.events > 0)
		return &f;
	must(feed_init(&f, 8192));
	feed_renew(&f, "e1", 10, 20);
	for (int i = 0; i < EVENTS; i++) {
		feed_add(&f, "stock:update", i % 3 + 1, filler, sizeof(filler) - 1);
		for (int n = 0; n < 4; n++)
			feed_add_private(&f, "reservation:update", i % 5 + 1, filler,
			    sizeof(filler) - 1);
	}
	must(f.public_log.first > 20 && f.private_log.first > 30);
	return &f;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct feed *f = feed();
	char *id = fuzz_text(data, size);
	struct buf frame = { 0 };
	struct position p;

	for (int with_private = 0; with_private < 2; with_private++) {
		if (!feed_resume(f, id, with_private, &p))
			continue;
		must(strncmp(id, "e1-", 3) == 0);
		must(p.seq <= feed_last(f) && p.seq + 1 >= f->public_log.first);
		must(p.private_seq <= feed_last_private(f));
		if (!with_private)
			continue;
		must(p.private_seq + 1 >= f->private_log.first);
		for (uint64_t seq = p.private_seq + 1; seq <= feed_last_private(f); seq++)
			feed_private_frame(f, seq, p.seq, &frame);
	}
	buf_free(&frame);
	free(id);
	return 0;
}
