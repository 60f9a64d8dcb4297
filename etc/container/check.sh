#!/usr/bin/env bash
# Builds the image from the packages in build/package, on a bare system as its base, and runs what it says a container runs: as
# its user, process 1, on a read-only root file system, with /data as the only place to write. Needs root, and no image registry.
set -euo pipefail
cd "$(dirname "$0")/../.."
. etc/bare-system.sh

if [ "${1:-}" != --inside ]; then
    [ "$(id -u)" -eq 0 ] || fail "needs root, for mounts"
    exec unshare --mount --pid --mount-proc --fork --kill-child bash "$0" --inside
fi

work=$(mktemp -d /var/tmp/elves-container.XXXXXX)
storage=(--storage-driver vfs --root "$work/images" --runroot "$work/run")
images() { # COMMAND...: as buildah, with a store of its own
    buildah "${storage[@]}" "$@"
}
finish() {
    umount --lazy -R "$work/root" 2>/dev/null || true
    rm -rf --one-file-system "$work"
}
trap finish EXIT

say "a bare system as the base image"
bare_system "$work/base"
base=$(images from scratch)
images add --quiet "$base" "$work/base" / >/dev/null
images commit --quiet "$base" localhost/elves-base >/dev/null
images rm "$base" >/dev/null
rm -rf "$work/base"

say "the image"
images build --isolation chroot --format docker --pull-never --build-arg BASE=localhost/elves-base \
    --file etc/container/Containerfile --tag localhost/elves-server . >"$work/log" 2>&1 ||
    { tail "$work/log" >&2 && fail "the image can't be built"; }
image=$(images mount "$(images from --pull-never localhost/elves-server)")
[ ! -e "$image/etc/elves/tls" ] || fail "a private key is in the image"

# What the image says of how it is run.
says() { # TEMPLATE
    images inspect --type image --format "{{$1}}" localhost/elves-server
}
words() { # FIELD: of a list, a word a line
    says "range .Docker.Config.$1}}{{println .}}{{end" | grep -v '^$'
}
user=$(says .Docker.Config.User)
mapfile -t environment < <(words Env)
mapfile -t entry < <(words Entrypoint)
mapfile -t health_check < <(words Healthcheck.Test)
[[ $user =~ ^[1-9][0-9]*:[1-9][0-9]*$ ]] || fail "its user is \"$user\": expected two numbers, neither of them 0"
[ "${health_check[0]}" = CMD ] || fail "it has no health check"

mkdir "$work/root" "$work/data"
chown "$user" "$work/data"
mount --bind "$image" "$work/root"
mount -o remount,bind,ro "$work/root"
mount --bind "$work/data" "$work/root/data"
mount -t proc proc "$work/root/proc"
mount --bind /dev "$work/root/dev"
make_network
nsenter --net="/proc/$network/ns/net" ip link set lo up

contained=(nsenter --net="/proc/$network/ns/net" unshare --pid --fork --kill-child --mount-proc="$work/root/proc" chroot "$work/root"
    env -i "${environment[@]}" setpriv --reuid "${user%:*}" --regid "${user#*:}" --clear-groups --no-new-privs
    sh -c 'cd /data && exec "$@"' sh)
inside() { "${contained[@]}" "$@"; }
healthy() { inside "${health_check[@]:1}" >/dev/null 2>&1; }

start() {
    "${contained[@]}" "${entry[@]}" >>"$work/server.log" 2>&1 &
    container=$!
    eventually 30 healthy || { tail "$work/server.log" >&2 && fail "it is not healthy"; }
}

stop() { # SIGNAL
    kill "-$1" "$(pgrep -P "$container")"
    wait "$container" || [ "$1" = KILL ] || fail "it did not end well"
    ! healthy || fail "it is healthy without a server"
}

kept() { inside elvesctl cmdb get 10.0.0.1 | grep -q frankfurt; }

say "the first start, as $user"
start
! inside sh -c 'echo x >/etc/elves/x || echo x >/tmp/x' 2>/dev/null || fail "the root file system can be written"
[ "$(stat -c %a "$work/data/tls/server-key.pem")" = 600 ] || fail "others can read the private key"
inside elvesctl cmdb set 10.0.0.1 idc=frankfurt >/dev/null || fail "it takes no data"
inside elvesctl key add root --role admin --apps '*' --ips '*' >"$work/key" || fail "it makes no admin key"
over_tls() {
    inside elvesctl --server 127.0.0.1:7788 --tls-ca /data/tls/ca.pem \
        --key "$(sed -n 's/^key  *//p' "$work/key")" --token "$(sed -n 's/^token  *//p' "$work/key")" cmdb get 10.0.0.1
}
over_tls | grep -q frankfurt || fail "a key does not count over TLS"

for signal in TERM KILL; do
    say "data, key and certificate after SIG$signal and a new start"
    stop $signal
    start
    kept || fail "the data is gone"
    over_tls | grep -q frankfurt || fail "the key or the certificate is another one"
done
stop TERM
kill "$network"
say "OK"
