/* What readers were told about the stock: the last state of each drop, reader by reader,
 * whether it only moved forward, and how old it was when it came. */
#ifndef BENCH_LEDGER_H
#define BENCH_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct ledger;

/* For `readers` readers of at most `drops` drops. `arrivals`, if not NULL, gets a line
 * `DROP VERSION MILLISECONDS` for each stock:update. NULL when memory is out. */
struct ledger *ledger_new(int readers, int drops, FILE *arrivals);
void ledger_free(struct ledger *l);

/* Takes a frame that came at `now_ms`, milliseconds since 1970. */
void ledger_take(struct ledger *l, int reader, const char *frame, size_t len, int64_t now_ms);

/* Forgets ages, not states. */
void ledger_reset(struct ledger *l);

/* Whether every state was sound, and newer than the one before. */
bool ledger_sound(const struct ledger *l);

/* Prints members of a JSON object: ages, and for each drop the newest state and how many
 * of all readers hold exactly that. */
void ledger_print(const struct ledger *l, FILE *out);

#endif
