/* Reading UTF-8. */
#include "utf8.h"

int32_t
utf8_next(const char **s, const char *end)
{
	static const int32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)*s;
	int more = p[0] < 0x80 ? 0 : p[0] < 0xc2 ? -1 : p[0] < 0xe0 ? 1 : p[0] < 0xf0 ? 2 :
	    p[0] < 0xf5 ? 3 : -1;
	int32_t c;

	if (more < 0 || end - *s <= more)
		return -1;
	c = more == 0 ? p[0] : p[0] & (0x3f >> more);
	for (int i = 1; i <= more; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return -1;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return -1;
	*s += more + 1;
	return c;
}
