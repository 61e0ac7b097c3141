/* A list of origins, and what CORS has to be told of each. */
#include "origins.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "origin.h"

struct origin {
	struct origin *next;
	char *name;	/* as a browser sends it */
	char *fields;
};

struct origins {
	struct origin *first;
};

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
	while ((name = strtok_r(rest, ORIGIN_BLANKS, &rest)) != NULL)
		if (!add(o, name))
			goto memory;
	free(copy);
	return o;
memory:
	log_error("no memory");
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
