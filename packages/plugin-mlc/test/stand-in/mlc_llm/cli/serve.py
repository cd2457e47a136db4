"""`mlc_llm serve`: loads the model first, then listens."""
import argparse
import json

from .. import log, model_files
from ..engine import Engine
from ..http_server import run

COUNTS = [
    "max_num_sequence", "max_total_seq_length", "prefill_chunk_size", "max_history_size", "spec_draft_length", "spec_tree_width",
    "prefix_cache_max_num_recycling_seqs", "context_window_size", "sliding_window_size", "attention_sink_size", "tensor_parallel_shards", "pipeline_parallel_stages",
]


def overrides_from(source):
    """`k=v;k=v`, parsed as separate options."""
    parser = argparse.ArgumentParser(description="Engine config override values")
    for name in COUNTS:
        parser.add_argument(f"--{name}", type=int)
    parser.add_argument("--gpu_memory_utilization", type=float)
    for name in ("prefix_cache_mode", "prefill_mode", "opt"):
        parser.add_argument(f"--{name}")
    return vars(parser.parse_args([f"--{part}" for part in source.split(";") if part]))


def parse(argv):
    parser = argparse.ArgumentParser("MLC LLM Serve CLI")
    parser.add_argument("model")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--model-lib")
    parser.add_argument("--mode", choices=["local", "interactive", "server"], default="local")
    parser.add_argument("--enable-debug", action="store_true")
    parser.add_argument("--additional-models", nargs="*", default=[])
    parser.add_argument("--embedding-model")
    parser.add_argument("--embedding-model-lib")
    parser.add_argument("--speculative-mode", choices=["disable", "small_draft", "eagle", "medusa"], default="disable")
    parser.add_argument("--prefix-cache-mode", choices=["disable", "radix"], default="radix")
    parser.add_argument("--prefill-mode", choices=["hybrid", "chunked"], default="hybrid")
    parser.add_argument("--overrides", type=overrides_from, default="")
    parser.add_argument("--enable-tracing", action="store_true")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--allow-credentials", action="store_true")
    for flag in ("--allow-origins", "--allow-methods", "--allow-headers"):
        parser.add_argument(flag, type=json.loads, default=["*"])
    parser.add_argument("--api-key")
    return parser.parse_args(argv)


def main(argv):
    options = parse(argv)
    device = model_files.device_named(options.device)
    for name, library in [(options.model, options.model_lib), *(part.partition(",")[::2] for part in options.additional_models)]:
        path = model_files.directory_named(name)
        model_files.library_for(path, model_files.read_config(path), library or None, device, options.overrides)
    path = model_files.directory_named(options.model)
    engine = Engine(model_files.read_weights(path), limits_of(options, model_files.read_config(path)))
    run(options, engine)


def limits_of(options, config):
    """The values of a mode: concurrent requests, their total tokens, and the longest prompt."""
    said = options.overrides
    window = said["context_window_size"] or config["context_window_size"]
    batch, room = {"local": (4, min(window, 8192)), "interactive": (1, window), "server": (80, 8 * window)}[options.mode]
    batch, room = said["max_num_sequence"] or batch, said["max_total_seq_length"] or room
    log.info("engine_base.py:178", f"The selected engine mode is \033[92m{options.mode}\033[0m. We choose small max batch size and KV cache capacity to use less GPU memory.")
    log.native(879, f'The actual engine mode is "{options.mode}". So max batch size is {batch}, max KV cache token capacity is {room}, prefill chunk size is {min(window, 2048)}.')
    weights, there = config.get("stand_in_megabytes", 1), 1024
    if weights > there:
        sizes = f"is {there}.000 MB, which is less than the sum of model weight size ({weights}.000 MB) and temporary buffer size (200.000 MB)."
        raise RuntimeError(f"Insufficient GPU memory error: The available single GPU memory {sizes}\n1. You can set a larger \"gpu_memory_utilization\" value.\n")
    log.native(884, f"Estimated total single GPU memory usage: {weights + 200}.000 MB (Parameters: {weights}.000 MB. KVCache: 100.000 MB. Temporary buffer: 100.000 MB).")
    return {"batch": batch, "longest": min(window, room)}
