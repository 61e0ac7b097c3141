/* JSON objects as input. */
#include "form.h"

#include <string.h>

#include "input.h"

#define MAX_SIZES	100
#define MAX_CENTS	100000000000

void
form_wrong(struct form *f, const char *field, const char *message)
{
	if (f->error_count < FORM_MAX_ERRORS)
		f->errors[f->error_count++] = (struct form_error){ field, message };
}

static void
put_json(void *o)
{
	json_object_put(o);
}

bool
form_parse(struct form *f, const char *text, size_t len, const char *const allowed[],
    bool optional)
{
	const char *why = "Out of memory.";

	if (optional && (len == 0 || (len == 2 && memcmp(text, "{}", 2) == 0)))	/* what most send */
		f->json = json_object_new_object();
	else
		f->json = json_parse_object(text, len, &why);
	if (f->json == NULL) {
		form_wrong(f, "", why);
		return false;
	}
	arena_defer(f->arena, put_json, f->json);

	json_object_object_foreach(f->json, name, value) {
		bool known = false;

		(void)value;
		for (int i = 0; allowed[i] != NULL; i++)
			known = known || strcmp(name, allowed[i]) == 0;
		if (!known) {
			form_wrong(f, name, "There is no such field.");
			return false;
		}
	}
	return true;
}

bool
form_has(const struct form *f, const char *field)
{
	return json_object_object_get_ex(f->json, field, NULL);
}

/* The member, or NULL: absent, or null (which stands for absent). */
static struct json_object *
member(struct form *f, const char *field, bool needed, bool *fine)
{
	struct json_object *o = NULL;

	json_object_object_get_ex(f->json, field, &o);
	*fine = o != NULL || !needed;
	if (!*fine)
		form_wrong(f, field, "This field is needed.");
	return o;
}

bool
form_text(struct form *f, const char *field, bool needed, size_t max, bool newlines,
    const char **out)
{
	bool fine;
	struct json_object *o = member(f, field, needed, &fine);
	const char *s;

	if (o == NULL)
		return fine;
	s = json_text(o);
	if (s == NULL) {
		form_wrong(f, field, "This must be a text.");
		return false;
	}
	if (!input_printable(s, needed ? 1 : 0, max, newlines)) {
		form_wrong(f, field, arena_printf(f->arena,
		    "This must have %s%zu printable characters.",
		    needed ? "1 to " : "at most ", max));
		return false;
	}
	*out = s;
	return true;
}

bool
form_whole(struct form *f, const char *field, bool needed, int64_t min, int64_t max,
    int64_t *out)
{
	bool fine;
	struct json_object *o = member(f, field, needed, &fine);

	if (o == NULL)
		return fine;
	if (!json_whole(o, min, max, out)) {
		form_wrong(f, field, arena_printf(f->arena,
		    "This must be a whole number from %lld to %lld.", (long long)min,
		    (long long)max));
		return false;
	}
	return true;
}

bool
form_bool(struct form *f, const char *field)
{
	bool fine;
	struct json_object *o = member(f, field, false, &fine);

	if (o != NULL && !json_object_is_type(o, json_type_boolean)) {
		form_wrong(f, field, "This must be true or false.");
		return false;
	}
	return true;
}

bool
form_time(struct form *f, const char *field, bool nullable)
{
	bool fine;
	struct json_object *o = member(f, field, false, &fine);
	const char *s = o != NULL ? json_text(o) : NULL;

	if (o == NULL && (nullable || !form_has(f, field)))
		return true;
	if (s == NULL || !input_timestamp(s)) {
		form_wrong(f, field, "This must be a time as in RFC 3339: 2026-12-24T10:00:00Z.");
		return false;
	}
	return true;
}

const char *
form_checked(struct form *f, const char *field, const char *(*check)(const char *))
{
	bool fine;
	struct json_object *o = member(f, field, true, &fine);
	const char *s = o != NULL ? json_text(o) : NULL, *wrong;

	if (!fine)
		return NULL;
	wrong = s == NULL ? "This must be a text." : check(s);
	if (wrong != NULL)
		form_wrong(f, field, wrong);
	return wrong == NULL ? s : NULL;
}

/* Checks one member of `sizes` against those before it. */
static const char *
size_wrong(struct json_object *sizes, size_t at)
{
	struct json_object *o = json_object_array_get_idx(sizes, at), *name = NULL, *total = NULL;
	const char *s;
	int64_t n;

	if (!json_object_is_type(o, json_type_object))
		return "Each size is an object {size, totalStock}.";
	json_object_object_get_ex(o, "size", &name);
	json_object_object_get_ex(o, "totalStock", &total);
	s = json_text(name);
	if (s == NULL || !input_printable(s, 1, 20, false) || input_blank(s))
		return "A size has a name of 1 to 20 printable characters.";
	if (!json_whole(total, 0, DROP_MAX_STOCK, &n))
		return "totalStock must be a whole number from 0 to 1000000.";
	if (json_object_object_length(o) != 2)
		return "A size has no other fields than size and totalStock.";
	for (size_t i = 0; i < at; i++) {
		struct json_object *other = NULL;

		json_object_object_get_ex(json_object_array_get_idx(sizes, i), "size", &other);
		if (strcmp(json_object_get_string(other), s) == 0)
			return "Two sizes have the same name.";
	}
	return NULL;
}

static void
check_sizes(struct form *f)
{
	struct json_object *sizes = NULL;

	json_object_object_get_ex(f->json, "sizes", &sizes);
	if (!json_object_is_type(sizes, json_type_array) ||
	    json_object_array_length(sizes) < 1 || json_object_array_length(sizes) > MAX_SIZES) {
		form_wrong(f, "sizes", "This must be a list of 1 to 100 sizes.");
		return;
	}
	for (size_t i = 0; i < json_object_array_length(sizes); i++) {
		const char *wrong = size_wrong(sizes, i);

		if (wrong != NULL) {
			form_wrong(f, "sizes", wrong);
			return;
		}
	}
}

/* A new drop's stock: either totalStock or sizes. */
static void
check_stock(struct form *f)
{
	int64_t n;

	if (form_has(f, "sizes") == form_has(f, "totalStock"))
		form_wrong(f, "totalStock", "Give either totalStock or sizes.");
	else if (form_has(f, "sizes"))
		check_sizes(f);
	else
		form_whole(f, "totalStock", true, 0, DROP_MAX_STOCK, &n);
}

/* A path of this site, or an address of another; nothing a browser would run. */
static void
check_image(struct form *f)
{
	const char *s = "/";

	if (form_text(f, "imageUrl", false, 500, false, &s) && *s != '\0' &&
	    (strchr(s, ' ') != NULL || ((*s != '/' || s[1] == '/') &&
	    strncmp(s, "https://", 8) != 0 && strncmp(s, "http://", 7) != 0)))
		form_wrong(f, "imageUrl", "This must begin with / or https://.");
}

/* In a change null empties a text that may be empty, and takes an end away; what must have a value
 * would keep the one it has, against what the caller meant. */
static void
check_nulls(struct form *f)
{
	static const char *const valued[] = { "priceCents", "currency", "holdSeconds",
	    "coolDownSeconds", "maxPerUser", "isActive" };

	for (size_t i = 0; i < sizeof(valued) / sizeof(valued[0]); i++) {
		struct json_object *o;

		if (json_object_object_get_ex(f->json, valued[i], &o) && o == NULL)
			form_wrong(f, valued[i], "This can't be null.");
	}
}

/* What creating and changing a drop have in common. */
static void
check_drop(struct form *f, bool creating)
{
	const char *name = "", *description, *currency = "USD";
	int64_t n;

	if (form_text(f, "name", creating, 120, false, &name) && form_has(f, "name") && input_blank(name))
		form_wrong(f, "name", "This must have 1 to 120 printable characters.");
	form_text(f, "description", false, 2000, true, &description);
	form_whole(f, "priceCents", creating, 0, MAX_CENTS, &n);
	if (form_text(f, "currency", false, 3, false, &currency) &&
	    (strlen(currency) != 3 || strspn(currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 3))
		form_wrong(f, "currency", "This must be a currency as in ISO 4217: EUR.");
	check_image(f);
	form_time(f, "dropStartsAt", creating);
	form_time(f, "dropEndsAt", true);
	form_whole(f, "holdSeconds", false, 1, 86400, &n);
	form_whole(f, "coolDownSeconds", false, 0, 3600, &n);
	form_whole(f, "maxPerUser", false, 1, 1000, &n);
	form_bool(f, "isActive");
}

bool
form_drop(struct form *f, const char *text, size_t len, bool creating)
{
	static const char *const fields[] = { "name", "description", "priceCents", "currency",
	    "imageUrl", "dropStartsAt", "dropEndsAt", "holdSeconds", "coolDownSeconds",
	    "maxPerUser", "isActive", "totalStock", "sizes", NULL };

	if (!form_parse(f, text, len, fields, false))
		return false;
	check_drop(f, creating);
	if (!creating)
		check_nulls(f);
	if (creating) {
		check_stock(f);
	} else if (form_has(f, "totalStock")) {
		form_wrong(f, "totalStock", "Stock is changed by restocking.");
	} else if (form_has(f, "sizes")) {	/* new ones, as the database will see */
		check_sizes(f);
	} else if (json_object_object_length(f->json) == 0) {
		form_wrong(f, "", "Name at least one field to change.");
	}
	return f->error_count == 0;
}
