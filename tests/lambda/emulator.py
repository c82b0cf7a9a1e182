"""Lambda's runtime interface emulator: the program behind the real Runtime API, without Docker.

SAM CLI's package carries it. ``TOOLBRIDGE_RIE`` names the program, or ``find_rie`` looks for it in
the environment where SAM CLI is installed.
"""

from __future__ import annotations

import http.client
import json
import os
import platform
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

INVOCATIONS = "/2015-03-31/functions/function/invocations"
DELIMITER = bytes(8)


def find_rie(venv: Path) -> Path:
    """Find the emulator for this machine in a virtual environment with ``aws-sam-cli``.

    Raises ``FileNotFoundError``.
    """
    machine = {"aarch64": "arm64", "AMD64": "x86_64"}.get(platform.machine(), platform.machine())
    pattern = f"lib/python3*/site-packages/samcli/local/rapid/aws-lambda-rie-{machine}"
    for found in venv.glob(pattern):
        return found
    raise FileNotFoundError(f"{venv / pattern}: no emulator")


def rie() -> Path | None:
    """The emulator to use: ``TOOLBRIDGE_RIE``, or the one in the checkout's ``.sam``, or none."""
    if named := os.environ.get("TOOLBRIDGE_RIE"):
        return Path(named)
    try:
        return find_rie(Path(__file__).parents[2] / ".sam")
    except FileNotFoundError:
        return None


@dataclass(frozen=True)
class Answer:
    """What the emulator answered, byte for byte."""

    raw: bytes

    @property
    def streamed(self) -> bool:
        return DELIMITER in self.raw

    @property
    def prelude(self) -> dict[str, Any]:
        """Status, headers and cookies: what becomes the HTTP response's head."""
        prelude: dict[str, Any] = json.loads(self.raw.partition(DELIMITER)[0])
        return prelude

    @property
    def body(self) -> bytes:
        return self.raw.partition(DELIMITER)[2]


class Emulator:
    """A command as the function's runtime, under the emulator, while the ``with`` block runs.

    ``command`` is what Lambda would start, wrapper first; ``env`` is all of its environment but
    ``PATH`` and ``LAMBDA_TASK_ROOT``, which is ``cwd``.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        env: Mapping[str, str],
        cwd: Path,
        program: Path | None = None,
    ) -> None:
        self._command = command
        self._env = env
        self._cwd = cwd
        self._program = program or rie()

    def __enter__(self) -> Self:
        if self._program is None:
            raise FileNotFoundError("no emulator: set TOOLBRIDGE_RIE or run make sam-tools")
        self._output = tempfile.TemporaryFile()
        self._port, api_port = free_ports(2)
        self._process = subprocess.Popen(
            [
                *(self._program, "--runtime-interface-emulator-address", f"127.0.0.1:{self._port}"),
                *("--runtime-api-address", f"127.0.0.1:{api_port}"),
                *self._command,
            ],
            cwd=self._cwd,
            env={"PATH": os.environ["PATH"], "LAMBDA_TASK_ROOT": str(self._cwd), **self._env},
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # the emulator starts the runtime: both are ended as one group
        )
        self._wait_until_it_listens()
        return self

    def __exit__(self, *_: object) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._output.close()

    @property
    def output(self) -> str:
        """What the emulator and the function have written so far."""
        return os.pread(self._output.fileno(), 1 << 24, 0).decode(errors="replace")

    def invoke(self, event: object, seconds: float = 30) -> Answer:
        """Post an event, wait for the whole answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=seconds)
        try:
            connection.request("POST", INVOCATIONS, json.dumps(event))
            return Answer(connection.getresponse().read())
        finally:
            connection.close()

    def _wait_until_it_listens(self, seconds: float = 10) -> None:
        end = time.monotonic() + seconds
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._port)).close()
            except ConnectionRefusedError:
                if time.monotonic() > end or self._process.poll() is not None:
                    raise
                time.sleep(0.01)
            else:
                return


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago: the emulator cannot be given port 0."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
