/* A list of origins, and what CORS has to be told of each. */
#include "origins.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

#define BLANKS " ,\t"

struct origin {
	struct origin *next;
	char *name;	/* as a browser sends it */
	char *fields;
};

struct origins {
	struct origin *first;
};

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

static bool
add(struct origins *o, const char *name)
{
	struct origin *one = calloc(1, sizeof(*one));

	if (one == NULL)
		return false;
	one->next = o->first;
	o->first = one;
	one->name = strdup(name);
	if (asprintf(&one->fields, "Access-Control-Allow-Origin: %s\r\n"
	    "Access-Control-Allow-Credentials: true\r\nVary: Origin\r\n", name) < 0)
		one->fields = NULL;
	return one->name != NULL && one->fields != NULL;
}

struct origins *
origins_new(const char *list)
{
	struct origins *o = calloc(1, sizeof(*o));
	char *copy = strdup(list), *rest = copy, *name;

	if (o == NULL || copy == NULL)
		goto memory;
	while ((name = strtok_r(rest, BLANKS, &rest)) != NULL) {
		if (!well_written(name)) {
			log_error("sse_origins: %s is not an origin as browsers send it, "
			    "such as https://shop.example or http://shop.example:8080", name);
			goto fail;
		}
		if (!add(o, name))
			goto memory;
	}
	free(copy);
	return o;
memory:
	log_error("no memory");
fail:
	free(copy);
	origins_free(o);
	return NULL;
}

void
origins_free(struct origins *o)
{
	if (o == NULL)
		return;
	while (o->first != NULL) {
		struct origin *one = o->first;

		o->first = one->next;
		free(one->name);
		free(one->fields);
		free(one);
	}
	free(o);
}

const char *
origins_fields(const struct origins *o, const char *origin)
{
	for (const struct origin *one = o->first; one != NULL; one = one->next)
		if (strcmp(one->name, origin) == 0)
			return one->fields;
	return NULL;
}
