"""``toolbridge serve`` as a process of its own, and what it holds on to.

with ServerProcess(folder, CONFIG.format(port=up.port)) as server:
    ...                     # server.port
    server.footprint()      # tasks, file descriptors, connections: the same before and after
    server.memory           # bytes of its own
"""

from __future__ import annotations

import asyncio
import os
import re
import resource
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.local_server import KEY
from tests.siege.markers import SALT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ROOT = Path(__file__).parents[2]
OBSERVED = Path(__file__).with_name("observed.py")
STATES = {"01": "ESTABLISHED", "02": "SYN_SENT", "03": "SYN_RECV", "08": "CLOSE_WAIT"}
"""Of a connection that somebody holds open; the kernel closes the others by itself."""

INNER_FAULTS = re.compile(
    "Traceback|unexpected|never retrieved|never awaited|was destroyed|Exception in|Task exception"
)
"""What stands in a log when something went wrong that nobody provided for."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a process holds: ``connections`` are ``STATE own port → other port``."""

    tasks: int
    descriptors: int
    connections: tuple[str, ...]


class ServerProcess:
    """The running command; at the end of the block it is stopped by SIGTERM."""

    def __init__(self, folder: Path, config: str, *, descriptors: int | None = None) -> None:
        """``descriptors``: it may have no more than so many."""
        self._folder = folder
        self._config = config
        self._descriptors = descriptors
        self.port = 0

    def __enter__(self) -> Self:
        (self._folder / "bridge.toml").write_text(self._config)
        state = self._folder / "state"
        (state / "toolbridge").mkdir(parents=True, exist_ok=True)
        (state / "toolbridge" / "salt").write_bytes(SALT)
        self._log = (self._folder / "server.log").open("wb+")
        self.process = subprocess.Popen(
            [sys.executable, str(OBSERVED), "serve", "--port", "0"],
            cwd=self._folder,
            env={
                **_own(os.environ),
                "PYTHONPATH": str(ROOT),
                "TOOLBRIDGE_API_KEYS": KEY,
                "XDG_STATE_HOME": str(state),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )
        # An empty line ends the greeting, the end of the output a failed start.
        greeting = "".join(iter(lambda: self._line().lstrip("\n"), ""))
        found = re.search(r"Serving  http://127\.0\.0\.1:(\d+)/v1\n", greeting)
        assert found, self.log
        self.port = int(found[1])
        if (count := self._descriptors) is not None:
            resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE, (count, count))
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        finally:
            self.process.kill()
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()
            self._log.close()

    @property
    def log(self) -> str:
        """What it has written to standard error so far."""
        return os.pread(self._log.fileno(), 1 << 26, 0).decode()

    @property
    def memory(self) -> int:
        """Bytes of memory that are its own: the heap, not the libraries."""
        return self._status("RssAnon") * 1024

    @property
    def seconds(self) -> float:
        """Processor time of its main thread, where all but name look-ups run."""
        return int(self._proc("schedstat").read_text().split()[0]) / 1e9

    @property
    def objects(self) -> int:
        """Python objects that it holds, without those that its start left for good."""
        return self._told(signal.SIGUSR2)

    def footprint(self) -> Footprint:
        """What it holds now."""
        tasks = self._told(signal.SIGUSR1)
        links = [_target(link) for link in self._proc("fd").iterdir()]
        inodes = {link.removeprefix("socket:[").removesuffix("]") for link in links}
        connections = tuple(sorted(self._connections(inodes)))
        return Footprint(tasks, len(links), connections)

    async def at_rest(self) -> Footprint:
        """What it holds when nothing goes on."""
        held, before = self.footprint(), None
        while held != before or held.connections:
            await asyncio.sleep(0.2)
            before, held = held, self.footprint()
        return held

    async def settles(self, *, seconds: float = 5.0, **expected: object) -> None:
        """Wait until it holds just this; fails with what it holds instead."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while (held := self._held(expected)) != expected and loop.time() < deadline:
            await asyncio.sleep(0.02)
        assert held == expected, self.log[-2000:]

    def _held(self, names: Iterable[str]) -> dict[str, object]:
        held = self.footprint()
        return {name: getattr(held, name) for name in names}

    def _told(self, sign: signal.Signals) -> int:
        self.process.send_signal(sign)
        return int(self._line())

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().decode()

    def _proc(self, name: str) -> Path:
        return Path("/proc") / str(self.process.pid) / name

    def _status(self, field: str) -> int:
        found = re.search(rf"^{field}:\s+(\d+)", self._proc("status").read_text(), re.MULTILINE)
        assert found is not None
        return int(found[1])

    def _connections(self, inodes: set[str]) -> list[str]:
        found: list[str] = []
        for line in self._proc("net/tcp").read_text().splitlines()[1:]:
            _, own, other, state, *rest = line.split()
            if rest[5] in inodes and state in STATES:
                ports = (int(end.partition(":")[2], 16) for end in (own, other))
                found.append(f"{STATES[state]} {' → '.join(map(str, ports))}")
        return found


def _own(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without anybody's settings."""
    return {name: environ[name] for name in environ if not name.startswith("TOOLBRIDGE_")}


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:  # closed since it was listed
        return ""
