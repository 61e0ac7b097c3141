/* What handlers share, and their names. One file a resource. */
#ifndef LP_HANDLERS_H
#define LP_HANDLERS_H

#include "combiner.h"
#include "conf.h"
#include "db.h"
#include "publish.h"
#include "request.h"
#include "token.h"

/* The process's own: made once, shared by its threads. */
struct ctx {
	struct conf conf;
	struct db_pool *db;
	struct db_pool *standby;	/* for anonymous listings; NULL: they come from db */
	int64_t standby_after_ms;	/* not asked before that time of clock_ms() */
	struct combiner *combiner;	/* of reserves */
	struct token_keys *keys;
	struct publisher *publisher;
};

typedef enum status handler(struct ctx *ctx, struct req *req);

/* auth.c */
handler auth_register, auth_login, auth_logout, auth_me;
/* drops.c */
handler drop_list, drop_get, drop_create, drop_update, drop_restock;
/* reservations.c */
handler reservation_create, reservation_list, reservation_get, reservation_release;
/* purchases.c */
handler purchase_create, purchase_list;
/* admin.c */
handler admin_actions, admin_figures, admin_purchases, admin_purchases_csv;
/* health.c */
handler health_show, metrics_show;

#endif
