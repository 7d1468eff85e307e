#!/usr/bin/env bash
# Drills on servers of its own that are thrown away afterwards; nothing that runs
# is touched. Each prints what it did and how long it took, and fails when what
# was there before is not there after.
#
#   deploy/drill.sh upgrade|rollback|backup|restore|replica|failover|roles|all
#
#   ZHIJIA    the program (default: zhijia of the PATH)
#   PREVIOUS  the program of the release before, for upgrade and rollback; or
#   PREVIOUS_REF  the commit it is built from
#   PGBIN     folder of PostgreSQL's programs, with pgvector (default: the private
#             prefix of this machine, else the newest of /usr/lib/postgresql)
#   PATENTS   generated patents for backup and restore (default 2000)
#   KEEP=1    leaves the folder of the drill
set -euo pipefail
umask 022
here=$(cd "$(dirname "$0")/.." && pwd)
Z=${ZHIJIA:-$(command -v zhijia || true)}
[ -x "$Z" ] || { echo "no program: set ZHIJIA" >&2; exit 64; }
if [ -z "${PGBIN:-}" ]; then
	for d in /var/cache/zhijia/pg*/usr/lib/postgresql/*/bin "${XDG_CACHE_HOME:-$HOME/.cache}"/zhijia/pg*/usr/lib/postgresql/*/bin /usr/lib/postgresql/*/bin; do
		[ -x "$d/initdb" ] && PGBIN=$d && break
	done
fi
[ -x "${PGBIN:-}/initdb" ] || { echo "no PostgreSQL: set PGBIN" >&2; exit 64; }
W=$(mktemp -d /tmp/zhijia-drill.XXXXXX)
chmod 755 "$W"
as=()
if [ "$(id -u)" = 0 ]; then # the server does not run as root
	user=$(id -un postgres 2>/dev/null || echo nobody)
	chown "$user" "$W"
	as=(setpriv --reuid "$user" --regid "$(id -gn "$user")" --clear-groups)
fi
export TMPDIR=$W LC_ALL=C.UTF-8
unset DATABASE_URL DATABASE_URL_READ ZHIJIA_ENV ZHIJIA_CONFIG
pids=()
finish() {
	code=$?
	for p in "${pids[@]:-}"; do [ -n "$p" ] && kill "$p" 2>/dev/null || true; done
	for s in "$W"/*/data; do [ -e "$s/postmaster.pid" ] && "${as[@]}" "$PGBIN/pg_ctl" -D "$s" -m immediate -s stop >/dev/null 2>&1 || true; done
	if [ -n "${KEEP:-}" ]; then echo "left: $W" >&2; else rm -rf "$W"; fi
	exit "$code"
}
trap finish EXIT

now() { date +%s.%N; }
since() { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.1f", b - a }'; }
told() { printf '%-52s %8s s\n' "$1" "$2"; }
fail() { echo "FAILED: $*" >&2; exit 1; }

# server NAME PORT: a cluster of its own, listening on a socket in its folder.
server() {
	mkdir -p "$W/$1" && chown "$(stat -c %U "$W")" "$W/$1"
	"${as[@]}" "$PGBIN/initdb" -D "$W/$1/data" -U zhijia --auth=trust -E UTF8 --locale=C.UTF-8 --data-checksums >/dev/null
	cat >>"$W/$1/data/postgresql.conf" <<CONF
listen_addresses = ''
port = $2
jit = off
wal_level = replica
max_wal_senders = 5
hot_standby = on
random_page_cost = 1.1
CONF
	start "$1"
	psql "$1" postgres -c 'CREATE DATABASE zhijia' >/dev/null
}
start() { "${as[@]}" "$PGBIN/pg_ctl" -D "$W/$1/data" -o "-k $W/$1" -l "$W/$1/log" -w -s start; }
stop() { "${as[@]}" "$PGBIN/pg_ctl" -D "$W/$1/data" -m fast -w -s stop; }
port() { sed -n 's/^port = //p' "$W/$1/data/postgresql.conf" | tail -1; }
psql() { local s=$1 d=$2; shift 2; "$PGBIN/psql" -X -q -v ON_ERROR_STOP=1 -h "$W/$s" -p "$(port "$s")" -U zhijia -d "$d" -At "$@"; }
url() { echo "postgres://zhijia@/${2:-zhijia}?host=$W/$1&port=$(port "$1")"; }

previous() {
	if [ -z "${PREVIOUS:-}" ] && [ -n "${PREVIOUS_REF:-}" ]; then
		git -C "$here" worktree add --detach "$W/tree" "$PREVIOUS_REF" >/dev/null
		(cd "$W/tree" && go build -o "$W/previous" ./cmd/zhijia)
		git -C "$here" worktree remove --force "$W/tree"
		PREVIOUS=$W/previous
	fi
	[ -x "${PREVIOUS:-}" ] || fail "set PREVIOUS or PREVIOUS_REF"
}

# seed PROGRAM SERVER: patents, deals, events by the files a desk has, and a
# valuation whose bytes are kept.
seed() {
	cat >"$W/p.csv" <<'CSV'
专利号,专利名称,摘要,IPC分类号,申请日,授权公告日,专利权人,权利要求数
202010123456.2,一种离心泵的叶轮,叶轮的叶片后倾,F04D 29/22,2020-02-24,2022-03-01,甲泵业有限公司,8
CSV
	{
		echo '标的名称,成交价(万元),日期,IPC分类号,交易方式'
		for i in $(seq 1 40); do echo "一种泵的部件$i,$((20 + i * 3)),20$((15 + i % 9))-0$((1 + i % 9))-1$((i % 9)),F04D 29/$((20 + i % 9)),转让"; done
	} >"$W/d.csv"
	DATABASE_URL=$(url "$2") "$1" ingest patents "$W/p.csv" >/dev/null
	DATABASE_URL=$(url "$2") "$1" ingest transactions "$W/d.csv" >/dev/null
	DATABASE_URL=$(url "$2") "$1" value 202010123456.2 --purpose pledge --as-of 2026-01-02 --json >"$W/value.json"
	id=$(grep -o 'val_[0-9a-f]*' "$W/value.json" | head -1 || true)
	[ -n "$id" ] || fail "no valuation: $(head -c 300 "$W/value.json")"
}
# digest SERVER: what must not change, by content: rows of every table that was
# there when the drill began, and the seal of the record.
digest() {
	psql "$1" "${2:-zhijia}" -c "SELECT 'valuations ' || count(*) || ' ' || md5(string_agg(id || encode(hash, 'hex') || md5(conclusion::text), ',' ORDER BY id)) FROM valuations WHERE id = '$id'" \
		-c "SELECT 'patents ' || count(*) || ' ' || md5(string_agg(number || title || owners::text || encode(text_hash, 'hex'), ',' ORDER BY number)) FROM patents" \
		-c "SELECT 'deals ' || count(*) || ' ' || md5(string_agg(id || coalesce(amount::text, ''), ',' ORDER BY id)) FROM deals"
}
verify() { DATABASE_URL=$(url "$1" "${2:-zhijia}") "$Z" audit verify >/dev/null || fail "the record of acts does not hold"; }

upgrade() {
	previous
	server u 6501
	DATABASE_URL=$(url u) "$PREVIOUS" db migrate >/dev/null
	seed "$PREVIOUS" u
	local before after t v
	before=$(psql u zhijia -c 'SELECT max(version_id) FROM goose_db_version')
	digest u >"$W/before"
	t=$(now); DATABASE_URL=$(url u) "$Z" db migrate >/dev/null
	after=$(psql u zhijia -c 'SELECT max(version_id) FROM goose_db_version')
	told "upgrade: schema $before to $after" "$(since "$t")"
	digest u >"$W/after"; diff "$W/before" "$W/after" || fail "the upgrade changed what was there"
	verify u
	t=$(now); DATABASE_URL=$(url u) "$Z" value 202010123456.2 --purpose pledge --as-of 2026-01-02 --json >"$W/new.json"
	told "upgrade: first valuation of the new program" "$(since "$t")"
}

rollback() { # the program alone goes back; the schema stays
	[ -e "$W/u/data/PG_VERSION" ] || upgrade
	local t
	t=$(now)
	DATABASE_URL=$(url u) "$PREVIOUS" value 202010123456.2 --purpose pledge --as-of 2026-01-02 --json >"$W/back.json" || fail "the previous program does not value on the new schema"
	told "rollback: previous program values on the new schema" "$(since "$t")"
	t=$(now)
	DATABASE_URL=$(url u) "$PREVIOUS" ingest patents "$W/p.csv" >/dev/null || fail "the previous program does not import on the new schema"
	DATABASE_URL=$(url u) "$PREVIOUS" dossier 202010123456.2 >/dev/null || fail "no dossier"
	DATABASE_URL=$(url u) "$PREVIOUS" audit verify >/dev/null || fail "the record of acts does not hold"
	told "rollback: imports, dossier and record of acts" "$(since "$t")"
	DATABASE_URL=$(url u) "$PREVIOUS" serve --listen 127.0.0.1:6599 >"$W/serve.log" 2>&1 & pids+=($!)
	t=$(now); waits 6599
	told "rollback: previous service is ready" "$(since "$t")"
	kill "${pids[-1]}"; wait "${pids[-1]}" 2>/dev/null || true
	digest u >"$W/after"; diff "$W/before" "$W/after" || fail "going back changed what was there"
}
waits() { for _ in $(seq 600); do curl -fs "http://127.0.0.1:$1/readyz" >/dev/null && return; sleep .1; done; fail "not ready: $(tail -3 "$W/serve.log")"; }

backup() {
	[ -e "$W/b/data/PG_VERSION" ] && return
	server b 6502
	DATABASE_URL=$(url b) "$Z" db migrate >/dev/null
	seed "$Z" b
	DATABASE_URL=$(url b) "$Z" institutions add lab 演练 >/dev/null 2>&1 || true
	local t
	t=$(now); DATABASE_URL=$(url b) "$Z" lab generate --institution lab --patents "${PATENTS:-2000}" --deals 0 --json >/dev/null
	told "backup: ${PATENTS:-2000} generated patents" "$(since "$t")"
	digest b >"$W/backed"
	t=$(now); PATH=$PGBIN:$PATH DATABASE_URL=$(url b) "$Z" db backup "$W/zhijia.backup" >/dev/null
	told "backup: $(stat -c %s "$W/zhijia.backup" | awk '{ printf "%.1f MB", $1 / 1e6 }')" "$(since "$t")"
}

restore() {
	backup
	psql b postgres -c 'CREATE DATABASE again' >/dev/null
	local t
	t=$(now); PATH=$PGBIN:$PATH DATABASE_URL=$(url b again) "$Z" db restore "$W/zhijia.backup" >/dev/null
	told "restore" "$(since "$t")"
	digest b again >"$W/restored"; diff "$W/backed" "$W/restored" || fail "what was restored is another"
	t=$(now); verify b again
	told "restore: the record of acts verified" "$(since "$t")"
	DATABASE_URL=$(url b again) "$Z" value 202010123456.2 --purpose pledge --as-of 2026-01-02 --json >/dev/null || fail "no valuation on what was restored"
	PATH=$PGBIN:$PATH DATABASE_URL=$(url b again) "$Z" db restore "$W/zhijia.backup" >/dev/null 2>&1 && fail "a restore over what is there was not refused" || true
}

roles() { # the service's own role, as deploy/roles.sh makes it, cannot change the schema and can do its work
	server r 6505
	local as_first="host=$W/r port=6505 dbname=zhijia" t
	psql r postgres -c 'CREATE ROLE migrator LOGIN SUPERUSER' >/dev/null
	PGHOST=$W/r PGPORT=6505 POSTGRES_USER=migrator POSTGRES_DB=zhijia ZHIJIA_PASSWORD=drill PATH=$PGBIN:$PATH sh -c 'psql -X -q -U migrator -d postgres -c "ALTER ROLE zhijia RENAME TO first" && sh "$0"' "$here/deploy/roles.sh"
	t=$(now); DATABASE_URL="postgres://migrator@/zhijia?host=$W/r&port=6505" "$Z" db migrate >/dev/null
	told "roles: migrated by the owner" "$(since "$t")"
	t=$(now); DATABASE_URL="postgres://zhijia@/zhijia?host=$W/r&port=6505" "$Z" value --title 一种泵的叶轮 --ipc 'F04D 29/22' --purpose pledge --json >/dev/null || fail "the service's role cannot value"
	told "roles: a valuation by the service's role" "$(since "$t")"
	"$PGBIN/psql" -X -q "$as_first user=zhijia" -c 'DROP TABLE valuations' 2>/dev/null && fail "the service's role dropped a table" || true
}

# pair makes a primary f and a follower g of it.
pair() {
	[ -e "$W/g/data/PG_VERSION" ] && return
	server f 6503
	DATABASE_URL=$(url f) "$Z" db migrate >/dev/null
	seed "$Z" f
	stop f
	mkdir -p "$W/g"
	cp -a "$W/f/data" "$W/g/data"
	chown "$(stat -c %U "$W")" "$W/g"
	sed -i 's/^port = .*/port = 6504/' "$W/g/data/postgresql.conf"
	echo "primary_conninfo = 'host=$W/f port=6503 user=zhijia application_name=g'" >>"$W/g/data/postgresql.conf"
	"${as[@]}" touch "$W/g/data/standby.signal"
	start f; start g
	for _ in $(seq 100); do [ "$(psql f postgres -c "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'")" = 1 ] && break; sleep .1; done
}

replica() {
	pair
	local out
	out=$(DATABASE_URL=$(url f) DATABASE_URL_READ=$(url g) "$Z" comparables 202010123456.2 --json | tr -d ' \n' | grep -o '"read_from":{[^}]*}') || fail "the answer does not say what it was read from"
	echo "$out" | grep -q '"server":"replica"' || fail "not read from the follower: $out"
	echo "replica: $out"
	stop g
	out=$(DATABASE_URL=$(url f) DATABASE_URL_READ="postgres://zhijia@/zhijia?host=$W/g&port=6504" "$Z" comparables 202010123456.2 --json | tr -d ' \n' | grep -o '"read_from":{[^}]*}')
	echo "$out" | grep -q 'replica.away' || fail "without the follower: $out"
	echo "replica away: $out"
	start g
}

failover() {
	pair
	# What is answered is on both: the primary waits for the follower.
	psql f postgres -c "ALTER SYSTEM SET synchronous_standby_names = 'g'" -c 'SELECT pg_reload_conf()' >/dev/null
	local both="postgres://zhijia@/zhijia?host=$W/f,$W/g&port=6503,6504&target_session_attrs=read-write"
	key=$(DATABASE_URL=$(url f) "$Z" keys create --role officer drill --json | grep -o 'zj_[A-Za-z0-9_-]*' | head -1)
	DATABASE_URL=$both "$Z" serve --listen 127.0.0.1:6598 --rate 0 >"$W/serve.log" 2>&1 & pids+=($!)
	local service=$! t down
	waits 6598
	ask() { curl -s -m 20 -o "$W/answer" -w '%{http_code}' -H "Authorization: Bearer $key" -H 'Content-Type: application/json' -d '{"number":"202010123456.2","purpose":"pledge"}' http://127.0.0.1:6598/v1/valuations || true; }
	: >"$W/answered"
	for _ in $(seq 10); do [ "$(ask)" = 201 ] && grep -o 'val_[0-9a-f]*' "$W/answer" | head -1 >>"$W/answered"; done
	[ -s "$W/answered" ] || fail "no valuation before the failure: $(cat "$W/answer")"
	t=$(now)
	kill -9 "$(head -1 "$W/f/data/postmaster.pid")"
	down=$(ask) # while nobody may write
	"${as[@]}" "$PGBIN/pg_ctl" -D "$W/g/data" -w -s promote
	psql g postgres -c 'SELECT 1' >/dev/null
	told "failover: follower promoted (a request meanwhile: $down)" "$(since "$t")"
	until [ "$(ask)" = 201 ]; do [ "$(since "$t" | cut -d. -f1)" -lt 120 ] || fail "no valuation after two minutes: $(cat "$W/answer")"; sleep .1; done
	grep -o 'val_[0-9a-f]*' "$W/answer" | head -1 >>"$W/answered"
	told "failover: first valuation after the primary was killed" "$(since "$t")"
	while read -r v; do [ "$(psql g zhijia -c "SELECT count(*) FROM valuations WHERE id = '$v'")" = 1 ] || fail "answered and lost: $v"; done <"$W/answered"
	echo "failover: all $(wc -l <"$W/answered") answered valuations are there"
	verify g
	kill "$service"; wait "$service" 2>/dev/null || true
}

case "${1:-}" in
upgrade | rollback | backup | restore | replica | failover | roles) "$1" ;;
all) upgrade; rollback; backup; restore; replica; failover; roles ;;
*) sed -n '2,17s/^# \{0,1\}//p' "$0"; exit 64 ;;
esac
