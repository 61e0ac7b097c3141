/* Sockets that were handed over, and notices. Each test looks at a child: descriptors 3, 4
 * and so on are what it is about. */
#include "service.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "test.h"

static char folder[TEST_PATH_LEN];

static struct sockaddr_un
path_of(const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof(a.sun_path), "%.60s/%s", folder, name);
	return a;
}

/* A Unix socket of `type` as descriptor `fd`. */
static void
put_socket(int fd, const char *name, int type)
{
	struct sockaddr_un a = path_of(name);
	int s = socket(AF_UNIX, type, 0);

	unlink(a.sun_path);
	if (s < 0 || bind(s, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    (type == SOCK_STREAM && listen(s, 8) != 0) || (s != fd && dup2(s, fd) != fd))
		_exit(101);
	if (s != fd)
		close(s);
}

static int
find(const char *name)
{
	struct sockaddr_un a = path_of(name);

	return service_socket((struct sockaddr *)&a, sizeof(a));
}

static void
say(const char *name, long value)
{
	char text[24];

	snprintf(text, sizeof(text), "%ld", value);
	setenv(name, text, 1);
}

#define check(what) do { \
	if (!(what)) \
		_exit(__LINE__ % 200 + 1); \
} while (0)

#define passes(fn) do { \
	int status = test_in_child(fn); \
	assert_true(WIFEXITED(status)); \
	assert_int_equal(WEXITSTATUS(status), 0); \
} while (0)

static void
take_two(void)
{
	put_socket(3, "a", SOCK_STREAM);
	put_socket(4, "b", SOCK_STREAM);
	say("LISTEN_PID", getpid());
	say("LISTEN_FDS", 2);
	setenv("LISTEN_FDNAMES", "x:y", 1);
	service_begin();
	check(find("b") == 4);
	check(find("b") == -1);	/* it is somebody's */
	check(find("c") == -1);
	check(find("a") == 3);
	check(fcntl(3, F_GETFL) & O_NONBLOCK);
	check(fcntl(4, F_GETFD) & FD_CLOEXEC);
	check(getenv("LISTEN_PID") == NULL && getenv("LISTEN_FDS") == NULL);
	check(getenv("LISTEN_FDNAMES") == NULL);
	service_settle();
	check(fcntl(3, F_GETFD) >= 0 && fcntl(4, F_GETFD) >= 0);
}

static void
sockets_are_found_by_their_address(void **state)
{
	(void)state;
	passes(take_two);
}

static void
take_another_process_s(void)
{
	put_socket(3, "a", SOCK_STREAM);
	say("LISTEN_PID", getppid());
	say("LISTEN_FDS", 1);
	service_begin();
	check(find("a") == -1);
	check(getenv("LISTEN_PID") == NULL);
}

static void
take_without_a_process(void)
{
	put_socket(3, "a", SOCK_STREAM);
	unsetenv("LISTEN_PID");
	say("LISTEN_FDS", 1);
	service_begin();
	check(find("a") == -1);
}

static void
take_nonsense(void)
{
	static const char *const nonsense[] = { "", "x", "-1", "1x", "99999999999999999999", " 1" };

	for (size_t i = 0; i < COUNT(nonsense); i++) {
		put_socket(3, "a", SOCK_STREAM);
		say("LISTEN_PID", getpid());
		setenv("LISTEN_FDS", nonsense[i], 1);
		service_begin();
		check(find("a") == -1);
	}
}

static void
what_is_meant_for_another_process_is_left(void **state)
{
	(void)state;
	passes(take_another_process_s);
	passes(take_without_a_process);
	passes(take_nonsense);
}

static void
take_what_cannot_be_used(void)
{
	put_socket(3, "dgram", SOCK_DGRAM);
	put_socket(4, "other", SOCK_STREAM);
	if (dup2(STDIN_FILENO, 5) != 5)
		_exit(101);
	close(6);
	say("LISTEN_PID", getpid());
	say("LISTEN_FDS", 4);
	service_begin();
	check(find("dgram") == -1);
	check(find("a") == -1);
	service_settle();
	check(fcntl(3, F_GETFD) < 0 && fcntl(4, F_GETFD) < 0 && fcntl(5, F_GETFD) < 0);
	check(find("other") == -1);
}

static void
what_nobody_wants_is_closed(void **state)
{
	(void)state;
	passes(take_what_cannot_be_used);
}

static void
take_tcp(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) }, other;
	socklen_t len = sizeof(a);
	int s = socket(AF_INET, SOCK_STREAM, 0);

	check(s >= 0 && bind(s, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(s, 8) == 0);
	check(getsockname(s, (struct sockaddr *)&a, &len) == 0);
	check(s == 3 || dup2(s, 3) == 3);
	say("LISTEN_PID", getpid());
	say("LISTEN_FDS", 1);
	service_begin();
	other = a;
	other.sin_port++;
	check(service_socket((struct sockaddr *)&other, sizeof(other)) == -1);
	other = a;
	other.sin_addr.s_addr = htonl(INADDR_ANY);
	check(service_socket((struct sockaddr *)&other, sizeof(other)) == -1);
	check(service_socket((struct sockaddr *)&a, sizeof(a)) == 3);
}

static void
an_address_of_the_network_is_found_with_its_port(void **state)
{
	(void)state;
	passes(take_tcp);
}

static int
receive(int fd, char text[64])
{
	ssize_t n = recv(fd, text, 63, MSG_DONTWAIT);

	text[n > 0 ? n : 0] = '\0';
	return (int)n;
}

static void
notify_a_path(void)
{
	struct sockaddr_un a = path_of("notify");
	char text[64];
	long ms;

	put_socket(9, "notify", SOCK_DGRAM);
	setenv("NOTIFY_SOCKET", a.sun_path, 1);
	say("WATCHDOG_USEC", 3000000);
	say("WATCHDOG_PID", getpid());
	service_begin();
	check(getenv("NOTIFY_SOCKET") == NULL && getenv("WATCHDOG_USEC") == NULL);
	check(service_watchdog(&ms) && ms == 3000);
	service_notify("READY=1\nSTATUS=serving");
	check(receive(9, text) == 22);
	check(strcmp(text, "READY=1\nSTATUS=serving") == 0);
	close(9);
	service_notify("STOPPING=1");	/* nobody is there: it goes on */
}

static void
notify_an_abstract_name(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char name[40], text[64];
	int s = socket(AF_UNIX, SOCK_DGRAM, 0);

	snprintf(name, sizeof(name), "@lastpair-unit-%d", getpid());
	memcpy(a.sun_path + 1, name + 1, strlen(name) - 1);
	check(bind(s, (struct sockaddr *)&a,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))) == 0);
	setenv("NOTIFY_SOCKET", name, 1);
	service_begin();
	service_notify("WATCHDOG=1");
	check(receive(s, text) == 10 && strcmp(text, "WATCHDOG=1") == 0);
}

static void
notify_nobody(void)
{
	long ms;

	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	service_begin();
	service_notify("READY=1");
	check(!service_watchdog(&ms));
	setenv("NOTIFY_SOCKET", "relative", 1);
	say("WATCHDOG_USEC", 3000000);
	say("WATCHDOG_PID", getppid());	/* another process's */
	service_begin();
	service_notify("READY=1");
	check(!service_watchdog(&ms));
}

static void
notices_go_to_who_wants_them(void **state)
{
	(void)state;
	passes(notify_a_path);
	passes(notify_an_abstract_name);
	passes(notify_nobody);
}

static void
a_secret_is_read_where_the_service_was_given_it(void **state)
{
	struct sockaddr_un file = path_of("lastpair_signing.key");
	char out[256];

	(void)state;
	unsetenv("CREDENTIALS_DIRECTORY");
	assert_true(service_secret("/etc/x/signing.key", out, sizeof(out)));
	assert_string_equal(out, "/etc/x/signing.key");
	setenv("CREDENTIALS_DIRECTORY", folder, 1);
	assert_true(service_secret("/etc/x/signing.key", out, sizeof(out)));
	assert_string_equal(out, "/etc/x/signing.key");	/* it was not given this one */
	fclose(fopen(file.sun_path, "w"));
	assert_true(service_secret("/etc/x/signing.key", out, sizeof(out)));
	assert_string_equal(out, file.sun_path);
	assert_true(service_secret("signing.key", out, sizeof(out)));
	assert_string_equal(out, file.sun_path);
	assert_true(service_secret("/etc/x/other.key", out, sizeof(out)));
	assert_string_equal(out, "/etc/x/other.key");
	assert_false(service_secret("/etc/x/other.key", out, 16));
	setenv("CREDENTIALS_DIRECTORY", "relative", 1);
	assert_true(service_secret("/etc/x/signing.key", out, sizeof(out)));
	assert_string_equal(out, "/etc/x/signing.key");
	unsetenv("CREDENTIALS_DIRECTORY");
	unlink(file.sun_path);
}

static int
make_folder(void **state)
{
	(void)state;
	test_folder(folder);
	return 0;
}

static int
remove_folder(void **state)
{
	static const char *const names[] = { "a", "b", "dgram", "other", "notify" };

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		struct sockaddr_un a = path_of(names[i]);

		unlink(a.sun_path);
	}
	return rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sockets_are_found_by_their_address),
		cmocka_unit_test(what_is_meant_for_another_process_is_left),
		cmocka_unit_test(what_nobody_wants_is_closed),
		cmocka_unit_test(an_address_of_the_network_is_found_with_its_port),
		cmocka_unit_test(notices_go_to_who_wants_them),
		cmocka_unit_test(a_secret_is_read_where_the_service_was_given_it),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
