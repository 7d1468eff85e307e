#!/usr/bin/env bash
# Exercises what is deployed as far as a machine without a container engine and
# without systemd as its first process allows:
#   - the build stage of the Containerfile, as a script: a static program;
#   - its last stage: the program in an empty root that cannot be written, as
#     nobody, with no capability, in name spaces of its own;
#   - the units: systemd-analyze verify, with the program where the unit says,
#     and the exposure that its sandbox leaves.
# As root. ZHIJIA: a program that is built already (default: built here).
set -euo pipefail
cd "$(dirname "$0")/.."
W=$(mktemp -d /tmp/zhijia-verify.XXXXXX)
trap 'rm -rf "$W"' EXIT
mkdir -p "$W/root/tmp" "$W/units"
if [ -n "${ZHIJIA:-}" ]; then cp "$ZHIJIA" "$W/root/zhijia"; else CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o "$W/root/zhijia" ./cmd/zhijia; fi
if ldd "$W/root/zhijia" >/dev/null 2>&1; then echo "NOTE: the program is not static: built with cgo; the Containerfile builds it without"; else echo "static: $(stat -c %s "$W/root/zhijia" | awk '{ printf "%.0f MB", $1 / 1e6 }')"; fi
chmod 755 "$W" "$W/root" "$W/root/zhijia"
inside() { # in an empty, read-only root, as nobody, without the network
	unshare --mount --pid --fork --net --ipc --uts sh -c '
		mount --bind "$0/root" "$0/root" && mount -o remount,ro,bind "$0/root" && mount -t tmpfs -o size=16m,mode=1777 tmp "$0/root/tmp" &&
		exec chroot --userspec=65534:65534 "$0/root" /zhijia "$@"' "$W" "$@"
}
if ! ldd "$W/root/zhijia" >/dev/null 2>&1; then
	inside version
	if inside db status --no-managed-db 2>"$W/err"; then echo "FAILED: a database was found in an empty root" >&2; exit 1; fi
	grep -q database.none "$W/err" && echo "empty root, read-only, as nobody, no network: runs, and names what it lacks"
fi
for u in deploy/*.service deploy/*.timer; do sed "s#/usr/local/bin/zhijia#$W/root/zhijia#" "$u" >"$W/units/$(basename "$u")"; done
# A timer is verified beside its service.
out=$(systemd-analyze verify "$W"/units/*.service "$W"/units/*.timer 2>&1 | grep -v 'Failed to \(connect\|prepare\)' || true)
[ -z "$out" ] || { echo "FAILED: $out" >&2; exit 1; }
echo "units: verified"
systemd-analyze security --offline=true "$W/units/zhijia.service" 2>/dev/null | tail -1
python3 - <<'PY' 2>/dev/null || echo "NOTE: compose.yaml was not parsed: no YAML parser here"
import yaml
d = yaml.safe_load(open('deploy/compose.yaml'))
s = d['services']['service']
assert s['read_only'] and s['cap_drop'] == ['ALL'] and d['services']['migrate']['command'] == ['db', 'migrate']
yaml.safe_load(open('deploy/observe/alerts.yaml'))
print('compose.yaml and alerts.yaml: parsed; the service is read-only and without capabilities')
PY
