/* The daemon's HTTP: a request's head, and what a stream is asked for. */
#include "../../sse/head.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static void
check_text(const char *s)
{
	for (; s != NULL && *s != '\0'; s++)
		must((unsigned char)*s >= 0x20 || *s == '\t');
}

static void
check_wanted(char *query)
{
	struct wanted wanted;

	if (!wanted_parse(query, &wanted))
		return;
	must(wanted.count >= 0 && wanted.count <= WANTED_MAX);
	for (int i = 0; i < wanted.count; i++)
		must(wanted.drops[i] >= 1 && (i == 0 || wanted.drops[i] > wanted.drops[i - 1]));
	must(wanted.last == NULL || strlen(wanted.last) < HEAD_MAX);
}

/* As the daemon reads it: whatever has come so far is looked at, and more may follow. */
static enum head_result
parse_in_pieces(char *buf, size_t size, size_t piece, struct head *head)
{
	char *before = malloc(size + 1);
	enum head_result result = HEAD_MORE;

	must(before != NULL);
	memcpy(before, buf, size);
	for (size_t len = 0; result == HEAD_MORE && len < size;) {
		len = size - len > piece ? len + piece : size;
		result = head_parse(buf, len, head);
		if (result == HEAD_MORE)
			must(memcmp(before, buf, size) == 0);
	}
	free(before);
	return result;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t len = size < HEAD_MAX ? size : HEAD_MAX;
	char *whole = fuzz_text(data, len), *pieces = fuzz_text(data, len);
	struct head head, same;
	enum head_result result = head_parse(whole, len, &head);
	const char *token;

	/* In pieces it says the same of the first head. */
	must(parse_in_pieces(pieces, len, size % 97 + 1, &same) == result || len == 0);
	if (result == HEAD_OK) {
		must(strcmp(head.method, same.method) == 0 && strcmp(head.path, same.path) == 0);
		must(head.path[0] == '/' && strchr(head.path, ' ') == NULL);
		check_text(head.method);
		check_text(head.path);
		check_text(head.query);
		check_text(head.last_event_id);
		check_text(head.origin);
		token = head_token(&head, (enum head_cookie)(size % 3));
		check_text(token);
		check_wanted(head.query);
	}
	free(whole);
	free(pieces);
	return 0;
}
