#!/usr/bin/env bash
# Prints a folder with the requested programs, to put before PATH: `get-programs.sh nginx docker-registry chromium`. Missing ones
# are installed into the cache folder from the Debian packages of this system. Needs no root and changes no package of the system.
set -euo pipefail

# fail <reason> <program…>
fail() {
  local why=$1
  shift
  echo "get-programs: $why Install $* another way, so that they are in PATH." >&2
  exit 3
}
package_of() { if [ "$1" = aria2c ]; then echo aria2; else echo "$1"; fi; }
# Debian installs servers in a folder that is in the PATH of root only.
find_program() { PATH=$PATH:/usr/sbin:/usr/local/sbin command -v "$1"; }

home=${XDG_CACHE_HOME:-$HOME/.cache}/lamina/programs
bin=$home/bin
mkdir -p "$bin"
exec 9>"$home/lock"
flock 9 # Another of these may be at work.

missing=()
for program in "$@"; do
  if [ -x "$bin/$program" ]; then continue; fi
  if found=$(find_program "$program"); then ln -sf "$found" "$bin/$program"; else missing+=("$program"); fi
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "$bin"
  exit
fi

set -- "${missing[@]}"
command -v apt-get dpkg >/dev/null || fail 'This system does not have the packages of Debian.' "$@"
part=$home/part
rm -rf "$part"
mkdir -p "$part/lists/partial" "$part/archives/partial"
trap 'rm -rf "$part"' EXIT
# The sources and installed packages of the system, so that only missing ones are fetched; lists and packages are stored elsewhere.
apt=(apt-get -qq -o "Dir::State::Lists=$part/lists" -o "Dir::Cache=$part" -o APT::Install-Recommends=false -o APT::Sandbox::User=root -o Acquire::Languages=none -o Debug::NoLocking=true)
echo "get-programs: fetching $* from the Debian mirror of this system" >&2
{ "${apt[@]}" update && "${apt[@]}" -y --download-only install $(for program in "$@"; do package_of "$program"; done); } >"$part/log" 2>&1 ||
  fail "The packages could not be fetched ($(tail -n 1 "$part/log"))." "$@"
for package in "$part"/archives/*.deb; do dpkg -x "$package" "$home/root"; done

# pulseaudio: libraries of Chromium that their own libraries find by a fixed path.
libraries=$(shopt -s nullglob && IFS=: && folders=("$home"/root/usr/lib/*-linux-gnu{,/pulseaudio}) && echo "${folders[*]}")
environment=LD_LIBRARY_PATH=$libraries
if [ -d "$home/root/usr/share/fonts" ]; then
  # A system without fonts: those of the packages are used, with the families that the packages prefer.
  cat >"$home/fonts.conf" <<EOF
<fontconfig>
  <dir>$home/root/usr/share/fonts</dir>
  <include>$home/root/usr/share/fontconfig/conf.avail/60-latin.conf</include>
  <cachedir>$home/fonts-cache</cachedir>
</fontconfig>
EOF
  environment+=" FONTCONFIG_FILE=$home/fonts.conf"
fi
for program in "$@"; do
  # /usr/bin/chromium is a script that starts /usr/lib/chromium/chromium of the system.
  real=$(find "$home/root/usr/lib/$program" "$home/root/usr/bin" "$home/root/usr/sbin" -maxdepth 1 -name "$program" ! -type d 2>/dev/null | head -n 1 || true)
  [ -n "$real" ] || fail "The package of $program does not hold it." "$program"
  printf '#!/bin/sh\n%s exec %s "$@"\n' "$environment" "$real" >"$bin/$program.new"
  chmod +x "$bin/$program.new"
  mv "$bin/$program.new" "$bin/$program"
done
echo "$bin"
