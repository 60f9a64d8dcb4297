#!/usr/bin/env bash
# Server, agent and real tasks on loopback, in a folder of its own. `./dev demo` calls it.
set -euo pipefail
# What it makes is for this user to change: the agent refuses apps and settings that others could.
umask 022
bin=$(realpath "$1")
root=$(realpath "$(dirname "$0")/..")
keep=${2:-}
folder=$(mktemp -d "${TMPDIR:-/tmp}/elves-demo.XXXXXX")
say() { printf '\n== %s\n' "$*"; }

say "settings, data and logs of this demo are in $folder"
cat > "$folder/elves.conf" <<CONF
[server]
listen = 127.0.0.1:0
[store]
path = $folder/elves.db
CONF
"$bin/elvesd" --config "$folder/elves.conf" > "$folder/elvesd.log" 2>&1 &
server=$!
agent=
stop() {
    [ -z "$agent" ] || { kill "$agent" 2>/dev/null && wait "$agent" 2>/dev/null; } || true
    { kill "$server" 2>/dev/null && wait "$server"; } || true
}
trap stop EXIT

fail() { # the reason is in the logs: it is shown, not named
    echo "$1; what the programs said:" >&2
    for log in elvesd agent; do
        [ ! -e "$folder/$log.log" ] || tail -n 5 "$folder/$log.log" | sed "s/^/  $log: /" >&2
    done
    exit 1
}
wait_for() { # WHAT, COMMAND...
    local what=$1 tries=100
    shift
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || fail "$what did not happen within 10 s"
        for program in $server $agent; do
            kill -0 "$program" 2>/dev/null || fail "$what did not happen: a program has ended"
        done
        sleep 0.1
    done
}
wait_for "the server's start" grep -q 'listening on' "$folder/elvesd.log"
place=$(grep -o 'listening on .*' "$folder/elvesd.log" | head -n 1 | cut -d' ' -f3)
quoted() { # as one would type it
    local word
    for word in "$@"; do
        if [[ $word =~ ^[A-Za-z0-9_./:=,-]+$ ]]; then printf ' %s' "$word"; else printf " '%s'" "$word"; fi
    done
}
ctl() {
    echo "\$ elvesctl --server $place$(quoted "$@")"
    "$bin/elvesctl" --server "$place" "$@"
}
say "the server listens on $place"

# A copy with modes of its own: those of a source tree depend on how it was unpacked.
cp -R "$root/etc/apps" "$folder/apps"
chmod -R u=rwX,go=rX "$folder/apps"
cat > "$folder/agent.conf" <<CONF
[agent]
server = $place
ip = 127.0.0.1
apps = $folder/apps
journal = $folder/agent.db
CONF
"$bin/elves-agent" --config "$folder/agent.conf" > "$folder/agent.log" 2>&1 &
agent=$!
online() { "$bin/elvesctl" --server "$place" --json call heartbeat getstatbyip '{"agentip":"127.0.0.1"}' | grep -q online; }
wait_for "the agent's registration" online
say "an agent has dialed in"
ctl agents

say "a task that is waited for"
ctl exec 127.0.0.1 apptest helloword '{"my":"toryzen"}'
say "a task that is only handed over"
ctl exec --async 127.0.0.1 apptest helloword '{"my":"toryzen"}'
say "a cron rule: every second"
ctl cron set 127.0.0.1 '* * * * * ?' apptest helloword '{"my":"cron"}'
fired() { "$bin/elvesctl" --server "$place" --json tasks --type cron --status done | grep -q helloword; }
wait_for "the first firing" fired
say "what became of it all"
ctl tasks

if [ "$keep" = --keep ]; then
    trap - EXIT
    say "both are still running. Try"
    for words in "agents" "stat" "exec 127.0.0.1 apptest sleep 5" "tasks --status done" "cron list 127.0.0.1" "methods"; do
        echo "  $bin/elvesctl --server $place $words"
    done
    echo "Stop them with: kill $agent $server"
else
    say "stopping"
    stop
    trap - EXIT
    echo "both have stopped; the data stays in $folder"
fi
