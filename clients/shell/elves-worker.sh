# shellcheck shell=sh
# What an agent runs, in POSIX sh: functions that are called by name, and give back a result.
#
#     #!/bin/sh
#     . ./elves-worker.sh
#     elves_function restart            # runs do_restart, with the param as $1
#     do_restart() {
#         elves_progress "stopping"
#         systemctl restart "$1" || elves_failed "it does not start"
#         elves_done "restarted"
#     }
#     elves_main "$@"
#
# That file is `app-worker.sh` of an app, this one lies beside it; the agent calls `app-worker.sh APP FUNC PARAM` in
# the app's folder.
#
# - elves_done TEXT: the text is the task's result, and the task is `done` (`worker_flag` 1).
# - elves_failed TEXT: the function could not do what it was asked. The task is `failed` (`worker_flag` 0).
# - A function that returns 0 without either: done, and what it printed is the result. Another status, also of `exit`:
#   `worker_flag` -1, and the end of what it printed is in the result.
# - What is printed is the task's output, as it is printed.
#
# elves_done and elves_failed end the worker; in `$(...)` they would end that subshell alone.
#
# Without an agent: `app-worker.sh` lists its functions, `app-worker.sh --try FUNC [PARAM]` runs one.

elves_functions=

# NAME [none]: declares a function of the app. It runs do_NAME, with `_` for each `.` and `-` of the name. `none`: it
# takes no param, and one is refused.
elves_function() {
    elves_functions="$elves_functions $1:${2:-text}"
}

elves_done() { _elves_answer 1 "${1-}"; }
elves_failed() { _elves_answer 0 "${1-}"; }
elves_progress() { printf '%s\n' "$1"; }

# NAME PARAM: prints the string of a field of a flat JSON object, nothing where there is none. For strings with escapes
# in them, and for anything nested, take jq.
elves_field() {
    printf '%s\n' "$2" | tr '\n' ' ' | sed -n 's/.*"'"$1"'"[[:space:]]*:[[:space:]]*"\([^"\\]*\)".*/\1/p'
}

elves_main() {
    case $#:${1-} in
    [23]:--try) _elves_try=yes && _elves_run "$2" "${3-}" ;;
    3:*) _elves_param "$3" && _elves_run "$2" "$_elves_text" ;;
    0:*) _elves_usage && exit 0 ;;
    *) _elves_usage >&2 && exit 2 ;;
    esac
}

_elves_try=
_elves_text=

# The text keeps its newlines at the end, which `$(...)` alone would cut off.
_elves_param() {
    if [ "$1" = - ]; then
        _elves_text=$(base64 -d && printf x)
    else
        _elves_text=$(printf '%s' "$1" | base64 -d && printf x)
    fi || { echo "the param is no base64" && exit 1; }
    _elves_text=${_elves_text%x}
}

_elves_run() { # NAME PARAM
    case "$elves_functions " in
    *" $1:none "*) [ -z "$2" ] || elves_failed "$1 takes no param" ;;
    *" $1:text "*) ;;
    *) elves_failed "no function $1; there are:$(_elves_names)" ;;
    esac
    "do_$(printf '%s' "$1" | tr '.-' '__')" "$2"
    exit # with its status
}

_elves_answer() { # FLAG TEXT
    if [ -n "$_elves_try" ]; then
        printf 'worker_flag %s\n%s\n' "$1" "$2"
        [ "$1" = 1 ]
        exit
    fi
    if [ "$1" = 1 ]; then _elves_flag=true; else _elves_flag=false; fi
    if [ -n "${ELVES_RESULT_FD-}" ]; then
        printf '<ElvesWResult>%s</ElvesWResult>\n<ElvesWFlag>%s</ElvesWFlag>\n' "$2" "$_elves_flag" >&"$ELVES_RESULT_FD"
    else # among other output a result ends at its closing tag
        printf '<ElvesWResult>%s</ElvesWResult>\n<ElvesWFlag>%s</ElvesWFlag>\n' \
            "$(printf '%s' "$2" | sed 's/ElvesW/Elves-W/g')" "$_elves_flag"
    fi
    exit
}

_elves_names() {
    for _elves_one in $elves_functions; do
        printf ' %s' "${_elves_one%:*}"
    done
}

_elves_usage() {
    printf 'usage: %s APP FUNC BASE64PARAM|-   as an agent calls it\n' "$0"
    printf '       %s --try FUNC [PARAM]       runs a function here\nfunctions:%s\n' "$0" "$(_elves_names)"
}
