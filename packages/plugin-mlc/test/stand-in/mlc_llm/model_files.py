"""Opens the arguments of `serve`: device, directory, library; compiles a library when there is none."""
import hashlib
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile

from . import log

DEVICES = ["cuda", "rocm", "metal", "vulkan", "opencl", "cpu"]


def device_named(hint):
    for kind in DEVICES if hint == "auto" else [hint.split(":")[0]]:
        if kind not in DEVICES:
            raise ValueError(f"Invalid device name: {hint}")
        name = f"{kind}:{(hint.split(':') + ['0'])[1]}"
        asked = subprocess.run([sys.executable, "-m", "mlc_llm.cli.check_device", kind], capture_output=True, text=True, check=False)
        found = asked.stdout.strip().removeprefix("check_device:").split(",")
        if name.split(":")[1] in found:
            log.info("auto_device.py:82", f"\033[92mFound\033[0m device: {name}")
            return name
        log.info("auto_device.py:91", f"\033[91mNot found\033[0m device: {name}")
    raise ValueError(f"Device is not found on your local environment: {hint}")


def directory_named(model):
    path = pathlib.Path(model)
    if not path.is_dir():
        raise ValueError(f"Cannot find model {model}, directory does not exist")
    if not (path / "mlc-chat-config.json").is_file():
        raise ValueError(f"Cannot find {path / 'mlc-chat-config.json'} in the model directory provided.")
    return path


def read_config(path):
    try:
        return json.loads((path / "mlc-chat-config.json").read_text())
    except ValueError as error:
        raise ValueError(f"1 validation error for MLCChatConfig\n  Invalid JSON: {error} [type=json_invalid]") from None


def library_for(path, config, given, device, overrides):
    if given is not None:
        if not pathlib.Path(given).is_file():
            raise FileNotFoundError(f"The `model_lib` you passed in is not a file: {given}.\n")
        log.info("engine_base.py:142", f"Using library model: {given}")
        return given
    policy = log.jit_policy()
    log.info("jit.py:43", f"{log.bold('MLC_JIT_POLICY')} = {log.bold(policy)}. Can be one of: ON, OFF, REDO, READONLY")
    if policy == "OFF":
        raise RuntimeError("JIT is disabled by MLC_JIT_POLICY=OFF")
    home = pathlib.Path(os.environ.get("MLC_LLM_HOME", pathlib.Path.home() / ".cache" / "mlc_llm"))
    key = json.dumps([config, overrides, device], sort_keys=True)
    library = home / "model_lib" / f"{hashlib.md5(key.encode()).hexdigest()}.so"
    if library.is_file() and policy in ("ON", "READONLY"):
        log.info("jit.py:158", f"Using cached model lib: {log.bold(library)}")
        return str(library)
    if policy == "READONLY":
        raise RuntimeError("No cached model lib found, and JIT is disabled by MLC_JIT_POLICY=READONLY")
    compile_to(library, path, device)
    return str(library)


def compile_to(library, path, device):
    library.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=os.environ.get("MLC_TEMP_DIR")) as folder:
        output = os.path.join(folder, "lib.so")
        command = [sys.executable, "-m", "mlc_llm", "compile", str(path), "--opt", "O2", "--overrides", "", "--device", device, "--output", output]
        log.info("jit.py:118", "Compiling using commands below:")
        log.info("jit.py:119", f"\033[94m{shlex.join(command)}\033[0m")
        subprocess.run(command, check=False)
        if not os.path.isfile(output):
            raise RuntimeError("Cannot find compilation output, compilation failed")
        shutil.move(output, library)
        log.info("jit.py:126", f"Using compiled model lib: {log.bold(library)}")


def read_weights(path):
    """The sentence that the model generates."""
    shards = [name for name in ("tensor-cache.json", "ndarray-cache.json") if (path / name).is_file()]
    if not shards:
        raise RuntimeError(f"Check failed: (!fs.fail()) is false: Cannot open {path / 'tensor-cache.json'}")
    return (path / "params_shard_0.bin").read_text()
