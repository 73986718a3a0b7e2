"""The process that holds llama.cpp: a script, run by `LlamaServer`, that needs only xllamacpp.

It gets its settings as JSON in its one argument, writes the address it serves on to standard
output once it is ready, and ends when its standard input does: when the parent closes the pipe,
or is gone, however it went. It always ends by ``os._exit``, because llama.cpp's threads hang or
crash the interpreter's own exit.
"""

import json
import os
import signal
import sys
import threading
import time
from types import TracebackType
from typing import Any


def main() -> None:
    """Serve until standard input ends."""
    sys.excepthook = _die
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches both: the parent decides
    report = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever the library prints is no report
    watch = threading.Thread(target=_exit_with_parent)
    watch.start()
    server = _serve(json.loads(sys.argv[1]))
    os.write(report, f"{server.listening_address}\n".encode())
    watch.join()


def _serve(settings: dict[str, Any]) -> Any:
    """Load the weights and listen on a free port of the loopback."""
    import xllamacpp as llama

    params = llama.CommonParams()
    params.model.path = settings["path"]
    params.model_alias = {settings["alias"]}  # else replies would show the path
    params.n_ctx = settings["n_ctx"]
    params.cpuparams.n_threads = settings["n_threads"]
    params.cpuparams_batch.n_threads = settings["n_threads"]
    params.cache_type_k = llama.ggml_type[f"GGML_TYPE_{settings['cache_type_k'].upper()}"]
    params.cache_type_v = llama.ggml_type[f"GGML_TYPE_{settings['cache_type_v'].upper()}"]
    params.flash_attn_type = llama.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_ENABLED
    params.n_parallel = 1  # calls in one batch would change each other's last digits
    params.n_gpu_layers = 0  # the same answers whatever GPU there is
    params.no_op_offload = True
    params.fit_params = False  # else it loads twice to see what fits
    params.cache_ram_mib = 0  # a store of earlier prompts, up to 8 GiB by default
    params.n_threads_http = 2
    params.ui = False
    params.endpoint_slots = False
    params.warmup = False
    params.verbosity = 1  # errors only
    return llama.Server(params)


def _exit_with_parent() -> None:
    """Block until standard input ends, then end the process."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os._exit(0)


def _die(kind: type[BaseException], value: BaseException, _: TracebackType | None) -> None:
    """Say which error nothing caught, in one line, and end the process."""
    sys.stderr.write(f"{kind.__name__}: {value}\n")
    sys.stderr.flush()
    time.sleep(0.3)  # llama.cpp writes its reasons from a thread of its own
    os._exit(1)


if __name__ == "__main__":
    main()
