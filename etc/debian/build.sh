#!/usr/bin/env bash
# Makes the packages of the commit that is checked out, in build/package. The same commit makes the same bytes: all times
# in them are those of the changelog's last entry.
set -euo pipefail
cd "$(dirname "$0")/../.."

out=$PWD/build/package
version=$(dpkg-parsechangelog -l etc/debian/changelog -S Version)
tree=$out/elves-$version
declared=$(sed -n 's/^project(elves VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
[ "$declared" = "$version" ] || { echo "etc/debian/changelog says $version, CMakeLists.txt $declared" >&2 && exit 1; }
[ -z "$(git status --porcelain)" ] || echo "note: what is not committed is not in the packages" >&2

rm -rf "$out"
mkdir -p "$tree"
git archive HEAD | tar -x -C "$tree"
mv "$tree/etc/debian" "$tree/debian"
rm "$tree/debian/build.sh" "$tree/debian/check.sh"

SOURCE_DATE_EPOCH=$(dpkg-parsechangelog -l "$tree/debian/changelog" -S Timestamp)
export SOURCE_DATE_EPOCH
# debhelper builds with another home folder, where ccache would find nothing.
CCACHE_DIR=${CCACHE_DIR:-$(ccache --get-config cache_dir 2>/dev/null || true)}
export CCACHE_DIR
# Same modes whatever the umask, and no one's locale, time zone or proxy in what is made.
umask 022
log=$out/build.log
if ! (cd "$tree" && LC_ALL=C.UTF-8 TZ=UTC dpkg-buildpackage -b -us -uc) >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    echo "the build failed; all of it is in $log" >&2
    exit 1
fi
lintian --allow-root --tag-display-limit 0 --fail-on error,warning "$out"/elves_*.changes
(cd "$out" && sha256sum -- *.deb)
