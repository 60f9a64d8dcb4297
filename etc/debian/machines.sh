# Machines for check.sh, which sources it: copies of a bare system in $work, each with a network namespace of its own, on one
# network. Where systemd does not run, as there, services are started as their units say.
# shellcheck shell=bash disable=SC2154

declare -A networks started
clean=(env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive)

on() { # MACHINE COMMAND...: as root of that machine
    local machine=$1
    shift
    nsenter --net="/proc/${networks[$machine]}/ns/net" chroot "$work/$machine" "${clean[@]}" "$@"
}

# What an operator types there: as a user with sudo, in the folder of the packages, in a terminal, with an answer to what is asked.
typed() { # MACHINE LINE ANSWER
    echo "$3" | on "$1" setpriv --reuid ada --regid ada --init-groups script -qefc "cd /debs && $2" /dev/null
}

# A bare system with such a user, the packages, and in its cache what they depend on: its machines reach no mirror.
base_system() { # PACKAGES
    local base=$work/base
    bare_system "$base"
    mkdir "$base/debs"
    cp "$1"/*.deb "$base/debs/"
    echo 'Binary::apt::APT::Keep-Downloaded-Packages "true"; APT::Install-Recommends "false";' >"$base/etc/apt/apt.conf.d/90check"
    mount -t proc proc "$base/proc"
    chroot "$base" "${clean[@]}" sh -ec '
        apt-get update -qq
        apt-get install -y -qq sudo
        apt-get install -y -qq --download-only -o APT::Keep-Downloaded-Packages=true /debs/*.deb
        useradd --create-home ada
        echo "ada ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/ada' >"$work/base.log" 2>&1 || { tail "$work/base.log" >&2 && fail "the base system"; }
    umount "$base/proc"
    # Services are started by hand: nothing in a chroot is to start one.
    printf '#!/bin/sh\nexit 101\n' >"$base/usr/sbin/policy-rc.d"
    chmod 755 "$base/usr/sbin/policy-rc.d"
}

machine() { # NAME
    cp -a "$work/base" "$work/$1"
    echo "127.0.1.1 $(hostname)" >>"$work/$1/etc/hosts" # or sudo complains
    mount -t proc proc "$work/$1/proc"
    mount --rbind /dev "$work/$1/dev"
    make_network
    networks[$1]=$network
}

connect() { # MACHINE ADDRESS MACHINE ADDRESS
    local one=(nsenter "--net=/proc/${networks[$1]}/ns/net" ip) other=(nsenter "--net=/proc/${networks[$3]}/ns/net" ip)
    "${one[@]}" link add elves0 type veth peer name elves0 netns "${networks[$3]}"
    "${one[@]}" address add "$2/24" dev elves0
    "${other[@]}" address add "$4/24" dev elves0
    for device in lo elves0; do
        "${one[@]}" link set "$device" up
        "${other[@]}" link set "$device" up
    done
}

# Its user, its folders, its command, its capabilities are the unit's.
start_unit() { # MACHINE NAME
    local unit=$work/$1/lib/systemd/system/$2.service user command runtime state capabilities=()
    user=$(sed -n 's/^User=//p' "$unit")
    command=$(sed -n 's/^ExecStart=//p' "$unit")
    runtime=$(sed -n 's/^RuntimeDirectory=//p' "$unit")
    state=$(sed -n 's/^WorkingDirectory=//p' "$unit")
    [ -z "$runtime" ] || on "$1" install -d -m 755 -o "$user" -g "$user" "/run/$runtime"
    if grep -q '^AmbientCapabilities=' "$unit"; then
        capabilities=(--inh-caps +setuid,+setgid,+kill --ambient-caps +setuid,+setgid,+kill)
    fi
    (exec nsenter --net="/proc/${networks[$1]}/ns/net" chroot "$work/$1" "${clean[@]}" \
        setpriv --reuid "$user" --regid "$user" --init-groups "${capabilities[@]}" \
        sh -c "umask 077; cd $state && exec $command") >>"$work/$2.log" 2>&1 &
    started[$2]=$!
}

stop_unit() { # NAME
    kill "${started[$1]}"
    wait "${started[$1]}" || fail "$1 did not end well"
}
