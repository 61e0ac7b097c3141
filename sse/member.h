/* Subscribers who are signed in: their private events, and whether their sessions stand. */
#ifndef SSE_MEMBER_H
#define SSE_MEMBER_H

#include "subscriber.h"

/* What a signed-in subscriber has besides. */
struct member {
	struct member *next;	/* with the same hash of user */
	struct subscriber *subscriber;
	int64_t user;
	unsigned char session[SESSION_LEN];
	bool confirmed;		/* the database knows the session */
	bool behind;		/* private events after private_seq may wait */
	uint64_t private_seq;
	unsigned long asked;	/* round of the question about it; 0: not yet */
};

/* Makes the subscriber a member, whose private events after `private_seq` wait until the database
 * has confirmed the session. False when the session's id is no UUID, or memory is out: the stream is
 * anonymous. */
bool member_add(struct subscriber *s, const struct token_claims *claims, uint64_t private_seq);

/* Makes it anonymous; harmless for one that is. */
void member_remove(struct subscriber *s);

/* Whether private events wait that may go out. */
bool member_private_due(const struct subscriber *s);

/* The newest private event is one for `user`. It waits for a round that is near, and
 * goes out with what that brings. */
void members_tell(struct crowd *c, int64_t user, bool soon);

/* A session of this user's has ended: no private event goes out until the database has said which are left. */
void members_session_ended(struct crowd *c, int64_t user);

#endif
