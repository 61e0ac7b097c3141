/* Asking the event daemon's private socket. */
#ifndef LP_ASK_H
#define LP_ASK_H

#include <stdbool.h>

#include "buf.h"
#include "conf.h"

/* Sends GET `path` and appends the answer's body to `out`. False when the daemon does not
 * answer 200 within a fifth of a second. */
bool ask_daemon(const struct conf *conf, const char *path, struct buf *out);

#endif
