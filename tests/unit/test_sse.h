/* What the tests of the event daemon share: messages as the workers publish them. */
#ifndef LP_TEST_SSE_H
#define LP_TEST_SSE_H

#include "../../sse/hub.h"
#include "test.h"

/* The stock of a drop of one size has become `version`. */
static inline void
test_stock(struct hub *hub, int drop, int version)
{
	char text[512];

	snprintf(text, sizeof(text), "{\"event\":\"stock:update\",\"data\":{\"dropId\":%d,\"sizes\":"
	    "[{\"size\":\"\",\"totalStock\":5,\"availableStock\":5,\"reservedStock\":0,"
	    "\"soldStock\":0,\"version\":%d}]}}", drop, version);
	hub_message(hub, text, strlen(text));
}

/* A user's hold has changed; `n` tells the events apart. */
static inline void
test_private(struct hub *hub, int user, int n)
{
	char text[256];

	snprintf(text, sizeof(text), "@%d reservation:update {\"n\":%d}", user, n);
	hub_message(hub, text, strlen(text));
}

/* How often `part` stands in `text`. */
static inline int
times(const char *text, const char *part)
{
	int n = 0;

	for (; (text = strstr(text, part)) != NULL; text++)
		n++;
	return n;
}

#endif
