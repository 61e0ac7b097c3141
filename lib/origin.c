/* Reading web origins. */
#include "origin.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The port that a browser leaves out. */
static long
usual_port(const char *name)
{
	return strncmp(name, "https:", 6) == 0 ? 443 : 80;
}

/* Whether a browser would send exactly this: scheme and host in small letters, the port
 * only when it is not the usual one, no slash at the end. */
static bool
well_written(const char *name)
{
	const char *host = name, *end;
	char *after;
	long port;

	if (strncmp(name, "http://", 7) == 0)
		host += 7;
	else if (strncmp(name, "https://", 8) == 0)
		host += 8;
	else
		return false;
	if (*host == '[') {
		end = host + 1 + strspn(host + 1, "0123456789abcdef:.");
		if (end == host + 1 || *end++ != ']')
			return false;
	} else {
		end = host + strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789-._");
		if (end == host)
			return false;
	}
	if (*end == '\0')
		return true;
	if (end[0] != ':' || end[1] < '1' || end[1] > '9')
		return false;
	port = strtol(end + 1, &after, 10);
	return *after == '\0' && port <= 65535 && port != usual_port(name);
}

const char *
origins_wrong(const char *list)
{
	char *copy = strdup(list), *rest = copy, *name;
	const char *wrong = copy == NULL ? "finds no memory" : NULL;

	while (wrong == NULL && (name = strtok_r(rest, ORIGIN_BLANKS, &rest)) != NULL)
		if (!well_written(name))
			wrong = "wants origins as browsers send them, such as https://shop.example or "
			    "http://shop.example:8080, parted by blanks";
	free(copy);
	return wrong;
}
