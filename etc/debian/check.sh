#!/usr/bin/env bash
# Tries the packages in a fresh chroot, as root, with a mount and network namespace of its own: install, the five lines of
# docs/install.md, a task that ends `done`, an upgrade with a worker running, one of a data file of an earlier form with 100,000
# tasks, remove, purge. Where systemd does not run, as here, the services are started as their units say.
#   check.sh FOLDER      with the .deb files
set -euo pipefail

if [ "${1:-}" != --inside ]; then
    [ "$(id -u)" -eq 0 ] || { echo "check.sh: needs root, for a chroot" >&2 && exit 1; }
    exec unshare --mount --pid --mount-proc --fork --kill-child bash "$0" --inside "$(realpath "$1")"
fi

packages=$2
tree=$(realpath "$(dirname "$0")/../..")
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
mirror=$(sed -n 's/^URIs: *//p; s/^deb \(\[[^]]*\] \)\?\([^ ]*\) .*/\2/p' /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -n 1 || true)
root=$(mktemp -d /var/tmp/elves-package.XXXXXX)
trap 'umount -R "$root/proc" "$root/dev" 2>/dev/null || true; rm -rf --one-file-system "$root"' EXIT

say() { printf '%s  %s\n' "$(date +%T)" "$*"; }
clean=(env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive)
inside() { chroot "$root" "${clean[@]}" "$@"; }
# The same in a network of its own, in which this machine is 10.0.0.2.
unshare --net sleep infinity &
network=$!
fleet() { nsenter --net="/proc/$network/ns/net" chroot "$root" "${clean[@]}" "$@"; }
fail() { echo "check.sh: $*" >&2 && exit 1; }
eventually() { # SECONDS COMMAND...
    local until=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $until ] || return 1
        sleep 0.2
    done
}

say "a bare $suite in $root"
debootstrap --variant=minbase "$suite" "$root" "$mirror" >"$root.log" 2>&1 || { tail "$root.log" >&2 && fail "debootstrap failed"; }
rm -f "$root.log"
cp /etc/resolv.conf "$root/etc/"
cp -r /etc/apt/apt.conf.d/. "$root/etc/apt/apt.conf.d/" # how this machine reaches its mirror
mount -t proc proc "$root/proc"
# Services are started by hand: nothing in a chroot is to start one.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
mkdir "$root/debs"
cp "$packages"/*.deb "$root/debs/"
inside find / -xdev \( -path /proc -o -path /debs -o -path '/var/*' -o -path /tmp \) -prune -o -print | sort >"$root/debs/before"

install_debs() { # NAME...
    local name files=()
    for name in "$@"; do files+=(/debs/"$name"_*.deb); done
    inside sh -c "apt-get update -qq && apt-get install -y -qq --no-install-recommends ${files[*]}" >"$root/debs/apt.log" 2>&1 ||
        { tail "$root/debs/apt.log" >&2 && fail "the packages can't be installed"; }
}

declare -A started
# As the unit of that name starts it: its user, its folders, its command, its capabilities.
start_unit() { # NAME
    local unit=$root/lib/systemd/system/$1.service user command runtime state capabilities=()
    user=$(sed -n 's/^User=//p' "$unit")
    command=$(sed -n 's/^ExecStart=//p' "$unit")
    runtime=$(sed -n 's/^RuntimeDirectory=//p' "$unit")
    state=$(sed -n 's/^WorkingDirectory=//p' "$unit")
    [ -z "$runtime" ] || inside install -d -m 755 -o "$user" -g "$user" "/run/$runtime"
    if grep -q '^AmbientCapabilities=' "$unit"; then
        capabilities=(--inh-caps +setuid,+setgid,+kill --ambient-caps +setuid,+setgid,+kill)
    fi
    (exec nsenter --net="/proc/$network/ns/net" chroot "$root" "${clean[@]}" \
        setpriv --reuid "$user" --regid "$user" --init-groups "${capabilities[@]}" \
        sh -c "umask 077; cd $state && exec $command") >>"$root/debs/$1.log" 2>&1 &
    started[$1]=$!
}

stop_unit() { # NAME
    kill "${started[$1]}"
    wait "${started[$1]}" || fail "$1 did not end well"
}

nsenter --net="/proc/$network/ns/net" sh -c '
    ip link set lo up
    ip link add elves0 type dummy
    ip address add 10.0.0.2/24 dev elves0
    ip link set elves0 up'

say "install elves-server and elves-ctl"
install_debs elves-server elves-ctl
start_unit elvesd
eventually 30 fleet elvesctl ping >/dev/null 2>&1 || { tail "$root/debs/elvesd.log" >&2 && fail "the server does not answer"; }
inside test -s /etc/elves/tls/server.pem || fail "there is no certificate"

say "elvesctl listen 10.0.0.2"
fleet elvesctl listen 10.0.0.2 </dev/null >"$root/debs/listen.log" 2>&1 && fail "it listens without an admin key"
fleet elvesctl listen 10.0.0.2 --make >"$root/debs/listen.log" 2>&1 || { cat "$root/debs/listen.log" >&2 && fail "listen"; }
stop_unit elvesd
start_unit elvesd
eventually 30 fleet elvesctl ping >/dev/null 2>&1 || fail "the server does not answer after listen"

say "elvesctl join-token add --cidr 10.0.0.0/24"
line=$(fleet elvesctl join-token add --cidr 10.0.0.0/24 2>/dev/null | sed -n 's/^sudo //p')
echo "          $line" | sed 's/elvjoin_.*/elvjoin_…/'
case $line in "elves-agent join 10.0.0.2:7788 --pin "*) ;; *) fail "not the line that was expected: $line" ;; esac

say "install elves-agent, and that line"
install_debs elves-agent
! pgrep -x elves-agent >/dev/null || fail "the agent runs before it has joined"
# shellcheck disable=SC2086
fleet $line >"$root/debs/join.log" 2>&1 || { cat "$root/debs/join.log" >&2 && fail "join"; }
start_unit elves-agent
agents() { fleet elvesctl --json agents | grep -q '"status":"online"'; }
eventually 60 agents || { tail "$root/debs/elves-agent.log" >&2 && fail "the agent does not come"; }

say "elvesctl run all --yes 1 -- apptest helloword '{\"my\":\"toryzen\"}'"
fleet elvesctl run all --yes 1 -- apptest helloword '{"my":"toryzen"}' >"$root/debs/run.log" 2>&1 ||
    { cat "$root/debs/run.log" >&2 && fail "the run did not end done"; }
grep -q 'done' "$root/debs/run.log" || { cat "$root/debs/run.log" >&2 && fail "no task is done"; }

say "an upgrade with a worker running"
task=$(fleet elvesctl --json exec --async 10.0.0.2 apptest sleep 60 | sed -n 's/.*"id":"\([0-9A-F]*\)".*/\1/p')
[ -n "$task" ] || fail "no task was started"
echo "# mine" >>"$root/etc/elves/elves.conf"
inside dpkg --force-confdef -i /debs/elves-agent_*.deb /debs/elves-server_*.deb >"$root/debs/upgrade.log" 2>&1 ||
    { tail "$root/debs/upgrade.log" >&2 && fail "the upgrade failed"; }
kill -USR1 "${started[elves-agent]}" # as the postinst has systemd do it
fleet elvesctl wait "$task" >"$root/debs/wait.log" 2>&1 || fail "the worker did not end done"
grep -q '^# mine$' "$root/etc/elves/elves.conf" || fail "an edited conffile did not survive"
restarted() { [ "$(grep -c 'elves-agent .* is up' "$root/debs/elves-agent.log")" -ge 2 ]; }
eventually 30 restarted || fail "the agent has not restarted"
eventually 60 agents || fail "the agent does not come back"

say "an upgrade of a data file of schema 7, with 100,000 tasks"
stop_unit elves-agent
stop_unit elvesd
data=$root/var/lib/elves/elves.db
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$tree/bench:$tree/test/e2e ELVES_BIN=$tree/build/release/bin python3 - "$data" <<'END'
import sqlite3, sys
from scale import old_tables
db = sqlite3.connect(sys.argv[1])
db.executescript("PRAGMA journal_mode = DELETE;" + old_tables(100_000))
END
start_unit elvesd
eventually 60 fleet elvesctl ping >/dev/null 2>&1 || { tail "$root/debs/elvesd.log" >&2 && fail "the server does not answer"; }
[ "$(fleet elvesctl --json tasks --app app --limit 1000 | grep -o '"id"' | wc -l)" -eq 1000 ] || fail "the tasks are not there"
ls "$data".before-upgrade >/dev/null 2>&1 || { ls "$root/var/lib/elves" >&2 && fail "there is no copy of the file as it was before"; }
stop_unit elvesd

say "remove keeps the data"
inside apt-get remove -y -qq elves-server >"$root/debs/remove.log" 2>&1 || fail "remove"
[ -s "$data" ] || fail "remove took the data"

say "purge"
inside apt-get purge -y -qq elves-server elves-agent elves-ctl >"$root/debs/purge.log" 2>&1 || fail "purge"
inside apt-get autoremove --purge -y -qq >>"$root/debs/purge.log" 2>&1 || fail "autoremove"
inside find / -xdev \( -path /proc -o -path /debs -o -path '/var/*' -o -path /tmp -o -path /run \) -prune -o -print | sort >"$root/debs/after"
left=$(comm -13 "$root/debs/before" "$root/debs/after" | grep elves || true)
[ -z "$left" ] || fail "purge left: $left"
! grep elves "$root/etc/passwd" "$root/etc/group" || fail "purge left a user"
[ -z "$(ls -d "$root"/var/lib/elves* "$root"/var/log/elves* 2>/dev/null)" ] || fail "purge left data"
say "all is well"
