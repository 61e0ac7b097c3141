/* Version 7 UUIDs. */
#include "uuid.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "clock.h"

/* Randomness from the kernel, fetched for several ids at a time; each byte serves once. */
static void
random_bytes(unsigned char out[16])
{
	static _Thread_local unsigned char stock[256];
	static _Thread_local size_t left;

	if (left == 0) {
		if (getrandom(stock, sizeof(stock), 0) != (ssize_t)sizeof(stock)) {
			fputs("no randomness from the kernel\n", stderr);
			abort();
		}
		left = sizeof(stock);
	}
	left -= 16;
	memcpy(out, stock + left, 16);
}

void
uuid_new(char out[UUID_TEXT_LEN])
{
	static const char hex[] = "0123456789abcdef";
	uint64_t ms = (uint64_t)clock_wall_ms();
	unsigned char b[16];

	random_bytes(b);
	for (int i = 0; i < 6; i++)
		b[i] = (unsigned char)(ms >> (40 - 8 * i));
	b[6] = (unsigned char)(0x70 | (b[6] & 0x0f));
	b[8] = (unsigned char)(0x80 | (b[8] & 0x3f));
	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*out++ = '-';
		*out++ = hex[b[i] >> 4];
		*out++ = hex[b[i] & 0x0f];
	}
	*out = '\0';
}

bool
uuid_valid(const char *s)
{
	if (strlen(s) != UUID_TEXT_LEN - 1)
		return false;
	for (int i = 0; i < UUID_TEXT_LEN - 1; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s[i] != '-' : !isxdigit((unsigned char)s[i]))
			return false;
	}
	return true;
}
