/* Strict JSON: the grammar is checked here, then json-c builds the tree. Even strict,
 * json-c takes single quotes, NaN, comments, leading zeros and duplicate names, and cuts texts
 * at \u0000. */
#include "json.h"

#include <ctype.h>
#include <string.h>

#include "utf8.h"

#define MAX_MEMBERS 32	/* of one object; no document of ours has as many */

/* Where the check stands in the text, and what it has found. */
struct check {
	const char *s, *end;
	int depth;
	size_t names;		/* members of all objects so far */
	const char *why;	/* NULL: nothing wrong yet */
};

static bool value(struct check *c);

static bool
wrong(struct check *c, const char *why)
{
	if (c->why == NULL)
		c->why = why;
	return false;
}

static bool
not_json(struct check *c)
{
	return wrong(c, c->s == c->end ? "The JSON ends too early." : "The body is not JSON.");
}

static void
blanks(struct check *c)
{
	while (c->s < c->end && (*c->s == ' ' || *c->s == '\t' || *c->s == '\r' || *c->s == '\n'))
		c->s++;
}

/* Takes one character if it is `ch`. */
static bool
take(struct check *c, char ch)
{
	if (c->s == c->end || *c->s != ch)
		return false;
	c->s++;
	return true;
}

static size_t
digits(struct check *c)
{
	const char *start = c->s;

	while (c->s < c->end && isdigit((unsigned char)*c->s))
		c->s++;
	return (size_t)(c->s - start);
}

static bool
number(struct check *c)
{
	const char *first;
	size_t count;

	take(c, '-');
	first = c->s;
	count = digits(c);
	if (count == 0 || (count > 1 && *first == '0') || (take(c, '.') && digits(c) == 0))
		return not_json(c);
	if (take(c, 'e') || take(c, 'E')) {
		if (!take(c, '+'))
			take(c, '-');
		if (digits(c) == 0)
			return not_json(c);
	}
	return true;
}

/* What follows a backslash. */
static bool
escape(struct check *c)
{
	static const char zeros[] = "0000";

	if (c->s == c->end)
		return not_json(c);
	if (*c->s != 'u') {
		if (strchr("\"\\/bfnrt", *c->s) == NULL || *c->s == '\0')
			return not_json(c);
		c->s++;
		return true;
	}
	c->s++;
	for (int i = 0; i < 4; i++)
		if (c->end - c->s <= i || !isxdigit((unsigned char)c->s[i]))
			return not_json(c);
	if (memcmp(c->s, zeros, 4) == 0)
		return wrong(c, "A text must not hold a NUL character.");
	c->s += 4;
	return true;
}

static bool
string(struct check *c)
{
	if (!take(c, '"'))
		return not_json(c);
	while (c->s < c->end && *c->s != '"') {
		if (take(c, '\\')) {
			if (!escape(c))
				return false;
			continue;
		}
		if ((unsigned char)*c->s < 0x20)
			return wrong(c, "A text must not hold a bare control character.");
		if (utf8_next(&c->s, c->end) < 0)
			return wrong(c, "The body is not UTF-8.");
	}
	return take(c, '"') || not_json(c);
}

static bool
word(struct check *c, const char *w)
{
	size_t len = strlen(w);

	if ((size_t)(c->end - c->s) < len || memcmp(c->s, w, len) != 0)
		return not_json(c);
	c->s += len;
	return true;
}

/* The members of an object or array, from behind its bracket. */
static bool
members(struct check *c, char close)
{
	size_t count = 0;

	if (++c->depth > JSON_MAX_DEPTH)
		return wrong(c, "The JSON is nested too deep.");
	blanks(c);
	if (!take(c, close)) {
		do {
			blanks(c);
			if (close == '}') {
				if (!string(c))
					return false;
				if (++count > MAX_MEMBERS)
					return wrong(c, "An object has too many members.");
				c->names++;
				blanks(c);
				if (!take(c, ':'))
					return not_json(c);
			}
			if (!value(c))
				return false;
			blanks(c);
		} while (take(c, ','));
		if (!take(c, close))
			return not_json(c);
	}
	c->depth--;
	return true;
}

static bool
value(struct check *c)
{
	blanks(c);
	if (c->s == c->end)
		return not_json(c);
	switch (*c->s) {
	case '{':
		c->s++;
		return members(c, '}');
	case '[':
		c->s++;
		return members(c, ']');
	case '"':
		return string(c);
	case 't':
		return word(c, "true");
	case 'f':
		return word(c, "false");
	case 'n':
		return word(c, "null");
	default:
		return number(c);
	}
}

/* How many members all objects of a tree have: fewer than were written when a name
 * stands twice, since json-c keeps the last. */
static size_t
count_names(struct json_object *o)
{
	size_t count = 0;

	if (json_object_is_type(o, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(o); i++)
			count += count_names(json_object_array_get_idx(o, i));
	} else if (json_object_is_type(o, json_type_object)) {
		json_object_object_foreach(o, name, member) {
			(void)name;
			count += 1 + count_names(member);
		}
	}
	return count;
}

struct json_object *
json_parse_object(const char *text, size_t len, const char **why)
{
	struct check c = { .s = text, .end = text + len };
	struct json_tokener *tok;
	struct json_object *o = NULL;

	blanks(&c);
	if (c.s == c.end)
		wrong(&c, "A JSON object is missing.");
	else if (value(&c)) {
		blanks(&c);
		if (c.s < c.end)
			wrong(&c, "Something follows the JSON object.");
	}
	*why = c.why;
	if (*why != NULL)
		return NULL;

	tok = json_tokener_new_ex(JSON_MAX_DEPTH + 2);	/* it counts otherwise */
	if (tok != NULL) {
		json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
		o = json_tokener_parse_ex(tok, text, (int)len);
		json_tokener_free(tok);
	}
	if (!json_object_is_type(o, json_type_object))
		*why = "A JSON object is wanted.";
	else if (count_names(o) != c.names)
		*why = "A member is named twice.";
	if (*why == NULL)
		return o;
	json_object_put(o);
	return NULL;
}

const char *
json_text(struct json_object *o)
{
	return json_object_is_type(o, json_type_string) ? json_object_get_string(o) : NULL;
}

bool
json_whole(struct json_object *o, int64_t min, int64_t max, int64_t *value_out)
{
	/* json-c gives the nearest number for one beyond 64 bits: beyond the top it can be
	 * told apart, at the bottom not, so that -2^63 itself counts as out of range. */
	if (!json_object_is_type(o, json_type_int) || json_object_get_int64(o) == INT64_MIN ||
	    (json_object_get_int64(o) > 0 && json_object_get_uint64(o) > INT64_MAX))
		return false;
	*value_out = json_object_get_int64(o);
	return *value_out >= min && *value_out <= max;
}
