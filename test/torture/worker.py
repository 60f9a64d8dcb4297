"""The worker of torture and crash points: it writes down what it does, so that it can be seen from outside."""

WORKER = r'''#!/bin/sh
# Lines so short that they are appended whole; a killed process takes none of them along.
token=$(printf %s "$3" | base64 -d)
say() { echo "$1 $token $ELVES_TASK_ID $2" >>../../work.log; }
answer() {
    say end "$1"
    [ "$1" = 1 ] && word=true || word=false
    printf '<ElvesWFlag>%s</ElvesWFlag>\n<ElvesWResult>did %s</ElvesWResult>\n' "$word" "$token"
}
say start -
case $2 in
slow) sleep 0.3 ;;
long) sleep 3 ;;
die) kill -9 $$ ;;
esac
[ "$2" = no ] && answer 0 || answer 1
'''


def read_work(path):
    """The lines of one agent's workers, as evidence."""
    lines = []
    try:
        with open(path, encoding="utf-8") as file:
            for line in file:
                event, token, task, flag = line.split()
                lines.append({"event": event, "token": token, "id": task, "flag": None if flag == "-" else int(flag)})
    except FileNotFoundError:
        pass
    return lines
