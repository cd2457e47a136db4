"""`mlc_llm compile`: creates a model library; here one that only contains its target."""
import argparse
import json
import pathlib

QUANTIZATIONS = ["q0f16", "q0f32", "q3f16_1", "q4f16_0", "q4f16_1", "q4f32_1"]


def main(argv):
    parser = argparse.ArgumentParser("mlc_llm compile")
    parser.add_argument("model")
    for flag in ("--opt", "--overrides", "--device", "--output"):
        parser.add_argument(flag)
    parsed = parser.parse_args(argv)
    config = json.loads((pathlib.Path(parsed.model) / "mlc-chat-config.json").read_text())
    if config["quantization"] not in QUANTIZATIONS:
        raise ValueError(f"Unknown quantization: {config['quantization']}")
    pathlib.Path(parsed.output).write_text(f"library of {config['model_type']} for {parsed.device}")
