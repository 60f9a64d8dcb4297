#!/bin/sh
# A function that passes on text of others: its result goes to the descriptor ELVES_RESULT_FD, where nothing that
# is in the text can end the result or say what came of the task.
#
# The agent runs it as   echo.sh APP FUNC PARAM   with PARAM in base64, or `-` and the base64 on standard input.
{
    printf '<ElvesWResult>'
    if [ "$3" = - ]; then base64 -d; else printf '%s' "$3" | base64 -d; fi
    printf '</ElvesWResult>'
} >&"$ELVES_RESULT_FD"
