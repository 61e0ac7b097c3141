/* A set of hashes in small groups; a new one takes the place of its group's
 * oldest. */
#include "seen.h"

#include <stdlib.h>
#include <sys/random.h>

#include "clock.h"

#define GROUPS	4096	/* a power of two */
#define WAYS	4

struct seen {
	uint64_t seed;		/* so that nobody can choose names that collide */
	uint64_t hash[GROUPS][WAYS];
	unsigned char oldest[GROUPS];
};

struct seen *
seen_new(void)
{
	struct seen *s = calloc(1, sizeof(*s));

	if (s != NULL && getrandom(&s->seed, sizeof(s->seed), 0) != (ssize_t)sizeof(s->seed))
		s->seed = (uint64_t)clock_us();
	return s;
}

void
seen_free(struct seen *s)
{
	free(s);
}

static uint64_t
mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 29;
}

static uint64_t
mix_text(uint64_t h, const char *s)
{
	for (; *s != '\0'; s++)
		h = mix(h, (unsigned char)*s);
	return mix(h, 256);	/* where the text ends counts too */
}

bool
seen_add(struct seen *s, int64_t drop, const char *username, const char *at)
{
	uint64_t h = mix_text(mix_text(mix(s->seed, (uint64_t)drop), username), at) | 1;
	size_t group = h >> 32 & (GROUPS - 1);

	for (int i = 0; i < WAYS; i++)
		if (s->hash[group][i] == h)
			return false;
	s->hash[group][s->oldest[group]] = h;
	s->oldest[group] = (unsigned char)((s->oldest[group] + 1) % WAYS);
	return true;
}
