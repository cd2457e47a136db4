"""`python -m mlc_llm.cli.check_device cuda`: the devices of a kind, in a process that may crash. The stand-in runs on the CPU."""
import sys

if __name__ == "__main__":
    print(f"check_device:{'0' if sys.argv[1] == 'cpu' else ''}")
