/* Subscribers who are signed in. */
#include "member.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"

static struct member **
bucket(struct crowd *c, int64_t user)
{
	uint64_t h = (uint64_t)user * UINT64_C(0x9e3779b97f4a7c15);

	return &c->users[h >> 40 & (USER_BUCKETS - 1)];
}

void
member_remove(struct subscriber *s)
{
	struct member *m = s->member, **at;

	if (m == NULL)
		return;
	for (at = bucket(s->crowd, m->user); *at != m; at = &(*at)->next)
		;
	*at = m->next;
	s->member = NULL;
	s->crowd->stats.members--;
	free(m);
}

bool
member_add(struct subscriber *s, const struct token_claims *claims, uint64_t private_seq)
{
	struct member *m = calloc(1, sizeof(*m)), **at;

	if (m == NULL || !session_id(claims->session, m->session)) {
		free(m);
		return false;
	}
	m->subscriber = s;
	m->user = claims->user;
	m->behind = true;
	m->private_seq = private_seq;
	at = bucket(s->crowd, m->user);
	m->next = *at;
	*at = m;
	s->member = m;
	s->crowd->stats.members++;
	s->crowd->unasked = true;
	return true;
}

bool
member_private_due(const struct subscriber *s)
{
	return s->member != NULL && s->member->confirmed && s->member->behind;
}

void
members_tell(struct crowd *c, int64_t user, bool soon)
{
	struct member *next;

	for (struct member *m = *bucket(c, user); m != NULL; m = next) {
		struct subscriber *s = m->subscriber;

		next = m->next;
		if (m->user != user)
			continue;
		if (!m->behind) {
			m->behind = true;
			m->private_seq = feed_last_private(c->feed) - 1;
		}
		place_of(s)->plain = false;
		if (m->confirmed && !s->armed && !soon && !subscriber_flush(s))
			subscriber_end(s);
	}
}

void
members_session_ended(struct crowd *c, int64_t user)
{
	for (struct member *m = *bucket(c, user); m != NULL; m = m->next) {
		if (m->user != user)
			continue;
		m->confirmed = false;
		m->asked = 0;
		if (!m->behind) {
			m->behind = true;
			m->private_seq = feed_last_private(c->feed);
		}
		c->unasked = true;
	}
	crowd_ask(c, false);
}

/*
 * Sessions.
 */

void
crowd_ask(struct crowd *c, bool all)
{
	struct session_request *request;

	if (c->asking || c->stats.members == 0 || !(all || c->unasked))
		return;
	request = malloc(sizeof(*request) +
	    (size_t)c->stats.members * sizeof(request->sessions[0]));
	if (request == NULL)
		return;
	request->round = ++c->rounds_asked;
	request->count = 0;
	for (int i = 0; i < c->stats.subscribers; i++) {
		struct member *m = c->list[i].subscriber->member;

		if (m == NULL || !(all || m->asked == 0))
			continue;
		m->asked = request->round;
		memcpy(request->sessions[request->count++].id, m->session, SESSION_LEN);
	}
	c->unasked = false;
	c->asking = true;
	c->watch.ask(c->watch.arg, request);
}

static int
session_order(const void *a, const void *b)
{
	return memcmp(a, b, SESSION_LEN);
}

static bool
stands(const struct session_answer *answer, const struct member *m)
{
	const struct session *s = bsearch(m->session, answer->sessions, (size_t)answer->count,
	    sizeof(answer->sessions[0]), session_order);

	return s != NULL && s->user == m->user;
}

/* One answer for one member. False: its stream must go. */
static bool
take_answer(struct crowd *c, struct subscriber *s, const struct session_answer *answer)
{
	struct member *m = s->member;

	if (answer == NULL || !answer->ok) {
		if (!m->confirmed) {
			m->asked = 0;
			c->unasked = true;
		}
	} else if (!stands(answer, m)) {
		member_remove(s);
	} else if (!m->confirmed) {
		m->confirmed = true;
		place_of(s)->plain = false;
		return s->armed || subscriber_flush(s);
	}
	return true;
}

void
crowd_sessions(struct crowd *c, const struct session_answer *answer)
{
	c->now_ms = clock_ms();
	c->asking = false;
	for (int i = c->stats.subscribers - 1; i >= 0; i--) {
		struct subscriber *s = c->list[i].subscriber;

		if (s->member != NULL && s->member->asked == c->rounds_asked &&
		    !take_answer(c, s, answer))
			subscriber_end(s);
	}
	if (answer != NULL && answer->ok)
		crowd_ask(c, false);
}
