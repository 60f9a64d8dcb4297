#!/usr/bin/env bash
# A server and twenty agents on loopback, in a folder of its own: a run in waves with a failure and a retry, and a schedule.
# `./dev demo` calls it.
set -euo pipefail
# What it makes is for this user to change: the agent refuses apps and settings that others could.
umask 022
bin=$(realpath "$1")
root=$(realpath "$(dirname "$0")/..")
keep=${2:-}
folder=$(mktemp -d "${TMPDIR:-/tmp}/elves-demo.XXXXXX")
agents=20
programs=()
say() { printf '\n== %s\n' "$*"; }

stop() {
    # The agents first: they say goodbye.
    [ ${#programs[@]} -le 1 ] || kill "${programs[@]:1}" 2>/dev/null || true
    [ ${#programs[@]} -le 1 ] || wait "${programs[@]:1}" 2>/dev/null || true
    [ ${#programs[@]} -eq 0 ] || { kill "${programs[0]}" && wait "${programs[0]}"; } 2>/dev/null || true
}
trap stop EXIT

fail() { # the reason is in the logs: it is shown, not named
    echo "$1; what the programs said:" >&2
    for log in "$folder"/elvesd.log "$folder/agents/127.0.0.2/agent.log"; do
        [ ! -e "$log" ] || tail -n 5 "$log" | sed "s/^/  $(basename "$log" .log): /" >&2
    done
    exit 1
}
wait_for() { # WHAT, COMMAND...
    local what=$1 tries=150 program
    shift
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || fail "$what did not happen within 15 s"
        for program in "${programs[@]}"; do
            kill -0 "$program" 2>/dev/null || fail "$what did not happen: a program has ended"
        done
        sleep 0.1
    done
}
quoted() { # as one would type it
    local word
    for word in "$@"; do
        if [[ $word =~ ^[A-Za-z0-9_./:=,%-]+$ ]]; then printf ' %s' "$word"; else printf " '%s'" "$word"; fi
    done
}
ctl() {
    echo "\$ elvesctl$(quoted "$@")"
    "$bin/elvesctl" "$@"
}

first_id() { # COMMAND...: of what it lists
    "$bin/elvesctl" --json "$@" | grep -o '"id":"[0-9A-F]*"' | head -n 1 | cut -d'"' -f4
}

start_server() {
    cat > "$folder/elves.conf" <<CONF
[server]
listen = 127.0.0.1:0
[http]
listen = 127.0.0.1:0
[store]
path = $folder/elves.db
CONF
    "$bin/elvesd" --config "$folder/elves.conf" > "$folder/elvesd.log" 2>&1 &
    programs+=($!)
    wait_for "the server's start" grep -q 'listening on' "$folder/elvesd.log"
    ELVES_SERVER=$(grep -o 'listening on .*' "$folder/elvesd.log" | head -n 1 | cut -d' ' -f3)
    export ELVES_SERVER
}

start_agent() { # ADDRESS
    local own=$folder/agents/$1
    mkdir -p "$own/apps"
    # A copy with modes of its own: those of a source tree depend on how it was unpacked.
    cp -RL "$root"/etc/apps/* "$root/etc/demo/shop" "$own/apps/"
    chmod -R u=rwX,go=rX "$own/apps"
    cat > "$own/agent.conf" <<CONF
[agent]
server = $ELVES_SERVER
ip = $1
asset = host-${1##*.}
apps = $own/apps
journal = $own/agent.db
CONF
    "$bin/elves-agent" --config "$own/agent.conf" > "$own/agent.log" 2>&1 &
    programs+=($!)
}
all_online() { [ "$("$bin/elvesctl" hosts status=online --count)" = "$agents hosts" ]; }

say "a server and $agents agents; settings, data and logs are in $folder"
start_server
for ((number = 2; number < agents + 2; number++)); do start_agent "127.0.0.$number"; done
wait_for "the agents' registration" all_online
echo "the server listens on $ELVES_SERVER: export ELVES_SERVER=$ELVES_SERVER"

say "labels say what the hosts are"
ctl label set 127.0.0.2-127.0.0.13 env=prod role=web
ctl label set 127.0.0.14-127.0.0.17 env=prod role=db
ctl label set 127.0.0.18-127.0.0.21 env=test
ctl hosts all --by role

say "one host is asked, and answers"
ctl exec 127.0.0.2 apptest helloword '{"my":"toryzen"}'

say "a run in waves: one host, then four, then the rest; one of them has a full disk"
touch "$folder/agents/127.0.0.9/apps/shop/full"
ctl run 'env=prod and role=web' --waves 1,4,100% --max-fail 1 --yes 12 -- shop deploy 1.2 || [ $? -eq 1 ]
run=$(first_id runs --limit 1)
ctl runs answers "$run"

say "the disk is cleared, and the run repeated where it failed"
rm "$folder/agents/127.0.0.9/apps/shop/full"
ctl runs retry "$run"

say "a schedule: every second a backup of the databases, two at a time"
ctl schedule set role=db --rule '* * * * * ?' --parallel 2 -- shop backup
schedule=$(first_id schedule list)
fired() { "$bin/elvesctl" --json runs --state done --func backup | grep -q '"func":"backup"'; }
wait_for "the schedule's first run" fired
[ "$keep" = --keep ] && ctl schedule stop "$schedule" # it would fill the list of runs
ctl schedule list
ctl runs

if [ "$keep" = --keep ]; then
    printf '%s\n' "${programs[@]}" > "$folder/pids"
    trap - EXIT
    say "a run that waits for a person after its first wave"
    ctl run 'env=prod and role=db' --waves 1,100% --pause ask --yes 4 --detach -- shop deploy 1.3
    say "all of it stays up. The console, for one browser within a minute; elvesctl console prints another link"
    "$bin/elvesctl" console --no-open
    say "in a terminal try"
    echo "  export ELVES_SERVER=$ELVES_SERVER PATH=$bin:\$PATH"
    for words in "agents" "hosts env=prod --by role" "run role=web -- host load" "exec --output 127.0.0.2 apptest sleep 5" \
        "runs hosts $run" "schedule start $schedule" "audit" "doctor"; do
        echo "  elvesctl $words"
    done
    echo "Stop it with: kill \$(cat $folder/pids)"
else
    say "stopping"
    stop
    trap - EXIT
    echo "all have stopped; the data stays in $folder"
fi
