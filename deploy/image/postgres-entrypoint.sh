#!/bin/sh
# A PostgreSQL for tests, with the variables of the public image: a new cluster at each start, nothing safe from a crash.
set -eu
binaries=$(echo /usr/lib/postgresql/*/bin)
data=/var/lib/postgresql/test
user=${POSTGRES_USER:-postgres}
database=${POSTGRES_DB:-$user}
as_postgres() {
    setpriv --reuid postgres --regid postgres --clear-groups "$@"
}

printf '%s' "${POSTGRES_PASSWORD:?is not set}" >/tmp/password
chown postgres /tmp/password
as_postgres "$binaries/initdb" --pgdata="$data" --username="$user" --pwfile=/tmp/password --auth=scram-sha-256 \
    --auth-local=trust --encoding=UTF8 --no-locale --no-sync >/dev/null
rm /tmp/password
echo 'host all all all scram-sha-256' >>"$data/pg_hba.conf"
if [ "$database" != postgres ]; then
    echo "CREATE DATABASE \"$database\"" | as_postgres "$binaries/postgres" --single -j -D "$data" postgres >/dev/null
fi
install -d -o postgres /run/postgresql
exec setpriv --reuid postgres --regid postgres --clear-groups "$binaries/postgres" -D "$data" -c listen_addresses='*' \
    -c fsync=off -c full_page_writes=off -c synchronous_commit=off
