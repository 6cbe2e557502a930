#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What an engine sees: the installed library through pkg-config, shared and static, and the project as
# a meson subproject. Each builds examples/hello.c and runs it.
. "$(dirname "$0")/../lib.sh"

build release
root=$PWD/build/installed
rm -rf "$root" build/engine
meson install -C build/release --destdir "$root" --quiet
pc=$(find "$root" -name gyre.pc)
[ -n "$pc" ] || fail "no gyre.pc was installed"
libdir=$(dirname "$(dirname "$pc")")
export PKG_CONFIG_PATH=${pc%/*} PKG_CONFIG_SYSROOT_DIR=$root GYRE_DEVICE=cpu

hello() { # NAME: runs it and wants a result
    "$@" | grep 'out\[0..3\]' || fail "hello printed no result"
}

read -ra flags < <(pkg-config --cflags --libs gyre)
cc -std=c11 examples/hello.c "${flags[@]}" -o build/hello-shared
LD_LIBRARY_PATH=$libdir hello build/hello-shared

read -ra cflags < <(pkg-config --cflags gyre)
read -ra private < <(pkg-config --static --libs-only-l gyre)
libs=()
for flag in "${private[@]}"; do
    [ "$flag" = -lgyre ] && flag=$libdir/libgyre.a
    libs+=("$flag")
done
g++ -x c -std=c11 examples/hello.c -x none "${cflags[@]}" -L "$libdir" "${libs[@]}" -o build/hello-static
hello build/hello-static

mkdir -p build/engine/subprojects
ln -s "$PWD" build/engine/subprojects/gyre
cp examples/hello.c build/engine/
cat >build/engine/meson.build <<'END'
project('engine', 'c')
executable('hello', 'hello.c', dependencies: dependency('gyre', fallback: ['gyre', 'gyre_dep']))
END
unset PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR
quietly build/engine.log meson setup build/engine/build build/engine -Dgyre:tests=disabled
quietly build/engine.log meson compile -C build/engine/build
hello build/engine/build/hello
say "shared, static and subproject"
