# For scripts that try something on a bare system; they source it. Needs root.
# shellcheck shell=bash

say() { printf '%s  %4d s  %s\n' "$(date +%T)" $SECONDS "$*"; }
fail() { echo "$0: $*" >&2 && exit 1; }

eventually() { # SECONDS COMMAND...: false where it does not succeed in that time
    local until=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $until ] || return 1
        sleep 0.2
    done
}

# A network namespace; $network is the process that keeps it.
make_network() {
    unshare --net sleep infinity &
    network=$!
    eventually 5 has_network || fail "there is no network namespace"
}

has_network() { # false while that process is still in this one
    [ "$(readlink "/proc/$network/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}

# A minimal system of the distribution that this runs on, in FOLDER. It reaches the mirror as this machine does.
bare_system() { # FOLDER
    local suite mirror
    # shellcheck source=/dev/null
    suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
    mirror=$(sed -n 's/^URIs: *//p; s/^deb \(\[[^]]*\] \)\?\([^ ]*\) .*/\2/p' /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
        head -n 1 || true)
    debootstrap --variant=minbase "$suite" "$1" "$mirror" >"$1.log" 2>&1 || { tail "$1.log" >&2 && fail "debootstrap failed"; }
    rm -f "$1.log"
    cp /etc/resolv.conf "$1/etc/"
    cp -r /etc/apt/apt.conf.d/. "$1/etc/apt/apt.conf.d/"
}
