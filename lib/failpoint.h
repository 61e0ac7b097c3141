/* Where tests end a process on purpose, to see that nothing is lost there. Only in a build made by
 * configure --enable-failpoints, which is for tests alone; else these are nothing at all.
 *
 * The environment's LASTPAIR_FAILPOINT names a file. While it is there its text, "POINT WHERE COUNT", is
 * what is armed: the process that is the COUNTth to come to that point of that work takes the
 * file away and kills itself, as kill -9 would. A process counts for itself. */
#ifndef LP_FAILPOINT_H
#define LP_FAILPOINT_H

#ifdef LP_FAILPOINTS

#include <stdbool.h>

/* Whether `point` of the work `where` is armed. */
bool failpoint_armed(const char *point, const char *where);

/* Ends the process here if that is armed, and its turn. Threads may come at once. */
void failpoint(const char *point, const char *where);

#define FAILPOINT(point, where) failpoint((point), (where))

#else

#define FAILPOINT(point, where) ((void)0)

#endif
#endif
