/* Saying to a Redis who calls. */
#include "redis_login.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "service.h"

/* Parts a line into user and password; false when it is neither form. */
static bool
parse(char *line, struct redis_login *login)
{
	char *password = line, *blank;

	line[strcspn(line, "\r\n")] = '\0';
	blank = strchr(line, ' ');
	if (blank != NULL) {
		*blank = '\0';
		password = blank + 1;
	}
	if (*line == '\0' || *password == '\0' || strchr(password, ' ') != NULL ||
	    strlen(password) >= sizeof(login->password) ||
	    (blank != NULL && strlen(line) >= sizeof(login->user)))
		return false;
	if (blank != NULL)
		strcpy(login->user, line);
	strcpy(login->password, password);
	return true;
}

bool
redis_login_read(const char *setting, struct redis_login *login)
{
	char path[PATH_MAX], line[sizeof(login->user) + sizeof(login->password) + 2] = "";
	FILE *f;
	bool ok;

	*login = (struct redis_login){ 0 };
	if (setting == NULL || *setting == '\0')
		return true;
	f = service_secret(setting, path, sizeof(path)) ? fopen(path, "re") : NULL;
	if (f == NULL) {
		log_error("redis_password_file %s: %s", setting, strerror(errno));
		return false;
	}
	ok = fgets(line, sizeof(line), f) != NULL && (feof(f) || strchr(line, '\n') != NULL) &&
	    parse(line, login);
	fclose(f);
	if (!ok)
		log_error("redis_password_file %s: it wants one line, a password of up to %zu characters, or a "
		    "user, a blank and a password", path, sizeof(login->password) - 1);
	explicit_bzero(line, sizeof(line));
	return ok;
}

int
redis_login_words(const struct redis_login *login, const char *words[3])
{
	int n = 0;

	if (login->password[0] == '\0')
		return 0;
	words[n++] = "AUTH";
	if (login->user[0] != '\0')
		words[n++] = login->user;
	words[n++] = login->password;
	return n;
}

bool
redis_log_in(redisContext *redis, const struct redis_login *login)
{
	const char *words[3];
	int n = redis_login_words(login, words);
	redisReply *reply = n > 0 ? redisCommandArgv(redis, n, words, NULL) : NULL;
	bool answered = n == 0 || reply != NULL;

	freeReplyObject(reply);
	return answered;
}
