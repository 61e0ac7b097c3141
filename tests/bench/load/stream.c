/* Reading event streams. */
#include "stream.h"

#include <stdlib.h>
#include <string.h>

#define HEAD_MAX 16384

enum { CHUNK_SIZE, CHUNK_DATA, CHUNK_END, CHUNK_LAST };

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Takes a byte of the line that gives a chunk's size; no server here adds more to it. */
static void
chunk_size(struct stream *s, char c)
{
	if (c == '\n')
		s->chunk_state = s->chunk_left > 0 ? CHUNK_DATA : CHUNK_LAST;
	else if (hex(c) >= 0)
		s->chunk_left = s->chunk_left * 16 + (size_t)hex(c);
	else if (c != '\r')
		s->bad = true;
}

/* Moves the chunks' contents together, in place; returns how much that is. */
static size_t
dechunk(struct stream *s, char *data, size_t len)
{
	size_t out = 0, n;

	for (size_t i = 0; i < len && !s->bad; ) {
		switch (s->chunk_state) {
		case CHUNK_SIZE:
			chunk_size(s, data[i++]);
			break;
		case CHUNK_DATA:
			n = len - i < s->chunk_left ? len - i : s->chunk_left;
			memmove(data + out, data + i, n);
			out += n;
			i += n;
			s->chunk_left -= n;
			if (s->chunk_left == 0)
				s->chunk_state = CHUNK_END;
			break;
		case CHUNK_END:
			if (data[i++] == '\n')
				s->chunk_state = CHUNK_SIZE;
			break;
		default:	/* the stream has ended */
			return out;
		}
	}
	return out;
}

/* Gives each whole frame away; returns how many bytes those were. */
static size_t
give_frames(const char *data, size_t len, stream_handler *handler, void *arg)
{
	const char *at = data, *end;

	while ((end = memmem(at, len - (size_t)(at - data), "\n\n", 2)) != NULL) {
		handler(arg, at, (size_t)(end - at));
		at = end + 2;
	}
	return (size_t)(at - data);
}

static void
take_body(struct stream *s, char *data, size_t len, stream_handler *handler, void *arg)
{
	size_t given;

	if (s->chunked)
		len = dechunk(s, data, len);
	if (s->rest.len == 0) {
		given = give_frames(data, len, handler, arg);
		if (given < len)
			buf_add(&s->rest, data + given, len - given);
		return;
	}
	buf_add(&s->rest, data, len);
	given = give_frames(s->rest.data, s->rest.len, handler, arg);
	if (given == s->rest.len) {
		buf_free(&s->rest);
	} else if (given > 0) {
		s->rest.len -= given;
		memmove(s->rest.data, s->rest.data + given, s->rest.len);
	}
}

/* The rest of what came with the head is the body's beginning. */
static void
take_head(struct stream *s, const char *data, size_t len, stream_handler *handler, void *arg)
{
	struct buf head;
	char *end;

	buf_add(&s->rest, data, len);
	if (s->rest.failed || (end = strstr(s->rest.data, "\r\n\r\n")) == NULL) {
		s->bad = s->rest.failed || s->rest.len > HEAD_MAX;
		return;
	}
	head = s->rest;
	s->rest = (struct buf){ 0 };
	end[2] = '\0';
	s->status = strncmp(head.data, "HTTP/1.", 7) == 0 ? atoi(head.data + 9) : -1;
	s->chunked = strcasestr(head.data, "\r\nTransfer-Encoding: chunked\r\n") != NULL;
	s->open = s->status == 200;
	s->bad = !s->open;
	if (s->open)
		take_body(s, end + 4, head.len - (size_t)(end + 4 - head.data), handler, arg);
	buf_free(&head);
}

bool
stream_take(struct stream *s, char *data, size_t len, stream_handler *handler, void *arg)
{
	if (s->open)
		take_body(s, data, len, handler, arg);
	else
		take_head(s, data, len, handler, arg);
	return !s->bad && !s->rest.failed;
}

void
stream_free(struct stream *s)
{
	buf_free(&s->rest);
}
