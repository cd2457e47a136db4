#!/bin/sh
# Installs the stand-in for MLC-LLM into a virtual environment in the given folder, and prints the path of its script. Needs python3.
set -eu
here=$(dirname "$0")
python3 -m venv --without-pip "$1"
site=$("$1/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
cp -r "$here/mlc_llm" "$site/"
mkdir "$site/mlc_llm_nightly_cpu-0.20.dev0.dist-info"
printf 'Metadata-Version: 2.1\nName: mlc-llm-nightly-cpu\nVersion: 0.20.dev0\n' >"$site/mlc_llm_nightly_cpu-0.20.dev0.dist-info/METADATA"
printf '#!%s/bin/python\nfrom mlc_llm.__main__ import main\nmain()\n' "$(cd "$1" && pwd)" >"$1/bin/mlc_llm"
chmod +x "$1/bin/mlc_llm"
echo "$1/bin/mlc_llm"
