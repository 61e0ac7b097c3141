/* Requests of webhooks, by libcurl. */
#include "deliver.h"

#include <config.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "log.h"
#include "webhook.h"

#define ANSWER_MAX	65536	/* bytes of an answer, its head and its body alike */
#define CONNECT_MAX_S	5

struct transfer {
	LIST_ENTRY(transfer) next;
	struct deliverer *deliverer;
	struct delivery *delivery;
	CURL *easy;
	struct curl_slist *headers;
	bool local;		/* its URL names this machine */
	bool refused;		/* its host is where nothing may be sent to */
	size_t answer_len;
};

struct deliverer {
	const struct conf *conf;
	CURLM *multi;
	LIST_HEAD(, transfer) transfers;
};

struct deliverer *
deliverer_new(const struct conf *conf)
{
	struct deliverer *d = calloc(1, sizeof(*d));

	if (d != NULL && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
		d->multi = curl_multi_init();
	if (d == NULL || d->multi == NULL) {
		log_error("libcurl does not start");
		free(d);
		return NULL;
	}
	d->conf = conf;
	LIST_INIT(&d->transfers);
	curl_multi_setopt(d->multi, CURLMOPT_MAXCONNECTS, conf->webhook_connections);
	return d;
}

static void
transfer_free(struct transfer *t)
{
	LIST_REMOVE(t, next);
	if (t->easy != NULL) {
		curl_multi_remove_handle(t->deliverer->multi, t->easy);
		curl_easy_cleanup(t->easy);
	}
	curl_slist_free_all(t->headers);
	free(t);
}

void
deliverer_free(struct deliverer *d)
{
	struct transfer *t, *after;

	if (d == NULL)
		return;
	for (t = LIST_FIRST(&d->transfers); t != NULL; t = after) {
		after = LIST_NEXT(t, next);
		transfer_free(t);
	}
	curl_multi_cleanup(d->multi);
	curl_global_cleanup();
	free(d);
}

/* Whatever a name was resolved to, or will be the next time: this is the address that is
 * about to be connected to. */
static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct transfer *t = arg;

	(void)purpose;
	if (!webhook_address_allowed(&address->addr, t->local, t->deliverer->conf->webhook_private)) {
		t->refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* What a receiver says beyond its status is not for us; nor may it go on for ever. */
static size_t
take_answer(char *data, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;

	(void)data;
	t->answer_len += size * count;
	return t->answer_len <= ANSWER_MAX ? size * count : 0;
}

static bool
add_header(struct transfer *t, const char *name, const char *value)
{
	struct buf line = { 0 };
	struct curl_slist *all = NULL;

	buf_printf(&line, "%s: %s", name, value);
	if (!line.failed)
		all = curl_slist_append(t->headers, line.data);
	if (all != NULL)
		t->headers = all;
	buf_free(&line);
	return all != NULL;
}

static bool
add_headers(struct transfer *t)
{
	const struct delivery *d = t->delivery;
	char signature[WEBHOOK_SIGNATURE_LEN];

	return webhook_sign(d->body, (int64_t)time(NULL), d->secret, d->old_secret, signature) &&
	    add_header(t, "Content-Type", "application/json") &&
	    add_header(t, "Lastpair-Event-Id", d->event) &&
	    add_header(t, "Lastpair-Signature", signature);
}

/* All that a receiver must not be able to make of it is said here. */
static bool
set_up(struct transfer *t)
{
	const struct delivery *d = t->delivery;
	const struct conf *conf = t->deliverer->conf;
	long seconds = conf->webhook_timeout_seconds;
	CURL *e = t->easy = curl_easy_init();

	if (e == NULL || !add_headers(t) ||
	    curl_easy_setopt(e, CURLOPT_URL, d->url) != CURLE_OK ||
	    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") != CURLE_OK ||
	    curl_easy_setopt(e, CURLOPT_PROXY, "") != CURLE_OK ||
	    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L) != CURLE_OK ||
	    curl_easy_setopt(e, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L) != CURLE_OK ||
	    curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) != CURLE_OK ||
	    curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket) != CURLE_OK ||
	    curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, t) != CURLE_OK)
		return false;
	if (conf->webhook_ca_file[0] != '\0' &&
	    curl_easy_setopt(e, CURLOPT_CAINFO, conf->webhook_ca_file) != CURLE_OK)
		return false;
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, seconds * 1000);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS,
	    (seconds < CONNECT_MAX_S ? seconds : CONNECT_MAX_S) * 1000);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_USERAGENT, "lastpair-webhooks/" PACKAGE_VERSION);
	curl_easy_setopt(e, CURLOPT_POSTFIELDS, d->body);
	curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(d->body));
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, t->headers);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_answer);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, take_answer);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(e, CURLOPT_PRIVATE, t);
	return true;
}

void
deliver_start(struct deliverer *deliverer, struct delivery *d)
{
	struct transfer *t = calloc(1, sizeof(*t));

	if (t == NULL) {
		d->done(d, 0, "out of memory");
		return;
	}
	t->deliverer = deliverer;
	t->delivery = d;
	t->local = webhook_url_local(d->url);
	LIST_INSERT_HEAD(&deliverer->transfers, t, next);
	if (!set_up(t) || curl_multi_add_handle(deliverer->multi, t->easy) != CURLM_OK) {
		transfer_free(t);
		d->done(d, 0, "libcurl did not take the request");
	}
}

/* The status line is the answer, whatever became of the rest. */
static void
ended(struct transfer *t, CURLcode result)
{
	struct delivery *d = t->delivery;
	const char *why = curl_easy_strerror(result);
	long status = 0;

	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status < 200 || status > 599)
		status = 0;
	if (t->refused)
		why = "its address is of a private network, where nothing is sent to (webhook_private)";
	else if (result == CURLE_OK && status == 0)
		why = "its answer has no status";
	transfer_free(t);
	d->done(d, (int)status, status == 0 ? why : NULL);
}

void
deliver_wait(struct deliverer *deliverer, int ms)
{
	CURLMsg *m;
	int running, left;

	if (curl_multi_perform(deliverer->multi, &running) == CURLM_OK && ms > 0 &&
	    (LIST_EMPTY(&deliverer->transfers) || running > 0))
		curl_multi_poll(deliverer->multi, NULL, 0, ms, NULL);
	curl_multi_perform(deliverer->multi, &running);
	while ((m = curl_multi_info_read(deliverer->multi, &left)) != NULL) {
		struct transfer *t = NULL;

		if (m->msg == CURLMSG_DONE &&
		    curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&t) == CURLE_OK)
			ended(t, m->data.result);
	}
}
