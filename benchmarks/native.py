"""llama.cpp's own server with its own tool calling, out of xllamacpp, as a process of its own.

    python -m benchmarks.native <model file> [<tag>]

Prints its base URL and serves until killed. It is what one would use without toolbridge, and knows
the model's tokens (``POST /tokenize``).

With ``tag`` the model's own template is changed in one thing: calls stand in ``<tag>`` in place of
``<tool_call>``, which Qwen2.5-Coder hardly ever writes. llama.cpp works out from the template what
to look for, so both ends follow.
"""

from __future__ import annotations

import platform
import struct
import sys
import threading
from pathlib import Path

CONTEXT = 8192
HEADER_BYTES = 16 * 1024 * 1024
TEMPLATE_KEY = b"tokenizer.chat_template"


def serve(model: str, tag: str = "") -> None:
    """Serve with the settings that toolbridge loads the model with, but with its template."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = model
    params.n_parallel, params.n_ctx = 1, CONTEXT
    params.n_batch = params.n_ubatch = 64
    params.verbosity = -1
    params.no_extra_bufts = platform.machine() in {"x86_64", "AMD64"}
    params.use_jinja = True
    if tag:
        params.chat_template = template_of(Path(model)).replace("tool_call>", f"{tag}>")
    params.ui = False
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    server = xllamacpp.Server(params)
    print(f"{server.listening_address.rstrip('/')}/v1", flush=True)
    threading.Event().wait()


def template_of(model: Path) -> str:
    """The chat template in a GGUF file: a key, the type of a string, its length, the string.

    Source: ggml's ``docs/gguf.md``.
    """
    with model.open("rb") as file:
        header = file.read(HEADER_BYTES)
    place = header.index(TEMPLATE_KEY) + len(TEMPLATE_KEY)
    _, length = struct.unpack_from("<IQ", header, place)
    return header[place + 12 : place + 12 + length].decode()


if __name__ == "__main__":
    serve(*sys.argv[1:])
