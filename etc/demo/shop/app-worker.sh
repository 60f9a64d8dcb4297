#!/bin/sh
# The demo's app: a release that takes a moment, and fails on a host whose disk is "full" (a file of that name in this folder).
. ./elves-worker.sh
elves_function deploy
elves_function backup none

do_deploy() {
    elves_progress "fetching shop $1"
    sleep 0.5
    [ ! -e full ] || elves_failed "no space left on /srv"
    elves_progress "starting it"
    elves_done "shop $1 is up"
}

do_backup() {
    elves_done "backed up"
}

elves_main "$@"
