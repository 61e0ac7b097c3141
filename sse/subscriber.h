/* One stream, for the crowd's own parts: its place in the log, and writing from there. */
#ifndef SSE_SUBSCRIBER_H
#define SSE_SUBSCRIBER_H

#include <event2/event_struct.h>
#include <sys/uio.h>

#include "crowd.h"

#define STUCK_MS	30000	/* without progress, with something to send */
#define NOWHERE		UINT64_MAX	/* as a place in the log: begin with a snapshot */
#define USER_BUCKETS	4096	/* a power of two */

struct member;

/* Bytes of one subscriber alone. */
struct text {
	size_t len, sent;
	char data[];
};

struct filter {
	int count;
	int64_t drops[];	/* in order */
};

struct subscriber {
	struct event event;
	struct crowd *crowd;
	int index;		/* of its place */
	bool armed;		/* the socket is full: the event waits for room */
	bool proxied;
	bool beats;		/* it is told heartbeats as events */
	int64_t beaten_ms;	/* when it was told the last one, or began */
	uint32_t offset;	/* bytes already written of the frame after `seq` */
	struct text *text;	/* goes out before the snapshot */
	struct snapshot *snapshot;	/* goes out before the log */
	size_t snapshot_sent;
	struct filter *filter;	/* NULL: all drops */
	struct member *member;	/* NULL: anonymous */
};

/* What a round of writes looks at, side by side for all: most are sent the same
 * bytes, and nothing else of theirs need be touched. */
struct place {
	struct subscriber *subscriber;
	uint64_t seq;		/* last public frame written to its end */
	int64_t moved_ms;	/* when bytes last went out */
	int fd;
	bool plain;		/* certain to want the log and nothing besides, from `seq` on */
};

struct crowd {
	struct event_base *base;
	struct board *board;
	const struct feed *feed;
	struct crowd_watch watch;
	struct event *sweep;
	int64_t beat_ms;
	char beat[64];		/* the event, for those who asked for such */
	int64_t now_ms;		/* as the callback began */
	bool asking;		/* a question about sessions is open */
	bool unasked;		/* some members were not asked after */
	unsigned long rounds_asked, sweeps;
	int sweep_at;
	int max;
	size_t text_bytes;	/* of the texts of all */
	struct crowd_stats stats;
	struct member *users[USER_BUCKETS];
	struct place list[];	/* stats.subscribers of them */
};

/* The bytes from one frame of the log to its end, for those who want nothing else. */
struct run {
	uint64_t after, last;
	struct iovec piece;
	unsigned long frames;
};

static inline struct place *
place_of(const struct subscriber *s)
{
	return &s->crowd->list[s->index];
}

/* Takes the last place of the list and has the first bytes ready; its event is not waited for when
 * this fails. */
bool subscriber_begin(struct subscriber *s, const struct newcomer *n);

/* Writes until all is sent or the socket is full. Afterwards a subscriber that is
 * not armed has nothing to be sent. False: it must go. */
bool subscriber_flush(struct subscriber *s);

/* What follows `after` in the log; false when it is not there, or not in one piece. */
bool run_find(const struct ring *r, uint64_t after, struct run *run);

/* The common case: one write of a run that it shares with most. False: it must go. */
bool subscriber_flush_run(struct crowd *c, struct place *p, const struct run *run);

/* Ends a stream. The last of the list takes its place there, so a walk that may
 * end streams goes from the end to the beginning. */
void subscriber_end(struct subscriber *s);

/* Gives it bytes of its own to send, in the place of those it had; takes them over. NULL: none. */
void subscriber_give(struct subscriber *s, struct text *t);

/* Frees one that has no place. */
void subscriber_free(struct subscriber *s);

#endif
