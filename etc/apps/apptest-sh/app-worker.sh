#!/bin/sh
# An Elves app in POSIX sh. Copy this file to apps/<your app>/app-worker.sh and write your own functions.
#
# The agent runs it as   app-worker.sh APP FUNC PARAM   in the app's folder. PARAM is base64; `-` means that it
# was too long for that and the base64 is on standard input. What is printed is the task's output; its answer
# are <ElvesWFlag>true</ElvesWFlag> (or false) and <ElvesWResult>any text</ElvesWResult>.

answer() { # FLAG RESULT
    printf '<ElvesWResult>%s</ElvesWResult>\n<ElvesWFlag>%s</ElvesWFlag>\n' "$2" "$1"
}

# The string of field $2 in the flat JSON object $1; without escapes in it. For more than that take jq.
field() {
    printf '%s\n' "$1" | tr '\n' ' ' | sed -n 's/.*"'"$2"'"[[:space:]]*:[[:space:]]*"\([^"\\]*\)".*/\1/p'
}

# ---- Your functions: do_NAME, with the param as $1 -----------------------------------------------------------

do_helloword() { # {"my":"toryzen"} -> toryzen
    my=$(field "$1" my)
    if [ -n "$my" ]; then
        answer true "$my"
    else
        answer false 'give a param like {"my":"toryzen"}'
    fi
}

# ---- From here on only the list of names needs a change --------------------------------------------------------

if [ $# -ne 3 ]; then
    echo "usage: $0 APP FUNC BASE64PARAM|-" >&2
    exit 2
fi
if [ "$3" = - ]; then
    param=$(base64 -d)
else
    param=$(printf '%s' "$3" | base64 -d)
fi
case $2 in
helloword) "do_$2" "$param" ;;
*) answer false "no function $2; there are: helloword" ;;
esac
