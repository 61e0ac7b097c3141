/* One event stream as it comes over HTTP/1.1: the answer's head, the chunks that a proxy
 * makes of the body, and the frames in it. */
#ifndef BENCH_STREAM_H
#define BENCH_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

/* Zero-initialise. */
struct stream {
	struct buf rest;	/* of a head or a frame that has not ended */
	size_t chunk_left;
	unsigned char chunk_state;
	bool open;		/* the head is read, and its status is 200 */
	bool chunked, bad;
	int status;		/* 0 until known */
};

/* Called for each frame, which ends before its empty line. */
typedef void stream_handler(void *arg, const char *frame, size_t len);

/* Takes what was read, which it may change. False when this is no event stream. */
bool stream_take(struct stream *s, char *data, size_t len, stream_handler *handler, void *arg);

void stream_free(struct stream *s);

#endif
