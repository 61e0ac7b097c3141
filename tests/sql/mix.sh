#!/bin/bash
# Everything that moves stock, at once, where it hurts: 32 clients reserve, release, purchase, expire and restock
# few pairs of few drops for ten seconds (MIX_SECONDS), each call with api.durable() as lib/db.c sends it. Nobody may
# deadlock, nothing may fail, and the audit must be clean. Speaks TAP; connects by PG* as somebody who may make a
# database, and uses one of its own. MIX_SQL: the folder of migrations and functions.
set -u
sql=${MIX_SQL:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../../sql" && pwd -P)} || exit 1
seconds=${MIX_SECONDS:-10}
clients=32
work=$(mktemp -d) || exit 1
store=lastpair_mix_$$
server=${PGDATABASE:-postgres}
PATH=$PATH:/usr/lib/postgresql/15/bin
export PGDATABASE=$store

at_exit() {
	psql -qX -d "$server" -c "DROP DATABASE IF EXISTS $store (FORCE)" >/dev/null 2>&1
	rm -rf "$work"
}
trap at_exit EXIT
trap 'exit 130' INT TERM HUP

number=0
is() { # GOT WANTED NAME
	number=$((number + 1))
	if [[ $1 == "$2" ]]; then
		printf 'ok %d - %s\n' "$number" "$3"
	else
		printf 'not ok %d - %s\n#   got: %s\n#   wanted: %s\n' "$number" "$3" "$1" "$2"
	fi
}
at_least() { # GOT LEAST NAME
	if [[ $1 =~ ^[0-9]+$ ]] && (($1 >= $2)); then
		is yes yes "$3"
	else
		is "$1" "at least $2" "$3"
	fi
}
give_up() {
	printf 'Bail out! %s\n' "$*"
	exit 1
}
ask() { psql -qXAt -v ON_ERROR_STOP=1 "$@"; }

# --- the store ---------------------------------------------------------------------------

printf '1..11\n'
ask -d "$server" -c "CREATE DATABASE $store" || give_up 'no database of our own'
{
	PGOPTIONS='-c client_min_messages=warning' ask -f "$sql/bootstrap.sql"
	{
		echo 'SET ROLE lastpair_owner; CREATE SCHEMA lastpair;'
		cat "$sql"/migrations/*.sql	# some build indexes, which no transaction may
		echo 'BEGIN; SET LOCAL check_function_bodies = off;'
		cat "$sql"/functions/*.sql
		echo 'COMMIT;'
	} | PGOPTIONS='-c client_min_messages=warning' ask
} >"$work/schema.log" 2>&1 || give_up "the schema can not be made: $(tail -n 3 "$work/schema.log")"

# Two hundred people, four drops of two sizes and one or two pairs each, held for one second.
ask >/dev/null <<'END' || give_up 'the store can not be filled'
INSERT INTO lastpair.users (username, email, password_hash, role)
SELECT 'p' || n, 'p' || n || '@mix.example', '$2b$04$' || repeat('a', 53), CASE n WHEN 0 THEN 'admin' ELSE 'user' END
  FROM generate_series(0, 200) n;
INSERT INTO lastpair.sessions
SELECT md5(username)::uuid, id, clock_timestamp(), clock_timestamp() + interval '1 hour' FROM lastpair.users;
SELECT lastpair.drop_make('{"name": "Mix", "priceCents": 100, "holdSeconds": 1, "maxPerUser": 1000,
	"sizes": [{"size": "41", "totalStock": 2}, {"size": "42", "totalStock": 1}]}') FROM generate_series(1, 4);
END

# --- the mix -----------------------------------------------------------------------------

# What a worker does in one round trip is two transactions: the call, which commits without waiting for the disk,
# and api.durable(). pgbench 15 has no sync point within a pipeline, so BEGIN and COMMIT part the two.
call() { # FILE-NAME SETS SELECT
	{
		printf '%s\n' "$2"
		printf '\\startpipeline\nBEGIN;\n%s;\nCOMMIT;\nSELECT api.durable();\n\\endpipeline\n' "$3"
	} >"$work/$1.sql"
}
# Some people come again and again.
keen='\set u random_zipfian(1, 200, 1.2)
\set d random(1, 4)'
who='\set u random(1, 200)
\set d random(1, 4)'
latest="(SELECT r.id FROM json_to_recordset((api.reservation_list(md5('p' || :u)::uuid)).body::json -> 'reservations')
	AS r (id uuid, status text) ORDER BY r.status <> 'active' LIMIT 1)"

# One reserve: of a size, now and then of a wrong one, now and then with a key that the same user's
# other requests of this second have, too, be they for this drop or past another gate.
call reserve "$keen"'
\set s random(1, 20)
\set k random(1, 60)' \
"SELECT status, code FROM api.reserve(:d, ARRAY[gen_random_uuid()], ARRAY[md5('p' || :u)::uuid],
	ARRAY[CASE WHEN :s <= 10 THEN '41' WHEN :s <= 19 THEN '42' ELSE '99' END],
	ARRAY[CASE WHEN :k <= 12 THEN 'mix-' || extract(epoch FROM clock_timestamp())::bigint END], ARRAY['R' || :d])"

# Eight at once, of both sizes, as a worker that gathers them would send.
call batch "$keen" \
"SELECT count(*) FROM (SELECT array_agg(gen_random_uuid()) AS ids, array_agg(md5('p' || n)::uuid) AS sessions,
		array_agg(CASE n % 3 WHEN 0 THEN '42' ELSE '41' END) AS sizes,
		array_agg(CASE WHEN n % 3 = 0 THEN 'mix-' || extract(epoch FROM clock_timestamp())::bigint END) AS keys, array_agg('R' || n) AS requests
	  FROM (SELECT DISTINCT 1 + (:u + i * i) % 200 AS n FROM generate_series(1, 8) i) g) b,
	api.reserve(:d, b.ids, b.sessions, b.sizes, b.keys, b.requests)"

# Whoever it is of: the same hold is wanted by purchase, release and expiry at once.
call purchase "$who"'
\set k random(1, 10)' \
"SELECT status, code FROM api.purchase(md5('p' || :u)::uuid, $latest, gen_random_uuid(),
	CASE WHEN :k = 1 THEN 'mix-buy-' || :u END, 'R')"
call release "$who" \
"SELECT status, code FROM api.release(md5('p' || :u)::uuid, $latest, :u % 5 = 0)"
call expire "$who" 'SELECT expired, wait_ms FROM api.expire(100)'
# Pairs come in as they are bought, and some are taken away again.
call restock "$who"'
\set s random(1, 2)
\set q random(1, 3)' \
"SELECT status, code FROM api.drop_restock(md5('p0')::uuid, :d, '4' || :s, 2 - :q, NULL, NULL)"
call update "$who" \
"SELECT status, code FROM api.drop_update(md5('p0')::uuid, :d, jsonb_build_object('priceCents', :u::bigint))"
call read "$who" "SELECT length(body) FROM api.drop_list(NULL, 50, NULL)"

# The workers' role with its settings: a superuser's log-in would not bring them.
options='-c role=lastpair_api'
while IFS= read -r setting; do
	options+=" -c $setting"
done < <(ask -c "SELECT unnest(rolconfig) FROM pg_roles WHERE rolname = 'lastpair_api'")

PGOPTIONS=$options pgbench --no-vacuum --protocol=prepared --client=$clients --jobs=2 --time="$seconds" \
    --max-tries=10 --failures-detailed --random-seed="${MIX_SEED:-$RANDOM}" \
    --file="$work/reserve.sql@60" --file="$work/batch.sql@10" --file="$work/purchase.sql@2" --file="$work/release.sql@2" \
    --file="$work/expire.sql@6" --file="$work/restock.sql@3" --file="$work/update.sql@1" --file="$work/read.sql@2" \
    "$store" >"$work/pgbench.out" 2>"$work/pgbench.err"
status=$?

# --- what became of it -------------------------------------------------------------------

grep -E '^number of|^total number|^latency|^tps| script | transactions \(|- number of transactions retried' "$work/pgbench.out" |
    sed "s|$work/||; s/^/# /"
grep -v '^pgbench: pghost\|setting random seed' "$work/pgbench.err" | sed 's/^/# /' | head -n 20
figure() { sed -n "s/^$1: \([0-9]*\).*/\1/p" "$work/pgbench.out" | head -n 1; }

is "$status" 0 "$clients clients end well"
is "$(grep -c -i error "$work/pgbench.err")" 0 'no call ends in an error'
at_least "$(figure 'number of transactions actually processed')" $((seconds * 100)) 'they do a good deal'
is "$(figure 'number of failed transactions')" 0 'no transaction fails for good'
is "$(sed -n 's/^number of deadlock failures: \([0-9]*\).*/\1/p' "$work/pgbench.out" | awk '{n += $1} END {print n + 0}')" 0 'no transaction fails of a deadlock'

# The statistics of connections that are gone may take a moment to arrive.
sleep 1
is "$(ask -d "$server" -c "SELECT deadlocks FROM pg_stat_database WHERE datname = '$store'")" 0 'the server saw no deadlock'
is "$(ask -c 'SELECT string_agg("check", $$; $$) FROM lastpair.audit() WHERE breaches > 0')" '' 'the audit finds no breach'
counts=$(ask -F ' ' -c "SELECT count(*) FILTER (WHERE status = 'completed'), count(*) FILTER (WHERE status = 'released'),
	count(*) FILTER (WHERE status = 'expired'), count(*) FILTER (WHERE status = 'active') FROM lastpair.reservations")
read -r completed released expired active <<<"$counts"
printf '# %s bought, %s given back, %s lapsed, %s held; %s kept answers, stock %s\n' "$completed" "$released" "$expired" "$active" \
    "$(ask -c 'SELECT count(*) FROM lastpair.idempotency_keys')" \
    "$(ask -c "SELECT string_agg(concat_ws('/', total, available, reserved, sold), ' ' ORDER BY drop_id, size) FROM lastpair.stock")"
at_least "$completed" 20 'pairs were bought'
at_least "$released" 20 'pairs were given back'
at_least "$expired" 20 'holds lapsed'
is "$(ask -c "SELECT count(*) FROM lastpair.reservations r JOIN lastpair.drops d ON d.id = r.drop_id
	WHERE r.expires_at - r.created_at <> interval '1 second'")" 0 'each hold was for the second that it was promised for'
