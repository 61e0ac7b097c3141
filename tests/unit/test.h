/* What the unit tests share: cmocka with the headers it wants before it, files of
 * their own, and a look at what is said on standard error. */
#ifndef LP_TEST_H
#define LP_TEST_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define TEST_PATH_LEN 108	/* fits a Unix socket's address */

/* A new file of `len` bytes; the caller unlinks it. */
static inline void
test_file(char path[TEST_PATH_LEN], const void *content, size_t len)
{
	int fd;

	snprintf(path, TEST_PATH_LEN, "/tmp/lastpair-unit-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, len), (ssize_t)len);
	close(fd);
}

/* A new folder; the caller removes it. */
static inline void
test_folder(char path[TEST_PATH_LEN])
{
	snprintf(path, TEST_PATH_LEN, "/tmp/lastpair-unit-XXXXXX");
	assert_non_null(mkdtemp(path));
}

/* What is written to standard error between the two calls. */
struct test_stderr {
	int kept;
	FILE *file;
	char text[8192];
};

static inline void
test_stderr_begin(struct test_stderr *t)
{
	fflush(stderr);
	t->file = tmpfile();
	assert_non_null(t->file);
	t->kept = dup(STDERR_FILENO);
	assert_true(t->kept >= 0);
	assert_true(dup2(fileno(t->file), STDERR_FILENO) >= 0);
}

static inline const char *
test_stderr_end(struct test_stderr *t)
{
	size_t len;

	fflush(stderr);
	dup2(t->kept, STDERR_FILENO);
	close(t->kept);
	rewind(t->file);
	len = fread(t->text, 1, sizeof(t->text) - 1, t->file);
	t->text[len] = '\0';
	fclose(t->file);
	return t->text;
}

/* How `fn` ends in a process of its own that says nothing: a wait status. */
static inline int
test_in_child(void (*fn)(void))
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	fflush(stderr);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (freopen("/dev/null", "w", stdout) == NULL ||
		    freopen("/dev/null", "w", stderr) == NULL)
			_exit(100);
		signal(SIGABRT, SIG_DFL);	/* cmocka's own would go on with the tests */
		fn();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

#define assert_contains(text, part) do { \
	if (strstr((text), (part)) == NULL) \
		fail_msg("\"%s\" does not contain \"%s\"", (text), (part)); \
} while (0)

#endif
