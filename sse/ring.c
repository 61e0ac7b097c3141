/* A ring of frames. */
#include "ring.h"

#include <stdlib.h>
#include <string.h>

#define USUAL_LEN 128	/* bytes of a short frame: sets how many entries there are */

bool
ring_init(struct ring *r, size_t bytes)
{
	*r = (struct ring){ .first = 1, .next = 1, .cap = bytes, .entries_cap = 64 };
	while (r->entries_cap < bytes / USUAL_LEN)
		r->entries_cap *= 2;
	r->bytes = malloc(bytes);
	r->entries = calloc(r->entries_cap, sizeof(r->entries[0]));
	if (r->bytes == NULL || r->entries == NULL) {
		ring_free(r);
		return false;
	}
	return true;
}

void
ring_free(struct ring *r)
{
	free(r->bytes);
	free(r->entries);
	*r = (struct ring){ 0 };
}

static void
forget_oldest(struct ring *r)
{
	r->lost_mark = ring_entry(r, r->first)->mark;
	r->first++;
}

void
ring_restart(struct ring *r, uint64_t next, uint64_t mark)
{
	r->first = r->next = next;
	r->lost_mark = mark;
}

void
ring_reset(struct ring *r, uint64_t mark)
{
	ring_restart(r, r->next + 1, mark);
}

void
ring_add(struct ring *r, const void *frame, size_t len, int64_t tag, uint64_t mark)
{
	struct iovec to[2];
	int pieces;

	if (len > r->cap) {
		ring_reset(r, mark);
		return;
	}
	while (r->first < r->next && (r->next - r->first == r->entries_cap ||
	    r->end + len - ring_entry(r, r->first)->at > r->cap))
		forget_oldest(r);
	r->entries[r->next & (r->entries_cap - 1)] = (struct ring_entry){
		.at = r->end, .tag = tag, .mark = mark, .len = (uint32_t)len,
	};
	pieces = ring_pieces(r, r->end, len, to);
	memcpy(to[0].iov_base, frame, to[0].iov_len);
	if (pieces == 2)
		memcpy(to[1].iov_base, (const char *)frame + to[0].iov_len, to[1].iov_len);
	r->end += len;
	r->next++;
}

int
ring_pieces(const struct ring *r, uint64_t at, size_t len, struct iovec out[2])
{
	size_t start = at % r->cap, left = r->cap - start;

	out[0] = (struct iovec){ r->bytes + start, len < left ? len : left };
	if (len <= left)
		return 1;
	out[1] = (struct iovec){ r->bytes, len - left };
	return 2;
}
