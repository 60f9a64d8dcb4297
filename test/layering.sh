#!/usr/bin/env bash
# The arrows of the house: modules -> include/elves <- src. Each line that is printed is a wrong one.
set -u
cd "$(dirname "$0")/.."
wrong=0
forbid() { # WHAT, PATTERN, FILES...
    local what=$1 pattern=$2
    shift 2
    if grep -nE "$pattern" "$@" /dev/null; then
        echo "layering: $what"
        wrong=1
    fi
}
for folder in modules/*/; do
    name=$(basename "$folder")
    while IFS=: read -r file line include; do
        include=${include#*\"}
        include=${include%\"*}
        case $include in elves/* | "${name}_schema.hpp") continue ;; esac
        [ -e "$folder$include" ] && continue
        echo "$file:$line: $include"
        echo "layering: modules/$name includes something of src/ or of another module"
        wrong=1
    done < <(find "$folder" -name '*.?pp' ! -name '*_test.cpp' -print0 | xargs -0 grep -nHE '^#include "')
done
forbid "include/elves/ includes something of src/ or modules/" '^#include "(core|rpc|store|client|server|agent|ctl|log|modules)/' \
    $(find include -name '*.hpp')
forbid "src/core has no Asio" '^#include [<"](boost/asio|elves/asio)' $(find src/core -name '*.?pp' ! -name 'method_table.cpp')
forbid "only src/store includes sqlite3.h" '^#include <sqlite3.h>' $(find include src modules -name '*.?pp' ! -path 'src/store/*')
forbid "only src/log includes Boost.Log" '^#include <boost/log' $(find include src modules -name '*.?pp' ! -path 'src/log/*')
exit $wrong
