/* Strict JSON on top of json-c. */
#include "json.h"

#include <string.h>

#define MAX_NAMES 32	/* members of one object, for the search for duplicates */

/* json-c, even strict, accepts single quotes, NaN, Infinity and \u0000 (which then
 * cuts the text short). Outside of strings only these bytes can stand in JSON;
 * inside, an escape must not be a NUL. */
static const char *
look(const char *s, size_t len)
{
	static const char plain[] = " \t\r\n{}[]:,+-.0123456789eEtrufalsn";
	bool in_string = false;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (!in_string) {
			if (c == '"')
				in_string = true;
			else if (c == '\0' || strchr(plain, c) == NULL)
				return "The body is not JSON.";
		} else if (c == '\\' && i + 1 < len) {
			if (len - i >= 6 && memcmp(s + i, "\\u0000", 6) == 0)
				return "A text must not hold a NUL character.";
			i++;
		} else if (c == '"') {
			in_string = false;
		} else if (c < 0x20) {
			return "A text must not hold a bare control character.";
		}
	}
	return NULL;
}

/* A name within an object, as the text has it (escapes and all). */
struct name {
	const char *s;
	size_t len;
};

/* Whether an object names a member twice: json-c silently keeps the last. Runs
 * over text that has parsed, so only its shape is followed. */
static bool
duplicate_names(const char *s, size_t len)
{
	struct name names[JSON_MAX_DEPTH + 1][MAX_NAMES];
	int count[JSON_MAX_DEPTH + 1] = { 0 };
	int depth = 0;

	for (size_t i = 0; i < len; i++) {
		size_t start = i + 1, after;

		if (s[i] == '{' || s[i] == '[') {
			if (++depth > JSON_MAX_DEPTH)
				return true;
			count[depth] = 0;
		} else if (s[i] == '}' || s[i] == ']') {
			depth--;
		}
		if (s[i] != '"')
			continue;
		for (i++; i < len && s[i] != '"'; i++)
			if (s[i] == '\\')
				i++;
		for (after = i + 1; after < len && strchr(" \t\r\n", s[after]) != NULL; after++)
			;
		if (after >= len || s[after] != ':')
			continue;	/* a value, not a name */
		if (count[depth] == MAX_NAMES)
			return true;
		for (int k = 0; k < count[depth]; k++)
			if (names[depth][k].len == i - start &&
			    memcmp(names[depth][k].s, s + start, i - start) == 0)
				return true;
		names[depth][count[depth]++] = (struct name){ s + start, i - start };
	}
	return false;
}

struct json_object *
json_parse_object(const char *text, size_t len, const char **why)
{
	struct json_tokener *tok;
	struct json_object *o;
	size_t end;

	*why = look(text, len);
	if (*why != NULL)
		return NULL;
	tok = json_tokener_new_ex(JSON_MAX_DEPTH);
	if (tok == NULL) {
		*why = "Out of memory.";
		return NULL;
	}
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(tok, text, (int)len);
	end = json_tokener_get_parse_end(tok);
	if (json_tokener_get_error(tok) == json_tokener_continue)
		*why = len == 0 ? "A JSON object is missing." : "The JSON ends too early.";
	else if (json_tokener_get_error(tok) != json_tokener_success)
		*why = "The body is not JSON.";
	else if (strspn(text + end, " \t\r\n") < len - end)
		*why = "Something follows the JSON object.";
	else if (!json_object_is_type(o, json_type_object))
		*why = "A JSON object is wanted.";
	else if (duplicate_names(text, len))
		*why = "A member is named twice, or there are too many.";
	json_tokener_free(tok);
	if (*why != NULL) {
		json_object_put(o);
		return NULL;
	}
	return o;
}

const char *
json_text(struct json_object *o)
{
	return json_object_is_type(o, json_type_string) ? json_object_get_string(o) : NULL;
}

bool
json_whole(struct json_object *o, int64_t min, int64_t max, int64_t *value)
{
	if (!json_object_is_type(o, json_type_int))
		return false;
	*value = json_object_get_int64(o);	/* saturates, so beyond any range used here */
	return *value >= min && *value <= max;
}
