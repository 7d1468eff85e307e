#!/usr/bin/env bash
# Builds the program with what a bank asks for beside it: the bill of materials
# (CycloneDX 1.6, JSON) and the licences and notices of everything linked in.
# Needs the modules on this machine and nothing else: no network.
#   deploy/release.sh [FOLDER]      default: dist
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-dist}
mkdir -p "$out"
export GOFLAGS=-trimpath GOPROXY=off
CGO_ENABLED=0 go build -o "$out/zhijia" ./cmd/zhijia
go tool -modfile=internal/devtools/tools.mod cyclonedx-gomod bin -json -std -output-version 1.6 -output "$out/zhijia.cdx.json" "$out/zhijia"

notices=$out/THIRD-PARTY-NOTICES.txt
: >"$notices"
missing=
while read -r path version dir; do
	files=$(find "$dir" -maxdepth 1 -type f \( -iname 'licen[cs]e*' -o -iname 'notice*' -o -iname 'copying*' -o -iname 'copyright*' -o -iname 'patents' \) | sort)
	[ -n "$files" ] || missing="$missing $path@$version"
	printf '==== %s %s\n\n' "$path" "$version" >>"$notices"
	for f in $files; do
		cat "$f" >>"$notices"
		printf '\n\n' >>"$notices"
	done
done < <(CGO_ENABLED=0 go list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}' ./cmd/zhijia | sort -u)
printf '==== Go %s\n\n' "$(go env GOVERSION)" >>"$notices"
cat "$(go env GOROOT)/LICENSE" >>"$notices"
if [ -n "$missing" ]; then
	echo "no licence text:$missing" >&2
	exit 1
fi
echo "$out: $(grep -c '^==== ' "$notices") notices, $(grep -c '"bom-ref"' "$out/zhijia.cdx.json") components"
