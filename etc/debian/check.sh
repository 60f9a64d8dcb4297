#!/usr/bin/env bash
# Tries the packages on two bare machines (machines.sh): the lines of README.md's Install as they are written there, a task that
# ends `done`; an upgrade with a worker running, and one of a data file of an earlier schema with 100,000 tasks; remove and purge.
#   check.sh FOLDER      with the .deb files
set -euo pipefail
tree=$(realpath "$(dirname "$0")/../..")
. "$tree/etc/bare-system.sh"
. "$tree/etc/debian/machines.sh"

if [ "${1:-}" != --inside ]; then
    [ "$(id -u)" -eq 0 ] || fail "needs root, for chroots"
    exec unshare --mount --pid --mount-proc --fork --kill-child bash "$0" --inside "$(realpath "$1")"
fi

packages=$2
work=$(mktemp -d /var/tmp/elves-package.XXXXXX)
finish() {
    for machine in server agent; do umount --lazy -R "$work/$machine/proc" "$work/$machine/dev" 2>/dev/null || true; done
    rm -rf --one-file-system "$work"
}
trap finish EXIT

expect() { # LOG WHAT COMMAND...: fails, and shows what it printed, where the command does
    local log=$work/$1 what=$2
    shift 2
    "$@" >"$log" 2>&1 || { tail -n 20 "$log" >&2 && fail "$what"; }
}

# An upgrade's packages: the same programs with a higher version, and settings files that have changed.
make_next() { # PACKAGE...
    local name folder
    mkdir "$work/next"
    for name in "$@"; do
        folder=$work/next/$name
        dpkg-deb -R "$packages/$name"_*.deb "$folder"
        sed -i -E "s/^(Version: .*)/\1+next/; s/(elves-ctl \(= [^)]*)/\1+next/" "$folder/DEBIAN/control"
        find "$folder/etc" -type f -exec sh -c 'echo "# of the next version" >>"$1"' sh {} \; 2>/dev/null || true
        dpkg-deb --root-owner-group -b "$folder" "$work/next/$name.deb" >/dev/null
    done
}

upgrade() { # MACHINE PACKAGE...: without a terminal, as unattended upgrades do it
    local machine=$1 files=() name
    shift
    for name in "$@"; do
        cp "$work/next/$name.deb" "$work/$machine/debs/$name.next.deb"
        files+=("/debs/$name.next.deb")
    done
    expect upgrade.log "the upgrade of $machine" on "$machine" dpkg --force-confdef -i "${files[@]}"
}

say "two bare machines, 10.0.0.2 and 10.0.0.3"
base_system "$packages"
machine server
machine agent
connect server 10.0.0.2 agent 10.0.0.3
mapfile -t lines < <(sed -n '/^## Install/,/^## /p' "$tree/README.md" | sed -n '/^```text/,/^```/p' | grep -v '^```' | sed 's/  *#.*//')
[ ${#lines[@]} -eq 5 ] || fail "README.md's Install has ${#lines[@]} lines to type: expected 5"

begin=$SECONDS
say "${lines[0]}"
expect install.log "the server's packages" typed server "${lines[0]}" y
start_unit server elvesd
answers() { on server elvesctl ping >/dev/null 2>&1; }
eventually 30 answers || { tail "$work/elvesd.log" >&2 && fail "the server does not answer"; }

say "${lines[1]}"
! on server elvesctl listen 10.0.0.2 </dev/null >"$work/refused.log" 2>&1 || fail "it listens without an admin key"
expect listen.log listen typed server "${lines[1]}" y
grep -q '^token' "$work/listen.log" || { cat "$work/listen.log" >&2 && fail "no admin key was made"; }
stop_unit elvesd
start_unit server elvesd
eventually 30 answers || fail "the server does not answer after listen"

say "${lines[2]}"
expect token.log join-token typed server "${lines[2]}" ''
join=$(tr -d '\r' <"$work/token.log" | grep -o 'sudo elves-agent join .*' || true)
[ "${join%% --pin*}" = "$(grep -o 'sudo elves-agent join [^ ]*' <<<"${lines[3]}")" ] || fail "README.md has another line than \"$join\""

say "${lines[3]}"
expect agent-install.log "the agent's package" typed agent "${lines[3]%%&&*}" y
! pgrep -x elves-agent >/dev/null || fail "the agent runs before it has joined"
expect join.log join typed agent "$join" ''
start_unit agent elves-agent
online() { on server elvesctl --json agents | grep -q '"status":"online"'; }
eventually 60 online || { tail "$work/elves-agent.log" >&2 && fail "the agent does not come"; }

say "${lines[4]}"
expect run.log "the run did not end done" typed server "${lines[4]}" 1
grep -q 'done' "$work/run.log" || { cat "$work/run.log" >&2 && fail "no task is done"; }
say "from two bare machines to a task that is done: $((SECONDS - begin)) s"

say "an upgrade of both with a worker running"
make_next elves-server elves-ctl elves-agent
task=$(on server elvesctl --json exec --async 10.0.0.3 apptest sleep 60 | sed -n 's/.*"id":"\([0-9A-F]*\)".*/\1/p')
[ -n "$task" ] || fail "no task was started"
echo "# mine" >>"$work/server/etc/elves/elves.conf"
upgrade agent elves-agent
kill -USR1 "${started[elves-agent]}" # as the postinst has systemd do it
upgrade server elves-server elves-ctl
stop_unit elvesd
start_unit server elvesd
eventually 30 answers || fail "the server does not answer after its upgrade"
expect wait.log "the worker did not end done" on server elvesctl wait "$task"
restarted() { [ "$(grep -c 'elves-agent .* is up' "$work/elves-agent.log")" -ge 2 ]; }
eventually 30 restarted || fail "the agent has not restarted"
eventually 60 online || fail "the agent does not come back"
grep -q '^# mine$' "$work/server/etc/elves/elves.conf" || fail "an edited settings file did not survive"
! grep -q 'next version' "$work/server/etc/elves/elves.conf" || fail "an edited settings file was replaced"
grep -q 'next version' "$work/server/etc/logrotate.d/elves-server" || fail "a settings file that was not edited is the old one"

say "an upgrade of a data file of schema 7, with 100,000 tasks"
stop_unit elves-agent
stop_unit elvesd
data=$work/server/var/lib/elves/elves.db
PYTHONDONTWRITEBYTECODE=1 ELVES_BIN=$tree/build/release/bin \
    PYTHONPATH=$tree/bench:$tree/test/e2e python3 - "$data" <<'END'
import sqlite3, sys
from scale import old_tables
db = sqlite3.connect(sys.argv[1])
db.executescript("PRAGMA journal_mode = DELETE;" + old_tables(100_000))
END
start_unit server elvesd
eventually 60 answers || { tail "$work/elvesd.log" >&2 && fail "the server does not answer"; }
[ "$(on server elvesctl --json tasks --app app7 --limit 1000 | grep -o '"id"' | wc -l)" -eq 1000 ] || fail "the tasks are not there"
[ -s "$data.before-upgrade" ] || fail "there is no copy of the file as it was before"
stop_unit elvesd

say "remove keeps settings and data, purge leaves nothing"
expect remove.log remove on server apt-get remove -y -qq elves-server
[ -s "$data" ] && [ -s "$work/server/etc/elves/elves.conf" ] || fail "remove took the data, or the settings"
expect purge.log purge on server apt-get purge -y -qq elves-server elves-ctl
expect purge.log purge on agent apt-get purge -y -qq elves-agent
for machine in server agent; do
    left=$(on "$machine" find / -xdev \( -path /proc -o -path /run -o -path /debs \) -prune -o -name '*elves*' -print)
    [ -z "$left" ] || fail "purge left on $machine: $left"
    ! grep elves "$work/$machine/etc/passwd" "$work/$machine/etc/group" || fail "purge left a user on $machine"
done
say "OK"
