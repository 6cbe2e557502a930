#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs the packages of packages.txt that are missing: those to build and run, and with the
# argument "check" also those of scripts/check.sh.
. "$(dirname "$0")/lib.sh"

wanted() { awk -v sets=" build run ${1:-} " 'NF && index(sets, " " $1 " ") {print $2}' scripts/packages.txt; }

installed() { dpkg-query -W -f '${db:Status-Status} ${Package}\n' 2>/dev/null | sed -n 's/^installed //p'; }

missing() { comm -23 <(wanted "$@" | sort -u) <(installed | sort -u); }

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

apt() { quietly build/apt.log as_root env DEBIAN_FRONTEND=noninteractive apt-get -q "$@"; }

# Packages of the set "check" may be unknown to other releases: their steps are skipped.
known() {
    local package
    for package in "$@"; do
        if apt-cache show "$package" >/dev/null 2>&1; then
            say "$package"
        else
            say "not in this release: $package" >&2
        fi
    done
}

if ! have apt-get; then
    say "no apt-get here: please install what scripts/packages.txt lists" >&2
    exit 0
fi
mapfile -t packages < <(missing "$@")
[ ${#packages[@]} -gt 0 ] || exit 0
mkdir -p build
say "asking apt for ${#packages[@]} packages"
apt update
mapfile -t packages < <(known "${packages[@]}")
[ ${#packages[@]} -gt 0 ] || exit 0
say "installing: ${packages[*]}"
apt install -y --no-install-recommends "${packages[@]}"
