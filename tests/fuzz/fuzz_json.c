/* JSON: the strict check and json-c's tree must agree. */
#include "json.h"

#include <string.h>

#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *why = NULL, *again;
	struct json_object *o = json_parse_object((const char *)data, size, &why), *copy;
	int64_t n;

	must((o == NULL) == (why != NULL));
	if (o != NULL) {
		json_object_object_foreach(o, name, value) {
			must(fuzz_utf8(name));
			must(json_text(value) == NULL || (fuzz_utf8(json_text(value)) &&
			    strlen(json_text(value)) == (size_t)json_object_get_string_len(value)));
			must(!json_whole(value, -5, 5, &n) || (n >= -5 && n <= 5));
		}
		/* What was written may be read again, unless a number is beyond a double. */
		again = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);
		if (strstr(again, "Infinity") == NULL) {
			copy = json_parse_object(again, strlen(again), &why);
			must(copy != NULL);
			json_object_put(copy);
		}
	}
	json_object_put(o);
	return 0;
}
