"""Logs in the format of MLC-LLM: to standard error, always coloured."""
import os
import sys
import time


def info(file, text):
    print(time.strftime(f"[%Y-%m-%d %H:%M:%S] INFO {file}: {text}"), file=sys.stderr, flush=True)


def native(line, text):
    """A line of the C++ code."""
    print(time.strftime(f"[%H:%M:%S] /workspace/mlc-llm/cpp/serve/config.cc:{line}: {text}"), file=sys.stderr, flush=True)


def server(level, text):
    """A line of uvicorn."""
    print(f"{level + ':':<9} {text}", file=sys.stderr, flush=True)


def bold(text):
    return f"\033[1m{text}\033[0m"


def jit_policy():
    return os.environ.get("MLC_JIT_POLICY", "ON")
