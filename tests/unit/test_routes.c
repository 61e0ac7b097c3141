/* Which URL leads to which handler. The handlers here do nothing: only their addresses count. */
#include "routes.h"

#include "test.h"

#define HANDLER(name) enum status name(struct ctx *ctx, struct req *req) \
	{ (void)ctx; (void)req; return OK; }

HANDLER(auth_register)
HANDLER(auth_login)
HANDLER(auth_logout)
HANDLER(auth_me)
HANDLER(drop_list)
HANDLER(drop_get)
HANDLER(drop_create)
HANDLER(drop_update)
HANDLER(drop_restock)
HANDLER(reservation_create)
HANDLER(reservation_list)
HANDLER(reservation_get)
HANDLER(reservation_release)
HANDLER(purchase_create)
HANDLER(purchase_list)
HANDLER(admin_actions)
HANDLER(admin_figures)
HANDLER(admin_purchases)
HANDLER(admin_purchases_csv)
HANDLER(health_show)
HANDLER(metrics_show)

static struct req req;
static enum status status;

static int
set_up(void **state)
{
	(void)state;
	req = (struct req){ .arena = arena_new() };
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	arena_free(req.arena);
	return 0;
}

static const struct route *
find(enum method method, const char *path)
{
	struct arena *arena = req.arena;

	req = (struct req){ .arena = arena, .method = method, .path = path };
	status = OK;
	return route_find(&req, &status);
}

#define UUID "01890a5d-ac96-774b-bcce-b302099a8057"

static const struct {
	enum method method;
	const char *path;
	handler *handle;
	enum access access;
	const char *id;
} table[] = {
	{ POST, "/api/auth/register", auth_register, OPEN, "" },
	{ POST, "/api/auth/login", auth_login, OPEN, "" },
	{ POST, "/api/auth/logout", auth_logout, SIGNED_IN, "" },
	{ GET, "/api/auth/me", auth_me, SIGNED_IN, "" },
	{ GET, "/api/drops", drop_list, OPEN, "" },
	{ POST, "/api/drops", drop_create, ADMIN, "" },
	{ GET, "/api/drops/12", drop_get, OPEN, "12" },
	{ PATCH, "/api/drops/12", drop_update, ADMIN, "12" },
	{ POST, "/api/drops/12/restock", drop_restock, ADMIN, "12" },
	{ POST, "/api/drops/12/reservations", reservation_create, SIGNED_IN, "12" },
	{ GET, "/api/reservations", reservation_list, SIGNED_IN, "" },
	{ GET, "/api/reservations/" UUID, reservation_get, SIGNED_IN, UUID },
	{ DELETE, "/api/reservations/" UUID, reservation_release, SIGNED_IN, UUID },
	{ POST, "/api/reservations/" UUID "/purchase", purchase_create, SIGNED_IN, UUID },
	{ GET, "/api/purchases", purchase_list, SIGNED_IN, "" },
	{ GET, "/api/admin/actions", admin_actions, ADMIN, "" },
	{ GET, "/api/admin/drops/12/figures", admin_figures, ADMIN, "12" },
	{ GET, "/api/admin/drops/12/purchases", admin_purchases, ADMIN, "12" },
	{ GET, "/api/admin/drops/12/purchases.csv", admin_purchases_csv, ADMIN, "12" },
	{ GET, "/healthz", health_show, OPEN, "" },
	{ GET, "/metrics", metrics_show, OPEN, "" },
};

static void
every_call_of_the_contract_has_its_handler_and_its_access(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		const struct route *r = find(table[i].method, table[i].path);

		if (r == NULL)
			fail_msg("%s is not found", table[i].path);
		assert_ptr_equal(r->handle, table[i].handle);
		assert_int_equal(r->access, table[i].access);
		assert_string_equal(req.path_id, table[i].id);
		assert_ptr_equal(req.route, r->pattern);
		assert_int_equal(req.header_count, 0);
	}
}

static void
what_takes_a_body_has_a_limit_and_what_reads_takes_none(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		const struct route *r = find(table[i].method, table[i].path);

		assert_non_null(r);
		if (r->method == GET)
			assert_int_equal(r->max_body, 0);
		else
			assert_in_range(r->max_body, 1024, 64 * 1024);
	}
}

static void
what_is_not_there_is_not_found(void **state)
{
	static const char *const paths[] = {
		"", "/", "/api", "/api/", "/api/drop", "/api/drops/", "/api/drops//", "/api/dropsx",
		"/api/drops/1/", "/api/drops/1/2", "/api/drops/1/restock/", "/api/drops/1/restockx",
		"/api/drops/1/2/restock", "/api/drops//restock", "/API/drops", "/api/Drops",
		"/api/auth", "/api/auth/me/", "/api/auth/me/me", "/api/reservations/", "//api/drops",
		"/api/reservations/a/b", "/api/reservations/a/purchase/b", "/api/admin/drops/1",
		"/api/admin/drops//purchases.csv", "/api/admin/drops/1/purchases/", "/api/admin/actions/",
		"/api/admin/drops/1/figures/2", "/api/admin/drops", "/healthz/", "/metricsx",
		"api/drops", "/api/events",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(paths); i++)
		for (enum method m = GET; m < METHOD_COUNT; m++) {
			if (find(m, paths[i]) != NULL)
				fail_msg("%s is found", paths[i]);
			assert_int_equal(status, NOT_FOUND);
			assert_int_equal(req.header_count, 0);
		}
}

static void
another_method_is_refused_with_those_that_are_allowed(void **state)
{
	static const struct {
		enum method method;
		const char *path, *allow;
	} cases[] = {
		{ GET, "/api/auth/login", "Allow: POST" },
		{ DELETE, "/api/auth/me", "Allow: GET, HEAD" },
		{ PATCH, "/api/drops", "Allow: GET, HEAD, POST" },
		{ POST, "/api/drops/12", "Allow: GET, HEAD, PATCH" },
		{ GET, "/api/drops/12/reservations", "Allow: POST" },
		{ PATCH, "/api/reservations/" UUID, "Allow: GET, HEAD, DELETE" },
		{ DELETE, "/api/reservations", "Allow: GET, HEAD" },
		{ DELETE, "/api/admin/actions", "Allow: GET, HEAD" },
		{ POST, "/api/admin/drops/12/figures", "Allow: GET, HEAD" },
		{ POST, "/healthz", "Allow: GET, HEAD" },
		{ POST, "/metrics", "Allow: GET, HEAD" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_null(find(cases[i].method, cases[i].path));
		assert_int_equal(status, METHOD_NOT_ALLOWED);
		assert_int_equal(req.header_count, 1);
		assert_string_equal(req.headers[0], cases[i].allow);
		assert_non_null(req.route);	/* for the log */
	}
}

static void
a_head_is_found_as_a_get(void **state)
{
	(void)state;
	assert_ptr_equal(find(GET, "/api/drops")->handle, drop_list);
	req.head = true;
	assert_ptr_equal(route_find(&req, &status)->handle, drop_list);
}

static void
an_id_of_any_characters_is_handed_over_but_not_one_too_long(void **state)
{
	char path[256] = "/api/drops/", *id = path + strlen(path);

	(void)state;
	for (size_t len = 1; len < ID_TEXT_LEN; len++) {
		memset(id, 'x', len);
		id[len] = '\0';
		assert_non_null(find(GET, path));
		assert_string_equal(req.path_id, id);
	}
	memset(id, 'x', ID_TEXT_LEN);
	id[ID_TEXT_LEN] = '\0';
	assert_null(find(GET, path));
	assert_int_equal(status, NOT_FOUND);
	assert_non_null(find(GET, "/api/drops/%2e%2e'\"{id}"));
	assert_string_equal(req.path_id, "%2e%2e'\"{id}");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_call_of_the_contract_has_its_handler_and_its_access),
		TEST(what_takes_a_body_has_a_limit_and_what_reads_takes_none),
		TEST(what_is_not_there_is_not_found),
		TEST(another_method_is_refused_with_those_that_are_allowed),
		TEST(a_head_is_found_as_a_get),
		TEST(an_id_of_any_characters_is_handed_over_but_not_one_too_long),
	};

	return cmocka_run_group_tests_name("routes", tests, NULL, NULL);
}
