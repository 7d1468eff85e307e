#!/usr/bin/env bash
# provision.sh PREFIX SUITE MAJOR
# Unpacks Debian's own PostgreSQL server and pgvector, with the C library they
# were built against, into PREFIX. Needs apt-get, dpkg-deb and the Debian
# archive keyring; no root, no change to the machine's packages. Safe against a
# second copy (flock); a second run answers "already there".
set -euo pipefail
R=$(realpath -m "$1"); SUITE=$2; V=$3
mkdir -p "$(dirname "$R")"; exec 9>"$R.lock"; flock 9
[ -x "$R/usr/lib/postgresql/$V/bin/postgres" ] && [ -e "$R/.ok" ] && { echo "already there"; exit 0; }
W=$(mktemp -d); trap 'rm -rf "$W"' EXIT; mkdir -p "$W"/{lists/partial,cache/archives/partial,parts,dl,root}
# The mirror is the machine's own; Ubuntu machines name Debian's through ZHIJIA_DEBIAN_MIRROR.
URI=${ZHIJIA_DEBIAN_MIRROR:-$(cat /etc/apt/sources.list.d/*.sources /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null | grep -hoE 'https?://[^ ]+/debian/?( |$)' | head -1 | tr -d " " || true)}
[ -n "$URI" ] || { echo "no Debian mirror in the apt sources; set ZHIJIA_DEBIAN_MIRROR or DATABASE_URL" >&2; exit 1; }
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
[ -r "$KEYRING" ] || { echo "the Debian archive keyring is missing: apt-get install debian-archive-keyring" >&2; exit 1; }
printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' "$URI" "$SUITE" "$KEYRING" > "$W/parts/s.sources"
: > "$W/status"
A="-o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts=$W/parts -o Dir::Etc::preferencesparts=/dev/null -o Dir::State::lists=$W/lists -o Dir::State::status=$W/status -o Dir::Cache=$W/cache -o APT::Sandbox::User=root -o APT::Install-Recommends=0 -o APT::Update::Post-Invoke::= -o Acquire::Retries=3"
apt-get $A -qq update
# An empty status file makes apt resolve the whole closure, libc included,
# whatever the host has; the filter keeps run-time libraries only.
apt-get $A -qq install -y --print-uris "postgresql-$V-pgvector" | sed -nE "s/^'[^']*' ([^_]+)_.*/\1/p" |
	grep -E "^(lib(c6|gcc-s1|stdc\+\+6|crypt1|pcre2-8-0|selinux1|audit1|cap-ng0|pam0g|systemd0|cap2|gcrypt20|gpg-error0|acl1|bz2-1\.0|zstd1|ssl3(t64)?|com-err2|krb5support0|k5crypto3|keyutils1|krb5-3|gssapi-krb5-2|icu[0-9]+|sasl2-2|ldap2|lzma5|liblzma5|xml2(-[0-9]+)?|lz4-1|pq5|uuid1|xslt1\.1|numa1|uring2|edit2|tinfo6|readline8t64|ffi8|md0|bsd0|xxhash0)|liblzma5|zlib1g|postgresql-$V|postgresql-client-$V|postgresql-$V-pgvector)$" > "$W/pk"
( cd "$W/dl"; apt-get $A -qq download $(cat "$W/pk"); sha256sum ./*.deb > "$W/SHA256SUMS" )
for d in "$W"/dl/*.deb; do dpkg-deb -x "$d" "$W/root"; done
B=usr/lib/postgresql/$V; TRIPLET=$(basename "$(dirname "$(find "$W/root/usr/lib" -name 'libc.so.6' | head -1)")")
rm -rf "$W/root/usr/share/"{doc,man,locale,lintian} "$W/root/$B/lib/bitcode" "$W/root/usr/lib/$TRIPLET/"{gconv,perl*}
cp "$W/SHA256SUMS" "$W/root/SHA256SUMS"
rm -rf "$R"; mkdir -p "$(dirname "$R")"; mv "$W/root" "$R"
LD=$(find -L "$R/usr/lib64" "$R/usr/lib/$TRIPLET" "$R/usr/lib" -maxdepth 1 -name 'ld-linux*.so.*' 2>/dev/null | head -1)
LP=$R/usr/lib/$TRIPLET
# The wrappers run each program with the loader and libraries of the prefix;
# --argv0 lets postgres find its share/ and initdb find postgres.
for x in postgres initdb pg_ctl pg_controldata pg_resetwal pg_dump pg_restore psql pg_isready; do
	[ -e "$R/$B/bin/$x" ] || continue; mv "$R/$B/bin/$x" "$R/$B/bin/$x.bin"
	printf '#!/bin/sh\nexec %s --argv0 %s --library-path %s %s "$@"\n' "$LD" "$R/$B/bin/$x" "$LP" "$R/$B/bin/$x.bin" > "$R/$B/bin/$x"; chmod 755 "$R/$B/bin/$x"
done
if "$LD" --library-path "$LP" --list "$R/$B/bin/postgres.bin" | grep -v "=> $R" | grep -E 'not found|=> /'; then echo "a library is missing or outside the prefix" >&2; exit 1; fi
chmod -R a+rX "$R"
"$R/$B/bin/postgres" --version
touch "$R/.ok"
