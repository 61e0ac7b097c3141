/* Rows of another system's users, drops and purchases.
 *
 * What is true of one row alone is checked here, by the rules of the API; what takes the
 * others or the store, in sql/functions/import_*.sql. */
#include "rows.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "copy.h"
#include "ctl.h"
#include "form.h"
#include "input.h"
#include "password.h"
#include "sheet.h"

#define MAX_TIME 48

static const char time_rule[] = "a time is like 2026-12-24T10:00:00Z or 2026-12-24 10:00:00+01";
static const char price_rule[] = "a price is like 129 or 129.00";

/* A time as databases write it, in the form of RFC 3339. Without a zone it is UTC. False when
 * it is none. */
static bool
read_time(const char *s, char out[MAX_TIME])
{
	size_t len = strlen(s), zone;

	if (len < 19 || len > MAX_TIME - 8)
		return false;
	zone = 19 + strspn(s + 19, ".0123456789");
	memcpy(out, s, zone);
	if (out[10] == ' ')
		out[10] = 'T';
	s += zone + strspn(s + zone, " ");
	len = strlen(s);
	if (*s == '\0')
		snprintf(out + zone, MAX_TIME - zone, "Z");
	else if (strchr("+-", *s) != NULL && len == 3)		/* +01 */
		snprintf(out + zone, MAX_TIME - zone, "%s:00", s);
	else if (strchr("+-", *s) != NULL && len == 5)		/* +0100 */
		snprintf(out + zone, MAX_TIME - zone, "%.3s:%s", s, s + 3);
	else
		snprintf(out + zone, MAX_TIME - zone, "%s", s);
	return input_timestamp(out);
}

/* An amount of at most two places behind the point, in hundredths; -1 when it is none. */
static long long
read_cents(const char *s)
{
	size_t whole = strspn(s, "0123456789");
	const char *point = s[whole] == '.' ? s + whole + 1 : "";
	size_t places = strspn(point, "0123456789");
	long long cents;

	if (whole == 0 || whole > 10 || (s[whole] != '\0' && s[whole] != '.') ||
	    point[places] != '\0' || places > 2 || (s[whole] == '.' && places == 0))
		return -1;
	cents = strtoll(s, NULL, 10) * 100;
	if (places > 0)
		cents += (point[0] - '0') * 10 + (places > 1 ? point[1] - '0' : 0);
	return cents;
}

/* A whole number as JSON and PostgreSQL take it. */
static bool
is_whole(const char *s)
{
	size_t len = strlen(s);

	return len > 0 && len <= 12 && strspn(s, "0123456789") == len && (s[0] != '0' || len == 1);
}

static bool
is_id(const char *s)
{
	return s != NULL && input_printable(s, 1, 64, false);
}

/* An optional time to COPY. False after a message. */
static bool
add_time(const struct sheet *s, int column, struct buf *out, char end)
{
	const char *value = sheet_field(s, column);
	char time[MAX_TIME];

	if (value != NULL && !read_time(value, time)) {
		sheet_wrong(s, "", time_rule);
		return false;
	}
	copy_field(out, value != NULL ? time : NULL, end);
	return true;
}

/* --- users ------------------------------------------------------------------------- */

enum { USER_ID, USER_NAME, USER_EMAIL, USER_HASH, USER_ROLE, USER_CREATED };

static const struct column user_columns[] = {
	[USER_ID] = { "id", true },
	[USER_NAME] = { "username name login", true },
	[USER_EMAIL] = { "email emailaddress", true },
	[USER_HASH] = { "passwordhash password hash", true },
	[USER_ROLE] = { "role", false },
	[USER_CREATED] = { "createdat created", false },
};

/* NULL for a role that is not known. */
static const char *
read_role(const char *s)
{
	if (s == NULL || strcmp(s, "user") == 0 || strcmp(s, "customer") == 0)
		return "user";
	return strcmp(s, "admin") == 0 ? s : NULL;
}

static const char *
user_wrong(const struct sheet *s)
{
	const char *name = sheet_field(s, USER_NAME), *email = sheet_field(s, USER_EMAIL);
	const char *hash = sheet_field(s, USER_HASH), *wrong;

	if (!is_id(sheet_field(s, USER_ID)))
		return "an id has 1 to 64 printable characters";
	if ((wrong = input_username(name != NULL ? name : "")) != NULL ||
	    (wrong = input_email(email != NULL ? email : "")) != NULL)
		return wrong;
	if (hash == NULL || hash[0] != '$' || !password_hash_valid(hash))
		return "the password is no bcrypt hash ($2a$, $2b$ or $2y$)";
	if (read_role(sheet_field(s, USER_ROLE)) == NULL)
		return "a role is user, customer or admin";
	return NULL;
}

static bool
add_user(const struct sheet *s, struct buf *out)
{
	const char *wrong = user_wrong(s);

	if (wrong != NULL) {
		sheet_wrong(s, "", wrong);
		return false;
	}
	for (int c = USER_ID; c <= USER_HASH; c++)
		copy_field(out, sheet_field(s, c), '\t');
	copy_field(out, read_role(sheet_field(s, USER_ROLE)), '\t');
	return add_time(s, USER_CREATED, out, '\n');
}

/* --- drops ------------------------------------------------------------------------- */

enum { DROP_ID, DROP_AVAILABLE, DROP_PRICE, DROP_FIRST };

/* From DROP_FIRST on in the order of `members`. */
static const struct column drop_columns[] = {
	[DROP_ID] = { "id", true },
	[DROP_AVAILABLE] = { "availablestock available", false },
	[DROP_PRICE] = { "price", false },
	{ "pricecents", false },
	{ "name title", true },
	{ "description", false },
	{ "currency", false },
	{ "imageurl image", false },
	{ "totalstock total stock quantity", true },
	{ "holdseconds", false },
	{ "maxperuser", false },
	{ "isactive active", false },
	{ "dropstartsat startsat starttime startdate start", false },
	{ "dropendsat endsat endtime enddate end", false },
};

/* What they are called in the document that makes a drop. */
static const struct {
	const char *name;
	enum { TEXT, WHOLE, BOOL, TIME } type;
} members[] = {
	{ "priceCents", WHOLE }, { "name", TEXT }, { "description", TEXT }, { "currency", TEXT },
	{ "imageUrl", TEXT }, { "totalStock", WHOLE }, { "holdSeconds", WHOLE },
	{ "maxPerUser", WHOLE }, { "isActive", BOOL }, { "dropStartsAt", TIME }, { "dropEndsAt", TIME },
};

#define MEMBERS (int)(sizeof(members) / sizeof(members[0]))

/* "true" or "false"; NULL when it is neither. */
static const char *
read_bool(const char *s)
{
	if (strcasecmp(s, "true") == 0 || strcmp(s, "t") == 0 || strcmp(s, "1") == 0)
		return "true";
	return strcasecmp(s, "false") == 0 || strcmp(s, "f") == 0 || strcmp(s, "0") == 0 ? "false" : NULL;
}

/* A value as JSON. One that is not of its type goes as a text, which the form then refuses. */
static void
add_json(struct buf *b, int type, const char *value)
{
	char time[MAX_TIME];
	size_t at;

	if (type == WHOLE && is_whole(value)) {
		buf_puts(b, value);
	} else if (type == BOOL && read_bool(value) != NULL) {
		buf_puts(b, read_bool(value));
	} else if (type == TIME && read_time(value, time)) {
		buf_json(b, time);
	} else {
		struct buf lines = { 0 };	/* without the carriage returns of other systems */

		for (; *value != '\0'; value += at + (value[at] == '\r')) {
			at = strcspn(value, "\r");
			buf_add(&lines, value, at);
		}
		buf_json(b, lines.data != NULL ? lines.data : "");
		b->failed = b->failed || lines.failed;
		buf_free(&lines);
	}
}

/* The document of POST /api/drops. False after a message. */
static bool
drop_document(const struct sheet *s, struct buf *doc)
{
	const char *price = sheet_field(s, DROP_PRICE);
	bool any = false;

	buf_puts(doc, "{");
	if (sheet_field(s, DROP_FIRST) == NULL && price != NULL) {	/* priceCents counts more */
		if (read_cents(price) < 0) {
			sheet_wrong(s, "", price_rule);
			return false;
		}
		buf_printf(doc, "\"priceCents\":%lld", read_cents(price));
		any = true;
	}
	for (int i = 0; i < MEMBERS; i++) {
		const char *value = sheet_field(s, DROP_FIRST + i);

		if (value == NULL)
			continue;
		buf_printf(doc, "%s\"%s\":", any ? "," : "", members[i].name);
		add_json(doc, members[i].type, value);
		any = true;
	}
	buf_puts(doc, "}");
	return true;
}

/* The document, as the API would take it. False after a message. */
static bool
check_document(const struct sheet *s, const struct buf *doc, struct buf *out)
{
	struct arena *arena = arena_new();
	struct form form = { .arena = arena };
	bool ok = !doc->failed && form_drop(&form, doc->data, doc->len, true);

	if (ok)
		copy_field(out, json_object_to_json_string_ext(form.json, JSON_C_TO_STRING_PLAIN), '\t');
	else
		sheet_wrong(s, form.error_count > 0 ? form.errors[0].field : "",
		    form.error_count > 0 ? form.errors[0].message : "out of memory");
	arena_free(arena);
	return ok;
}

static bool
add_drop(const struct sheet *s, struct buf *out)
{
	const char *available = sheet_field(s, DROP_AVAILABLE);
	struct buf doc = { 0 };
	bool ok = is_id(sheet_field(s, DROP_ID)) &&
	    (available == NULL || (is_whole(available) && strlen(available) <= 7));

	if (!ok)
		sheet_wrong(s, "", "id and available stock: an id has 1 to 64 printable characters, "
		    "a stock is a whole number");
	copy_field(out, ok ? sheet_field(s, DROP_ID) : NULL, '\t');
	ok = ok && drop_document(s, &doc) && check_document(s, &doc, out);
	copy_field(out, available, '\n');
	buf_free(&doc);
	return ok;
}

/* --- purchases --------------------------------------------------------------------- */

enum { SALE_ID, SALE_USER, SALE_DROP, SALE_AT, SALE_PRICE, SALE_CENTS, SALE_CURRENCY, SALE_QUANTITY };

static const struct column sale_columns[] = {
	[SALE_ID] = { "id", true },
	[SALE_USER] = { "userid user buyerid", true },
	[SALE_DROP] = { "dropid drop", true },
	[SALE_AT] = { "purchasedat createdat created date", true },
	[SALE_PRICE] = { "price amount", false },
	[SALE_CENTS] = { "pricecents amountcents", false },
	[SALE_CURRENCY] = { "currency", false },
	[SALE_QUANTITY] = { "quantity", false },
};

static const char *
sale_wrong(const struct sheet *s)
{
	const char *price = sheet_field(s, SALE_PRICE), *cents = sheet_field(s, SALE_CENTS);
	const char *currency = sheet_field(s, SALE_CURRENCY), *quantity = sheet_field(s, SALE_QUANTITY);

	for (int c = SALE_ID; c <= SALE_DROP; c++)
		if (!is_id(sheet_field(s, c)))
			return "id, user and drop: each has 1 to 64 printable characters";
	if (sheet_field(s, SALE_AT) == NULL)
		return "when it was bought is missing";
	if ((cents != NULL && (!is_whole(cents) || strtoll(cents, NULL, 10) > 100000000000)) ||
	    (cents == NULL && price != NULL && read_cents(price) < 0))
		return price_rule;
	if (currency != NULL && (strlen(currency) != 3 || !isupper((unsigned char)currency[0]) ||
	    !isupper((unsigned char)currency[1]) || !isupper((unsigned char)currency[2])))
		return "a currency is as in ISO 4217: EUR";
	if (quantity != NULL && strcmp(quantity, "1") != 0)
		return "a purchase is of one pair: write a line for each";
	return NULL;
}

static bool
add_sale(const struct sheet *s, struct buf *out)
{
	const char *wrong = sale_wrong(s), *cents = sheet_field(s, SALE_CENTS);
	const char *price = sheet_field(s, SALE_PRICE);
	char made[24];

	if (wrong != NULL) {
		sheet_wrong(s, "", wrong);
		return false;
	}
	for (int c = SALE_ID; c <= SALE_DROP; c++)
		copy_field(out, sheet_field(s, c), '\t');
	if (cents == NULL && price != NULL) {
		snprintf(made, sizeof(made), "%lld", read_cents(price));
		cents = made;
	}
	copy_field(out, cents, '\t');
	copy_field(out, sheet_field(s, SALE_CURRENCY), '\t');
	return add_time(s, SALE_AT, out, '\n');
}

/* --- files ------------------------------------------------------------------------- */

static long
read_all(struct sheet *s, bool (*add)(const struct sheet *s, struct buf *out), struct buf *out)
{
	long rows = 0;
	int more;

	while ((more = sheet_next(s)) == 1) {
		buf_printf(out, "%d\t", s->record_line);
		if (!add(s, out))
			return -1;
		rows++;
	}
	if (out->failed) {
		ctl_fail("out of memory");
		return -1;
	}
	return more < 0 ? -1 : rows;
}

#define COUNT(columns) (int)(sizeof(columns) / sizeof((columns)[0]))

long
rows_users(const char *path, char *text, size_t len, struct buf *out)
{
	struct sheet s;

	return sheet_open(&s, path, text, len, user_columns, COUNT(user_columns)) ?
	    read_all(&s, add_user, out) : -1;
}

long
rows_drops(const char *path, char *text, size_t len, struct buf *out)
{
	struct sheet s;

	return sheet_open(&s, path, text, len, drop_columns, COUNT(drop_columns)) ?
	    read_all(&s, add_drop, out) : -1;
}

long
rows_purchases(const char *path, char *text, size_t len, struct buf *out)
{
	struct sheet s;

	return sheet_open(&s, path, text, len, sale_columns, COUNT(sale_columns)) ?
	    read_all(&s, add_sale, out) : -1;
}
