/* What is known of one drop: its stock size by size, and reading both from JSON.
 * Nothing here is shared between threads. */
#ifndef SSE_DROP_H
#define SSE_DROP_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

#define TIME_TEXT_LEN	40	/* with the NUL */

struct size {
	char *name;
	int64_t total, available, reserved, sold;
	int64_t version;	/* raised with every change of this size */
};

/* Owns its sizes. A zeroed one is empty. */
struct stock {
	int64_t drop;
	int64_t version;	/* sum of the sizes' */
	struct size *sizes;
	int count;
	char at[TIME_TEXT_LEN];
};

/* Reads {`id_name`, sizes: [...], at?}. False when it is something else, or memory
 * is out; *stock is then empty. */
bool stock_parse(struct json_object *o, const char *id_name, struct stock *stock);
void stock_free(struct stock *stock);

/* Takes over from `news` every size that is newer there. Whether any was. */
bool stock_merge(struct stock *stock, const struct stock *news);

/* Appends the stock as the stream's stock:update has it. */
void stock_render(const struct stock *stock, struct buf *out);

struct purchaser {
	char *username, *purchased_at;
};

/* A drop as the database tells it. */
struct drop_news {
	int64_t drop, version;
	bool full;		/* what follows was told; else only the version */
	int64_t revision;	/* raised when anything but its stock changes */
	struct stock stock;
	char *json;		/* {"drop": ...}, in one line */
	struct purchaser *recent;	/* newest first */
	int recent_count;
};

/* Reads a drop. False as with stock_parse(); free it in any case. */
bool drop_news_parse(struct json_object *drop, struct drop_news *news);
void drop_news_free(struct drop_news *news);

/* Appends `o` in one line; false when memory is out. */
bool json_line(struct json_object *o, struct buf *out);

/* Writes milliseconds since 1970 as RFC 3339 has them, in UTC. */
void time_text(int64_t ms, char out[TIME_TEXT_LEN]);

/* Reads such a time; 0 when it is something else. */
int64_t time_ms(const char *text);

#endif
