/* lastpairctl user and token: accounts and sign-ins. */
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "copy.h"
#include "csv.h"
#include "ctl.h"
#include "input.h"
#include "password.h"
#include "token.h"

#define MAX_FILE	(512u * 1024 * 1024)

/* The first line of standard input, without an echo on a terminal, or as much of it as `size`
 * allows. False after a message. */
static bool
read_password(char *out, size_t size)
{
	struct termios before, silent;
	bool terminal = tcgetattr(STDIN_FILENO, &before) == 0;
	bool ok;

	if (terminal) {
		fputs("Password: ", stderr);
		silent = before;
		silent.c_lflag &= (tcflag_t)~ECHO;
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	}
	ok = fgets(out, (int)size, stdin) != NULL;
	if (terminal) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
		fputc('\n', stderr);
	}
	if (!ok) {
		ctl_fail("the password is read from standard input, and there is none");
		return false;
	}
	out[strcspn(out, "\r\n")] = '\0';
	return true;
}

/* Makes the user, or with `admin` makes one that exists an administrator with this
 * password. A name taken from the address gets a number if somebody has it. */
static const char create_sql[] =
    "WITH free AS ("
    "  SELECT n FROM (SELECT CASE WHEN i = 0 THEN $2 ELSE $2 || '-' || i END AS n, i"
    "                   FROM generate_series(0, CASE WHEN $5::boolean THEN 999 ELSE 0 END) i) c"
    "   WHERE NOT EXISTS (SELECT FROM lastpair.users u WHERE lower(u.username) = lower(c.n)"
    "                        AND lower(u.email) <> lower($1)) ORDER BY i LIMIT 1)"
    "INSERT INTO lastpair.users AS u (username, email, password_hash, role)"
    " SELECT n, $1, $3, CASE WHEN $4::boolean THEN 'admin' ELSE 'user' END FROM free"
    " ON CONFLICT (lower(email)) DO UPDATE SET role = 'admin', password_hash = excluded.password_hash"
    "  WHERE $4::boolean RETURNING u.id, u.username";

int
cmd_user_create(struct ctl *ctl)
{
	const char *email = "", *username = NULL, *wrong;
	char password[PASSWORD_MAX_BYTES + 3], hash[PASSWORD_HASH_LEN], name[41];
	bool admin = false, ok;
	PGresult *r = NULL;
	PGconn *pg;

	for (int i = 0; i < ctl->argc; i++) {
		if (strcmp(ctl->argv[i], "--admin") == 0)
			admin = true;
		else if (strcmp(ctl->argv[i], "--username") == 0 && i + 1 < ctl->argc)
			username = ctl->argv[++i];
		else if (*email == '\0' && ctl->argv[i][0] != '-')
			email = ctl->argv[i];
		else
			options_wrong(ctl->options, "user create: what is '%s'?", ctl->argv[i]);
	}
	if (*email == '\0')
		options_wrong(ctl->options, "user create: whose? The e-mail address is missing");
	snprintf(name, sizeof(name) - 4, "%.*s", (int)strcspn(email, "@"), email);
	if ((wrong = input_email(email)) != NULL ||
	    (wrong = input_username(username != NULL ? username : name)) != NULL)
		return ctl_fail("%s", wrong);
	if (!read_password(password, sizeof(password)))
		return EXIT_FAILURE;
	wrong = input_password(password);
	if (wrong == NULL && password_common(password))
		fputs("lastpairctl: this is one of the commonest passwords\n", stderr);
	ok = wrong == NULL && password_hash(password, (int)ctl->conf.bcrypt_cost, hash);
	explicit_bzero(password, sizeof(password));
	if (!ok)
		return ctl_fail("%s", wrong != NULL ? wrong : "the password can't be hashed");

	pg = ctl_connect(ctl);
	if (pg == NULL)
		return EXIT_FAILURE;
	r = ctl_query(pg, create_sql, 5, (const char *[]){ email, username != NULL ? username : name,
	    hash, admin ? "t" : "f", username == NULL ? "t" : "f" });
	ok = r != NULL && PQntuples(r) == 1;
	if (ok)
		printf("user %s: %s <%s>%s\n", PQgetvalue(r, 0, 0), PQgetvalue(r, 0, 1), email,
		    admin ? ", administrator" : "");
	else if (r != NULL)
		ctl_fail("the e-mail address or the user name is taken");
	PQclear(r);
	PQfinish(pg);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* What is wrong with a line of the import; NULL if nothing is. */
static const char *
line_wrong(int count, char *fields[])
{
	const char *wrong;

	if (count < 0)
		return "a quote is not closed, or something follows it";
	if (count != 4)
		return "a line has four fields: username,email,password_hash,role";
	if ((wrong = input_username(fields[0])) != NULL || (wrong = input_email(fields[1])) != NULL)
		return wrong;
	if (!password_hash_valid(fields[2]))
		return "password_hash is no bcrypt hash ($2a$, $2b$ or $2y$)";
	if (strcmp(fields[3], "user") != 0 && strcmp(fields[3], "admin") != 0 && fields[3][0] != '\0')
		return "role must be user or admin";
	return NULL;
}

/* The whole file as COPY data. -1 after a message that names the first bad line; else how
 * many users there are. */
static long
to_copy(const char *path, struct buf *text, struct buf *copy)
{
	char *fields[CSV_MAX_FIELDS], *next = text->data;
	int line = 1, at = 1, count;
	long users = 0;

	if (strlen(text->data) != text->len) {
		ctl_fail("%s: there is a NUL byte in it", path);
		return -1;
	}
	for (; (count = csv_record(&next, &line, fields)) != 0; at = line) {
		const char *wrong;

		if (count == 1 && fields[0][0] == '\0')
			continue;
		if (at == 1 && count == 4 && strcmp(fields[0], "username") == 0 &&
		    strcmp(fields[1], "email") == 0)
			continue;	/* the header */
		wrong = line_wrong(count, fields);
		if (wrong != NULL) {
			ctl_fail("%s: line %d: %s; nothing was imported", path, at, wrong);
			return -1;
		}
		buf_printf(copy, "%d\t", at);
		copy_field(copy, fields[0], '\t');
		copy_field(copy, fields[1], '\t');
		copy_field(copy, fields[2], '\t');
		copy_field(copy, fields[3][0] != '\0' ? fields[3] : "user", '\n');
		users++;
	}
	if (copy->failed) {
		ctl_fail("out of memory");
		return -1;
	}
	return users;
}

/* Looks for a name or an address that is there twice. False after a message. */
static bool
none_taken(PGconn *pg, const char *path)
{
	PGresult *r = ctl_query(pg,
	    "SELECT line, what FROM ("
	    " SELECT n.line, 'the e-mail address is taken' AS what FROM new_users n"
	    "   JOIN lastpair.users u ON lower(u.email) = lower(n.email)"
	    " UNION ALL SELECT n.line, 'the user name is taken' FROM new_users n"
	    "   JOIN lastpair.users u ON lower(u.username) = lower(n.username)"
	    " UNION ALL SELECT line, 'the e-mail address stands in an earlier line' FROM (SELECT line,"
	    "   row_number() OVER (PARTITION BY lower(email) ORDER BY line) AS k FROM new_users) a WHERE k > 1"
	    " UNION ALL SELECT line, 'the user name stands in an earlier line' FROM (SELECT line,"
	    "   row_number() OVER (PARTITION BY lower(username) ORDER BY line) AS k FROM new_users) b"
	    "   WHERE k > 1) t ORDER BY line LIMIT 1", 0, NULL);
	bool ok = r != NULL && PQntuples(r) == 0;

	if (r != NULL && !ok)
		ctl_fail("%s: line %s: %s; nothing was imported", path, PQgetvalue(r, 0, 0),
		    PQgetvalue(r, 0, 1));
	PQclear(r);
	return ok;
}

int
cmd_user_import(struct ctl *ctl)
{
	const char *path = ctl->argv[0];
	struct buf text = { 0 }, copy = { 0 };
	long users = ctl_read(path, MAX_FILE, &text) ? to_copy(path, &text, &copy) : -1;
	PGconn *pg = users >= 0 ? ctl_connect(ctl) : NULL;
	bool ok = pg != NULL &&
	    ctl_do(pg, "BEGIN") &&
	    ctl_do(pg, "CREATE TEMPORARY TABLE new_users (line integer, username text, email text, "
		"password_hash text, role text) ON COMMIT DROP") &&
	    copy_in(pg, "COPY new_users FROM STDIN", &copy) &&
	    ctl_do(pg, "ANALYZE new_users") &&
	    none_taken(pg, path) &&
	    ctl_do(pg, "INSERT INTO lastpair.users (username, email, password_hash, role) "
		"SELECT username, email, password_hash, role FROM new_users ORDER BY line") &&
	    ctl_do(pg, "COMMIT");

	if (ok)
		printf("%ld users imported\n", users);
	PQfinish(pg);
	buf_free(&text);
	buf_free(&copy);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
cmd_user_revoke(struct ctl *ctl)
{
	PGconn *pg = ctl_connect(ctl);
	PGresult *r;
	int rc = EXIT_FAILURE;

	if (pg == NULL)
		return EXIT_FAILURE;
	r = ctl_query(pg, "WITH who AS (SELECT id FROM lastpair.users WHERE lower(email) = lower($1)), "
	    "gone AS (DELETE FROM lastpair.sessions USING who WHERE user_id = who.id RETURNING 1) "
	    "SELECT (SELECT count(*) FROM gone), lastpair.session_event(who.id, NULL) FROM who",
	    1, (const char *[]){ ctl->argv[0] });
	if (r != NULL && PQntuples(r) == 0) {
		ctl_fail("there is no user %s", ctl->argv[0]);
	} else if (r != NULL) {
		ctl_publish(ctl, PQgetvalue(r, 0, 1));
		printf("sessions ended: %s\n", PQgetvalue(r, 0, 0));
		rc = EXIT_SUCCESS;
	}
	PQclear(r);
	PQfinish(pg);
	return rc;
}

/* Begins a session for a user and adds its token to `out`. False after a message. */
static bool
issue(PGconn *pg, const struct ctl *ctl, const struct token_keys *keys, const char *email,
    struct buf *out)
{
	struct token_claims claims = { 0 };
	char seconds[24], *token = NULL;
	PGresult *r;

	uuid_new(claims.session);
	snprintf(seconds, sizeof(seconds), "%ld", ctl->conf.session_seconds);
	r = ctl_query(pg, "SELECT u.id, extract(epoch FROM s.created_at)::bigint, "
	    "extract(epoch FROM s.expires_at)::bigint FROM lastpair.users u, "
	    "lastpair.begin_session(u.id, $2, $3) s WHERE lower(u.email) = lower($1)",
	    3, (const char *[]){ email, claims.session, seconds });
	if (r != NULL && PQntuples(r) == 0)
		ctl_fail("there is no user %s; no token was issued", email);
	if (r != NULL && PQntuples(r) == 1) {
		claims.user = strtoll(PQgetvalue(r, 0, 0), NULL, 10);
		claims.issued_at = strtoll(PQgetvalue(r, 0, 1), NULL, 10);
		claims.expires_at = strtoll(PQgetvalue(r, 0, 2), NULL, 10);
		token = token_sign(keys, &claims);
	}
	PQclear(r);
	if (token == NULL)
		return false;
	buf_printf(out, "%s\n", token);
	free(token);
	return true;
}

int
cmd_token(struct ctl *ctl)
{
	struct token_keys *keys = token_keys_load(ctl->conf.signing_key_file, NULL);
	struct buf emails = { 0 }, tokens = { 0 };
	char *save = NULL, *email;
	PGconn *pg = NULL;
	bool ok = false;

	if (keys == NULL)
		return ctl_fail("without the signing key there is no token; run this as a user "
		    "who may read it");
	if (ctl_read(ctl->argv[0], MAX_FILE, &emails))
		pg = ctl_connect(ctl);
	if (pg != NULL && ctl_do(pg, "BEGIN")) {
		ok = true;
		for (email = strtok_r(emails.data, "\r\n", &save); ok && email != NULL;
		    email = strtok_r(NULL, "\r\n", &save))
			ok = issue(pg, ctl, keys, email, &tokens);
		ok = ok && !tokens.failed && ctl_do(pg, "COMMIT");
	}
	if (ok && tokens.data != NULL)
		fputs(tokens.data, stdout);	/* none is shown that does not work */
	PQfinish(pg);
	buf_free(&tokens);
	buf_free(&emails);
	token_keys_free(keys);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
