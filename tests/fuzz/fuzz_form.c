/* The documents that make a drop (input begins with +) or change one. */
#include "form.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

/* What passes goes to the database as json-c writes it. */
static void
check_document(struct json_object *json)
{
	const char *text = json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN), *why;
	struct json_object *copy = json_parse_object(text, strlen(text), &why), *o;

	must(fuzz_utf8(text));
	must(copy != NULL);
	must(json_object_equal(json, copy));
	if (json_object_object_get_ex(json, "priceCents", &o) && o != NULL)
		must(json_object_is_type(o, json_type_int) && json_object_get_int64(o) >= 0);
	if (json_object_object_get_ex(json, "imageUrl", &o) && o != NULL)
		must(strncasecmp(json_text(o), "javascript:", 11) != 0);
	json_object_put(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool creating = size > 0 && data[0] == '+';
	struct form form = { .arena = arena_new() };
	char *text = fuzz_text(data + creating, size - creating);
	bool ok = form_drop(&form, text, size - creating, creating);

	must(ok == (form.error_count == 0));
	must(form.error_count >= 0 && form.error_count <= FORM_MAX_ERRORS);
	for (int i = 0; i < form.error_count; i++)
		must(fuzz_utf8(form.errors[i].field) && fuzz_utf8(form.errors[i].message));
	if (ok)
		check_document(form.json);
	free(text);		/* nothing may point into it */
	for (int i = 0; i < form.error_count; i++)
		must(strlen(form.errors[i].field) < size + 20);
	arena_free(form.arena);
	return 0;
}
