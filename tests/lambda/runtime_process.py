"""The runtime under test as Lambda starts it: a process of its own, its handler's folder as cwd."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .fake_runtime_api import FakeRuntimeAPI  # noqa: TID252

ROOT = Path(__file__).parents[2]
APPS = Path(__file__).parent / "apps"
INHERITED = {"PATH", "COVERAGE_PROCESS_CONFIG"}
COMMAND = (sys.executable, "-m", "bridge.aws.runtime")


class RuntimeProcess:
    """The process while the ``with`` block runs. What it prints is in ``output``."""

    def __init__(
        self,
        api: FakeRuntimeAPI,
        handler: str = "probe.handler",
        *,
        cwd: Path = APPS,
        command: Sequence[str] = COMMAND,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._cwd = cwd
        self._command = command
        self._env = {
            **{name: value for name, value in os.environ.items() if name in INHERITED},
            "PYTHONPATH": str(ROOT),
            "AWS_LAMBDA_RUNTIME_API": api.address,
            "_HANDLER": handler,
            "LAMBDA_TASK_ROOT": str(cwd),
            **(env or {}),
        }

    def __enter__(self) -> Self:
        self._output = tempfile.TemporaryFile()
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            self._command,
            cwd=self._cwd,
            env=self._env,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait()
        self._output.close()

    @property
    def output(self) -> str:
        """What it has written to stdout and stderr so far."""
        return os.pread(self._output.fileno(), 1 << 24, 0).decode()


def event(path: str, *, method: str = "GET", body: str = "", **query: object) -> dict[str, Any]:
    """Give a Function URL's event (payload version 2.0)."""
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": urlencode(query),
        "headers": {"host": "probe.lambda-url.eu-central-1.on.aws"},
        "requestContext": {
            "http": {"method": method, "path": path, "sourceIp": "192.0.2.1"},
        },
        "body": body,
        "isBase64Encoded": False,
    }
