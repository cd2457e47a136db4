"""The command `mlc_llm`, also as `python -m mlc_llm`. It has no --version."""
import argparse
import importlib
import sys

COMMANDS = ["compile", "convert_weight", "gen_config", "chat", "serve", "package", "calibrate", "router"]


def main():
    parser = argparse.ArgumentParser("MLC LLM Command Line Interface.")
    parser.add_argument("subcommand", choices=COMMANDS, help="Subcommand to to run. (choices: %(choices)s)")
    command = parser.parse_args(sys.argv[1:2]).subcommand
    if command not in ("serve", "compile"):
        sys.exit(f"The stand-in has no {command}.")
    importlib.import_module(f"mlc_llm.cli.{command}").main(sys.argv[2:])


if __name__ == "__main__":
    main()
