"""The processes that are measured: started, asked for their time and memory, stopped."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

ROOT = Path(__file__).parent.parent
KEY = "0000"
TOOLBRIDGE = "from bridge.cli import main; raise SystemExit(main())"
"""The console script, for environments in which it is not installed."""

_URL = re.compile(r"http://127\.0\.0\.1:\d+(?:/v1)?")
_PROC = Path("/proc")


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's own, without settings of toolbridge or proxies that may be in it."""
    own = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("TOOLBRIDGE_") and not name.lower().endswith("_proxy")
    }
    return {**own, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **(extra or {})}


def python(*arguments: str) -> list[str]:
    return [sys.executable, *arguments]


def toolbridge(*arguments: str) -> list[str]:
    return python("-c", TOOLBRIDGE, *arguments)


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its base URL, its key, and what the system knows of its process."""

    url: str
    pid: int
    key: str = KEY

    @property
    def address(self) -> tuple[str, int]:
        host, _, port = self.url.removeprefix("http://").partition("/")[0].partition(":")
        return host, int(port)

    def cpu(self) -> float:
        """Seconds of processor time that all its threads have had."""
        tasks = _PROC / str(self.pid) / "task"
        if tasks.is_dir() and (tasks / str(self.pid) / "schedstat").is_file():
            spent = [(task / "schedstat").read_text().split()[0] for task in tasks.iterdir()]
            return sum(map(int, spent)) / 1e9
        return _clock(_ps(self.pid, "time"))

    def memory(self) -> int:
        """Bytes resident."""
        return int(_ps(self.pid, "rss")) * 1024


def _ps(pid: int, column: str) -> str:
    command = ["ps", "-o", f"{column}=", "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _clock(text: str) -> float:
    """``[[days-]hours:]minutes:seconds[.hundredths]`` in seconds."""
    days, _, rest = text.rpartition("-")
    seconds = 0.0
    for part in rest.split(":"):
        seconds = seconds * 60 + float(part)
    return seconds + 86400 * int(days or 0)


@contextmanager
def started(
    command: Sequence[str], extra: Mapping[str, str] | None = None, *, errors: int | None = None
) -> Iterator[Server]:
    """Run a command until the end of the block; it is up when it prints a URL of this machine.

    Its log goes to ``errors``, a file descriptor, or nowhere.
    """
    with tempfile.TemporaryDirectory() as place:
        process = subprocess.Popen(
            command,
            cwd=place,
            env=environment(extra),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if errors is None else errors,
            text=True,
        )
        assert process.stdout is not None
        try:
            yield Server(_announced(process.stdout, command), process.pid)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()


def _announced(lines: Iterator[str], command: Sequence[str]) -> str:
    for line in lines:
        if found := _URL.search(line):
            return found[0]
    raise RuntimeError(f"{' '.join(command[:6])} … ended before it served anything")


@contextmanager
def upstream() -> Iterator[Server]:
    """The scripted upstream."""
    with started(python("-m", "benchmarks.upstream")) as server:
        yield server


@contextmanager
def passthrough(upstream_url: str) -> Iterator[Server]:
    """The byte pass-through in front of it."""
    with started(python("-m", "benchmarks.passthrough", upstream_url)) as server:
        yield server


@contextmanager
def bridge(upstream_url: str, extra: Mapping[str, str] | None = None) -> Iterator[Server]:
    """``toolbridge serve`` in front of it, passing every model's name through."""
    settings = {"TOOLBRIDGE_API_KEYS": KEY, "TOOLBRIDGE_CONCURRENCY": "1000", **(extra or {})}
    command = toolbridge("serve", "--port", "0", "--upstream", upstream_url)
    with started(command, settings) as server:
        yield server


def streaming(upstream_url: str) -> AbstractContextManager[Server]:
    """The same, streaming every call from its first character."""
    return bridge(upstream_url, {"TOOLBRIDGE_HOLD": "0"})
