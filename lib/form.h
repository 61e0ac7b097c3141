/* A JSON object as input: its members taken by exact type, and a list of what is wrong
 * with them. The same for a request's body and for a file given on the command line. */
#ifndef LP_FORM_H
#define LP_FORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "json.h"

#define FORM_MAX_ERRORS 16

struct form_error {
	const char *field, *message;	/* live as long as the arena */
};

/* Set `arena`, zero the rest. */
struct form {
	struct arena *arena;
	struct json_object *json;	/* once form_parse() succeeded; the arena's */
	struct form_error errors[FORM_MAX_ERRORS];
	int error_count;
};

/* Notes that `field` ("" for the whole) is wrong; both texts must live as long as the
 * arena. Beyond FORM_MAX_ERRORS nothing more is noted. */
void form_wrong(struct form *f, const char *field, const char *message);

/* Parses `len` bytes, which must be one object whose members are all among the
 * NULL-ended `allowed`; `optional`: nothing at all is an empty object. False after noting
 * why. */
bool form_parse(struct form *f, const char *text, size_t len, const char *const allowed[],
    bool optional);

/* Whether there is a member `field`, be it null. */
bool form_has(const struct form *f, const char *field);

/* Each takes a member and notes what is wrong with it. True also when it is absent (or
 * null) and not `needed`; *out is then untouched. Lengths are in characters; `newlines`
 * are allowed in running text only. */
bool form_text(struct form *f, const char *field, bool needed, size_t max, bool newlines,
    const char **out);
bool form_whole(struct form *f, const char *field, bool needed, int64_t min, int64_t max,
    int64_t *out);
bool form_bool(struct form *f, const char *field);

/* A time of RFC 3339; `nullable`: or null. */
bool form_time(struct form *f, const char *field, bool nullable);

/* A text that `check` finds nothing wrong with (it returns NULL, or a sentence); NULL
 * after noting what is. */
const char *form_checked(struct form *f, const char *field, const char *(*check)(const char *));

/* The documents that make a drop (`creating`) or change one, as the API takes them:
 * parses and checks everything that needs no database. */
bool form_drop(struct form *f, const char *text, size_t len, bool creating);

#define DROP_MAX_STOCK 1000000

#endif
