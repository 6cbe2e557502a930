#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds Mesa's Vulkan drivers for Adreno (turnip) and Mali (panvk) with the shims that stand for
# their kernel drivers, so that the vendor report can ask their compilers. From Debian's sources, in
# build/mesa; nothing is installed. About seven minutes on two cores.
. "$(dirname "$0")/lib.sh"

have apt-get && have dpkg-source || skip "no apt-get and dpkg-source here"
have meson && have ninja || skip "no meson and ninja here"
mkdir -p build/mesa/lists/partial build/mesa/debs
cd build/mesa
multiarch=$(dpkg-architecture -qDEB_HOST_MULTIARCH)
readonly here=$PWD root=$PWD/root libraries=$PWD/root/usr/lib/$multiarch

tools=(bison flex m4 libfl2 python3-mako python3-markupsafe)
libs=(libdrm2 libdrm-dev libexpat1 libexpat1-dev libzstd1 libzstd-dev zlib1g zlib1g-dev)

# Debian's list of sources, beside the system's lists and not among them.
sources() {
    apt-get -q -o Dir::Etc::SourceList="$here/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State::Lists="$here/lists" "$@"
}

# In these, && because quietly's commands do not stop at an error.
fetch() {
    . /etc/os-release &&
        say "deb-src http://deb.debian.org/debian $VERSION_CODENAME main" >sources.list &&
        sources update && sources source --download-only mesa &&
        (cd debs && apt-get -q download "${tools[@]}" "${libs[@]}")
}

unpack() {
    local deb
    rm -rf root source
    for deb in debs/*.deb; do
        dpkg -x "$deb" root || return
    done
    cp -a root/lib/. root/usr/lib/ && sed -i "s|=/usr|=$root/usr|" "$libraries"/pkgconfig/*.pc &&
        dpkg-source --no-check -x mesa_*.dsc source
}

configure() {
    rm -rf build
    meson setup build source --buildtype=plain -Doptimization=1 -Db_ndebug=true \
        -Dtools=drm-shim -Dvulkan-drivers=freedreno,panfrost -Dgallium-drivers= -Dplatforms= \
        -Dvideo-codecs= -Dopengl=false -Dllvm=disabled -Dshared-glapi=disabled \
        -Dglx=disabled -Degl=disabled -Dgbm=disabled -Dgles1=disabled -Dgles2=disabled
}

compile() {
    local driver targets=()
    for driver in freedreno panfrost; do
        targets+=("src/$driver/vulkan/libvulkan_$driver.so")
        targets+=("src/$driver/drm-shim/lib${driver}_noop_drm_shim.so")
    done
    ninja -C build "${targets[@]}"
}

# What the loader reads; the report looks for it.
describe() {
    printf '{"file_format_version": "1.0.0", "ICD": {"api_version": "1.1.0", "library_path": "%s"}}\n' \
        "$here/build/src/$1/vulkan/libvulkan_$1.so" >"$1.json"
}

say "fetching Mesa's sources and what builds them"
quietly fetch.log fetch
quietly unpack.log unpack
export PATH=$root/usr/bin:/usr/bin:/bin PYTHONPATH=$root/usr/lib/python3/dist-packages
export BISON_PKGDATADIR=$root/usr/share/bison M4=$root/usr/bin/m4
export PKG_CONFIG_LIBDIR=$libraries/pkgconfig LIBRARY_PATH=$libraries LD_LIBRARY_PATH=$libraries
say "building"
quietly configure.log configure
quietly compile.log compile
describe freedreno
describe panfrost
say "in build/mesa"
