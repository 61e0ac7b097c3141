/* The form of a web origin (RFC 6454), as browsers write it. */
#ifndef LP_ORIGIN_H
#define LP_ORIGIN_H

#define ORIGIN_BLANKS	" ,\t"	/* between the origins of a list */

/* NULL when each word of the list is an origin just as a browser sends it; else what is wrong. */
const char *origins_wrong(const char *list);

#endif
