/* /healthz and /metrics: for those who watch over the store. */
#include <config.h>
#include <stdlib.h>

#include "ask.h"
#include "buf.h"
#include "handlers.h"
#include "metrics.h"
#include "publish.h"
#include "reply.h"

/* GET /healthz: 200 while the store can sell, which takes the database alone; 503 else. */
enum status
health_show(struct ctx *ctx, struct req *req)
{
	struct buf unused = { 0 };
	bool database = db_ask_time(ctx->db) == DB_OK;
	bool redis = publish_ping(ctx->publisher);
	bool sse = ask_daemon(&ctx->conf, "/healthz", &unused);

	buf_free(&unused);
	if (!database)
		req->retry_after_s = 2;
	return reply_json(req, database ? 200 : 503, arena_printf(req->arena,
	    "{\"status\":\"%s\",\"database\":\"%s\",\"redis\":\"%s\",\"sse\":\"%s\"}",
	    database ? "ok" : "down", database ? "ok" : "down", redis ? "ok" : "down",
	    sse ? "ok" : "down"));
}

static void
gauge(struct buf *out, const char *name, const char *help, const char *value)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s gauge\n%s %s\n", name, help, name, name, value);
}

/* What only the database knows; if it does not answer, only that is told. */
static void
write_database(struct ctx *ctx, struct buf *out)
{
	struct db_result *rows;
	bool up = db_call(ctx->db, FN_OVERDUE, 0, NULL, &rows) == DB_OK;

	gauge(out, "lastpair_database_up", "Whether the database answers the workers.",
	    up ? "1" : "0");
	if (up)
		gauge(out, "lastpair_expiry_overdue_seconds",
		    "How long ago the oldest hold lapsed that was not returned yet; 0: there is none.",
		    db_text(rows, 0, 0));
	db_result_free(rows);
}

/* GET /metrics: 200, workers, expiry and daemon together. nginx lets only loopback in. */
enum status
metrics_show(struct ctx *ctx, struct req *req)
{
	struct buf out = { 0 };
	bool up;

	buf_puts(&out, "# HELP lastpair_build_info The release that answers.\n"
	    "# TYPE lastpair_build_info gauge\nlastpair_build_info{version=\"" PACKAGE_VERSION "\"} 1\n");
	metrics_write(&out);
	write_database(ctx, &out);
	up = ask_daemon(&ctx->conf, "/metrics", &out);
	gauge(&out, "lastpair_sse_up", "Whether the event daemon answers.", up ? "1" : "0");
	if (out.failed) {
		buf_free(&out);
		return UNAVAILABLE;
	}
	arena_defer(req->arena, free, out.data);
	reply_json(req, 200, out.data);
	req->answer_type = "text/plain; version=0.0.4; charset=utf-8";
	return OK;
}
