"""``python -m benchmarks.peers <litellm>``: the streams once more, beside LiteLLM's proxy.

``litellm`` is the proxy's console script, in an environment of its own. It speaks to the same
scripted upstream with its defaults, but for the log. Writes ``PEERS.md``.
"""

from __future__ import annotations

import argparse
import re
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import wire
from benchmarks.__main__ import machine, versions
from benchmarks.figures import results
from benchmarks.processes import KEY, Server, environment, passthrough, streaming, upstream

if TYPE_CHECKING:
    from collections.abc import Iterator

WRITTEN = Path(__file__).with_name("PEERS.md")
PATIENCE = 180.0
CONFIG = """\
model_list:
  - model_name: "*"
    litellm_params:
      model: openai/*
      api_base: {upstream}
      api_key: none
litellm_settings:
  drop_params: true
general_settings:
  master_key: {key}
"""

HEAD = """\
# Beside LiteLLM's proxy

Written by `make bench-peers`: the streams of RESULTS.md, measured again with LiteLLM's proxy \
({version}) as one more side. The proxy passes text through and calls no tools: it does less.
"""


@contextmanager
def proxy(litellm: Path, upstream_url: str) -> Iterator[Server]:
    """The running proxy."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as place:
        config = Path(place, "config.yaml")
        config.write_text(CONFIG.format(upstream=upstream_url, key=f"sk-{KEY}"), encoding="utf-8")
        # The console script is run by its interpreter: its process is then the server's.
        command = [str(litellm.with_name("python")), str(litellm), "--config", str(config)]
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)],
            cwd=place,
            env=environment(
                {"LITELLM_LOG": "ERROR", "PYTHONPATH": "", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
            ),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait(process, f"http://127.0.0.1:{port}/health/liveliness")
            yield Server(f"http://127.0.0.1:{port}/v1", process.pid, f"sk-{KEY}")
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process: subprocess.Popen[bytes], url: str) -> None:
    begun = time.monotonic()
    while process.poll() is None and time.monotonic() - begun < PATIENCE:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError("LiteLLM's proxy does not answer")


def version_of(litellm: Path) -> str:
    command = [
        str(litellm.with_name("python")),
        "-c",
        "import importlib.metadata as m; print(m.version('litellm'))",
    ]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"[\d.]+\w*", told)
    return found[0] if found else "unknown"


def main() -> int:
    parser = argparse.ArgumentParser(prog="peers", description="Measure beside LiteLLM's proxy.")
    parser.add_argument("litellm", type=Path)
    parser.add_argument("--quick", action="store_true", help="do less, write nothing")
    given = parser.parse_args()
    litellm = given.litellm.absolute()
    effort = wire.QUICK if given.quick else wire.Effort(rounds=5, gap=10)
    with (
        upstream() as source,
        passthrough(source.url) as passed,
        streaming(source.url) as ours,
        proxy(litellm, source.url) as peer,
    ):
        sides = {wire.DIRECT: source, wire.PASSED: passed, wire.OURS: ours, wire.PEER: peer}
        table = results(wire.rows(wire.measure(sides, source, effort)))
    head = HEAD.format(version=version_of(litellm))
    text = f"{head}\n{table}\n\n## Where\n\n{machine()}. {versions()}.\n"
    print(text)
    if not given.quick:
        WRITTEN.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
