/* Reading JSON strictly: what json-c lets pass and RFC 8259 does not is refused
 * here, and every value is taken by its exact type. */
#ifndef LP_JSON_H
#define LP_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_MAX_DEPTH 8

/* Parses `len` bytes of UTF-8 that must be one JSON object. NULL with *why set
 * to a sentence for the caller. Refused besides what is no JSON: duplicate names,
 * NUL in a text, nesting deeper than JSON_MAX_DEPTH, more than 32 members in one
 * object. Owned by the caller (json_object_put). */
struct json_object *json_parse_object(const char *text, size_t len, const char **why);

/* The text `o` is, or NULL when it is something else. Owned by `o`. */
const char *json_text(struct json_object *o);

/* Whether `o` is a whole number written as one (1.0 and 1e3 are not), above -2^63 and in
 * range. */
bool json_whole(struct json_object *o, int64_t min, int64_t max, int64_t *value);

#endif
