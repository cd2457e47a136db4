#!/usr/bin/env bash
# Prints the path of a llama-server that runs on this machine: the one in PATH, else one in the cache folder. When that is missing, or
# does not run, it is installed there from the newest Debian packages. Needs no root and changes no package of the system.
set -euo pipefail

fail() {
  echo "get-llama: $1 Install llama.cpp another way, so that llama-server is in PATH." >&2
  exit 3
}
runs() { [[ $("$1" --version 2>&1) == *"version: "* ]]; }

if found=$(command -v llama-server) && runs "$found"; then
  echo "$found"
  exit
fi

home=${XDG_CACHE_HOME:-$HOME/.cache}/lamina/llama
server=$home/root/usr/bin/llama-server
mkdir -p "$home"
exec 9>"$home/lock"
flock 9 # Another of these may be at work.
if runs "$server"; then
  echo "$server"
  exit
fi

command -v apt-get dpkg >/dev/null || fail 'This system does not have the packages of Debian.'
mirror=$({ grep -rhoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null || true; } | head -n 1 | tr -d ' ')
[ -n "$mirror" ] || fail 'The package sources of this system name no Debian mirror.'
keyring=$(ls /usr/share/keyrings/debian-archive-keyring.[gp][gp][gp] 2>/dev/null | head -n 1)
[ -n "$keyring" ] || fail "The keys of Debian's archive are not installed (package debian-archive-keyring)."

part=$home/part
rm -rf "$part"
mkdir -p "$part/apt/lists/partial" "$part/apt/archives/partial"
# apt with an empty system of its own, so that it fetches every library that llama-server needs, the C library too.
cat >"$part/apt/apt.conf" <<END
Dir::Etc::SourceList "$part/apt/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::State::Lists "$part/apt/lists";
Dir::State::status "/dev/null";
Dir::Cache "$part/apt";
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Acquire::Languages "none";
Debug::NoLocking "true";
END
echo "deb [signed-by=$keyring] $mirror sid main" >"$part/apt/sources.list"
export APT_CONFIG=$part/apt/apt.conf
echo 'get-llama: fetching llama.cpp from the Debian mirror of this system' >&2
{ apt-get -qq update && apt-get -qq -y --download-only install llama.cpp-tools patchelf; } >"$part/log" 2>&1 ||
  fail "The packages could not be fetched ($(tail -n 1 "$part/log"))."
for package in "$part"/apt/archives/*.deb; do dpkg -x "$package" "$part/root"; done

# Its libraries are newer than the system's, so DT_RPATH of every file is set to their directory. The DT_RUNPATH that Debian writes into
# some of them would override it. patchelf needs these libraries too, so it runs through their loader.
libraries=$(echo "$part"/root/usr/lib/*-linux-gnu)
loader=$(ls "$libraries"/ld-linux*.so.* | head -n 1)
patch() { "$loader" --library-path "$libraries" "$part/root/usr/bin/patchelf" --force-rpath "$@"; }
triplet=${libraries##*/}
for library in "$libraries"/lib{llama,mtmd}*.so.*.*; do patch --set-rpath '$ORIGIN' "$library"; done
for library in "$libraries"/llama/*.so; do patch --set-rpath '$ORIGIN/..:$ORIGIN' "$library"; done
patch --set-interpreter "$home/root/usr/lib/$triplet/${loader##*/}" --set-rpath "\$ORIGIN/../lib/$triplet:\$ORIGIN/../lib/$triplet/llama" "$part/root/usr/bin/llama-server"
# ggml searches for its CPU variants in a folder of the system, then in the folder of the executable.
for library in "$libraries"/ggml/backends*/*.so; do ln -s "../lib/$triplet/${library#"$libraries"/}" "$part/root/usr/bin/"; done

rm -rf "$home/root"
mv "$part/root" "$home/root"
rm -rf "$part"
runs "$server" || fail "The llama-server from Debian does not run here."
echo "$server"
