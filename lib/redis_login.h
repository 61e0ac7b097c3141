/* Saying to a Redis, or to one of its sentinels, who calls: the command AUTH, of a password alone or of a
 * user and a password (redis.io, "ACL"). Shared by publish.c, sentinel.c and the event daemon's listener. */
#ifndef LP_REDIS_LOGIN_H
#define LP_REDIS_LOGIN_H

#include <hiredis/hiredis.h>
#include <stdbool.h>

/* All empty: Redis is told nothing. */
struct redis_login {
	char user[128];		/* empty: Redis's default one */
	char password[512];
};

/* Reads the file that the setting redis_password_file names: one line, a password, or a user, a blank and a
 * password. An empty path is no password. False after a line in the log that says what is wrong. */
bool redis_login_read(const char *path, struct redis_login *login);

/* The words of the command, lent from `login`; how many they are, 0: there is nothing to say. */
int redis_login_words(const struct redis_login *login, const char *words[3]);

/* Says it and waits for the answer. What is refused here is not told apart: a sentinel without a
 * password of its own refuses to be given one and serves all the same, and a server that wants another
 * refuses the next command too. False when there is no answer at all. */
bool redis_log_in(redisContext *redis, const struct redis_login *login);

#endif
