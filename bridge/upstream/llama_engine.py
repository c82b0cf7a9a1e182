"""Loading llama.cpp: the one place that knows ``xllamacpp``.

The library is imported only here and only when a model is loaded: it is an extra.
"""

from __future__ import annotations

import os
import platform
import secrets
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from bridge.upstream.chatml import START
from bridge.upstream.llama_model import ModelUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

_BATCH = 64
"""Prompt tokens read at a stretch: 0.6 s on two cores. Smaller loses speed (32: a quarter), larger
makes a cancelled request linger and the other slot's reply stutter."""

_PROMPT_CACHE_MIB = 512
"""Memory for the prompts of conversations that lost their slot: about 18,000 tokens."""

_SPINS = "1000"
"""How long a thread of llama.cpp spins for the others before it sleeps. GNU OpenMP's own choice is
many times more: it gains next to nothing on an idle machine, and beside another busy process each
thread burns the time that the one it waits for needs (2 to 7 tokens/s in place of 9 to 14)."""

_HEADER_BYTES = 16 * 1024 * 1024
"""More than a GGUF header with its vocabulary takes (6 MB for Qwen2.5)."""

_UNIX_PATH_BYTES = 100
"""The shortest limit of a socket's path among the systems in use is 104."""


class Engine(Protocol):
    """The part of ``xllamacpp.Server`` that is used."""

    def handle_completions(
        self, prompt: dict[str, Any], callback: Callable[[dict[str, Any]], bool] | None = None
    ) -> object:
        """Answer, blocking; each chunk goes to ``callback``, which says True to stop."""
        ...


def check_file(path: Path) -> None:
    """Raise ``ModelUnavailable`` unless this is a GGUF file of a model that speaks ChatML."""
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except OSError as error:
        raise ModelUnavailable(
            f"The model file {path} cannot be read: {error.strerror}."
        ) from error
    if not header.startswith(b"GGUF"):
        raise ModelUnavailable(f"The model file {path} is not a GGUF file.")
    if START.encode() not in header:
        raise ModelUnavailable(f"The model in {path} does not use the ChatML prompt format.")


def load_engine(path: Path, *, slots: int, context: int, threads: int | None) -> Engine:
    """A running ``xllamacpp.Server``; raises ``ModelUnavailable``."""
    library = _library()
    params = library.CommonParams()
    params.model.path = str(path)
    params.n_parallel, params.n_ctx = slots, slots * context
    params.n_batch = params.n_ubatch = _BATCH
    params.cache_ram_mib = _PROMPT_CACHE_MIB
    params.verbosity = -1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads or -1
    # On x86 the repacked copy of the weights costs 600 MB and reads prompts a fifth slower.
    params.no_extra_bufts = platform.machine() in {"x86_64", "AMD64"}
    # The library cannot do without an HTTP listener. It gets a socket in a private directory
    # that is gone once the model is loaded, and a key that nobody knows.
    params.ui = params.endpoint_slots = False
    params.api_keys = [secrets.token_urlsafe(32)]
    params.port = 0
    with tempfile.TemporaryDirectory(prefix="toolbridge-") as folder:
        address = str(Path(folder, "llama.sock"))
        if hasattr(socket, "AF_UNIX") and len(address.encode()) <= _UNIX_PATH_BYTES:
            params.hostnames = [address]
        try:
            engine: Engine = library.Server(params)
            # Freeing an engine whose main loop does not run yet hangs; an answer shows it does.
            engine.handle_completions({"prompt": START, "max_tokens": 1})
        except RuntimeError as error:
            raise ModelUnavailable(
                f"The model file {path} cannot be loaded: it is damaged or memory is short."
            ) from error
    return engine


def _library() -> Any:
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _SPINS)  # read when the library is loaded
    try:
        import xllamacpp
    except ModuleNotFoundError as error:
        raise ModelUnavailable(
            "The embedded model needs an extra package: pip install 'toolbridge[local]'."
        ) from error
    except ImportError as error:  # e.g. libgomp.so.1 is missing in a slim container
        raise ModelUnavailable(f"The package xllamacpp does not load: {error}.") from error
    return xllamacpp
