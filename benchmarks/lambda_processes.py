"""The processes that ``make bench-lambda`` measures: started as Lambda starts them, and asked."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.figures import Sample, sample

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# `lambda` is a keyword, so no import statement can name that package.
FakeRuntimeAPI = import_module("tests.lambda.fake_runtime_api").FakeRuntimeAPI
RuntimeProcess = import_module("tests.lambda.runtime_process").RuntimeProcess
package = import_module("tests.lambda.package")

TICK = os.sysconf("SC_CLK_TCK")
WARM = 100
"""Warm invocations of each kind."""

FLOOR = """
import os, socket
host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
def call(request):
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(request)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return answer
while True:
    event = call(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
    id = event.lower().split(b"lambda-runtime-aws-request-id: ")[1].split(b"\\r\\n")[0]
    call(b"POST /2018-06-01/runtime/invocation/" + id + b"/response HTTP/1.1\\r\\nHost: x\\r\\n"
         b"Transfer-Encoding: chunked\\r\\n\\r\\n1d\\r\\n"
         b'{"statusCode":200}' + bytes(8) + b"ok\\n\\r\\n0\\r\\n\\r\\n")
"""
"""The least that a client of the Runtime API does."""


SHARE = 256 / 1769
"""Of a processor that a function of 256 MB has once it has started; the start has one to itself.
Source: AWS Lambda Developer Guide, "Configure Lambda function memory": 1,769 MB are one vCPU."""

PERIOD = 0.02
"""Seconds in which a process gets its share, as Linux's own quotas do."""


@dataclass(frozen=True)
class Place:
    """What a start is made of."""

    package: Path
    runtime: Path
    """What Lambda brings beside the package: AWS's SDK."""

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            # As on /var/task, nothing is written beside the code.
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONNOUSERSITE": "1",
            "PYTHONPATH": str(self.runtime),
            **package.ACCOUNT,
            **more,
        }


@dataclass(frozen=True)
class Start:
    """Milliseconds to the first poll, by the clock and of the processor; and to the first byte."""

    poll: float
    cpu: float
    byte: float = 0.0


def spent(pid: int) -> float:
    """Processor milliseconds of a process so far, ended threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / TICK


def peak(pid: int) -> float:
    """The most memory that a process has had resident, in MB."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) * 1024 / 1e6


def imported(place: Place, modules: str) -> Start:
    """A bare Python that imports these and says so."""
    code = f"import os, {modules}; os.write(1, b'.'); os.read(0, 1)"
    begun = time.monotonic()
    process = subprocess.Popen(
        [package.python(), "-c", code],
        cwd=place.package,
        env=place.environment({}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        if process.stdout.read(1) != b".":
            raise RuntimeError(f"import {modules} fails")
        took = (time.monotonic() - begun) * 1000
        return Start(took, spent(process.pid))


def event(name: str) -> Any:
    return json.loads((package.ROOT / "events" / f"{name}.json").read_text("utf-8"))


@contextmanager
def started(
    place: Place, api: Any, env: Mapping[str, str], handler: str = "handler.handler"
) -> Iterator[Any]:
    command = [str(place.package / "stream.sh"), package.python(), "/var/runtime/bootstrap.py"]
    more = {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand", **env}
    process = RuntimeProcess(
        api,
        handler,
        cwd=place.package,
        command=command,
        env=place.environment(more),
    )
    with process:
        yield process


def cold(place: Place, env: Mapping[str, str]) -> Start:
    """A start with its event already waiting, as a caller causes it."""
    with FakeRuntimeAPI() as api:
        invocation = api.invoke(event("chat_stream"))
        with started(place, api, env) as running:
            while not api.polls:
                if running.process.poll() is not None:
                    raise RuntimeError(running.output)
                time.sleep(0.0005)
            cpu = spent(running.process.pid)
            invocation.wait()
            if b"Hello" not in invocation.body:
                raise RuntimeError(f"{invocation.body!r}\n{running.output}")
            first = invocation.chunks[0].at
            return Start(
                (api.polls[0] - running.started) * 1000, cpu, (first - running.started) * 1000
            )


@contextmanager
def throttled(running: Any, api: Any) -> Iterator[None]:
    """From its first poll on, the process has no more than its share of a processor."""
    over = threading.Event()

    def share_out() -> None:
        while not api.polls and not over.wait(0.0005):
            pass
        while not over.is_set():
            running.process.send_signal(signal.SIGSTOP)
            over.wait(PERIOD * (1 - SHARE))
            running.process.send_signal(signal.SIGCONT)
            over.wait(PERIOD * SHARE)

    sharing = threading.Thread(target=share_out)
    sharing.start()
    try:
        yield
    finally:
        over.set()
        sharing.join()


def with_little_cpu(place: Place, env: Mapping[str, str], handler: str) -> float:
    """Milliseconds to the first byte of a start whose processor is a share after the first poll."""
    with FakeRuntimeAPI() as api:
        invocation = api.invoke(event("chat_stream"))
        with started(place, api, env, handler) as running, throttled(running, api):
            invocation.wait(60)
            if b"Hello" not in invocation.body:
                raise RuntimeError(f"{invocation.body!r}\n{running.output}")
            return float((invocation.chunks[0].at - running.started) * 1000)


@dataclass(frozen=True)
class Warm:
    """Milliseconds of each invocation: to the first byte, and until the next poll."""

    byte: Sample
    whole: Sample


def warm(kinds: Mapping[str, tuple[Any, Any]], count: int) -> dict[str, Warm]:
    """Invoke each kind's API with its event, one kind after the other, ``count`` times."""
    byte: dict[str, list[float]] = defaultdict(list)
    whole: dict[str, list[float]] = defaultdict(list)
    for _ in range(count):
        for name, (api, asked) in kinds.items():
            polls = len(api.polls)
            invocation = api.invoke(asked).wait()
            while len(api.polls) == polls or not api.waiting:
                time.sleep(0.0005)
            byte[name].append((invocation.chunks[0].at - invocation.began) * 1000)
            whole[name].append((api.polls[-1] - invocation.began) * 1000)
    return {name: Warm(sample(byte[name]), sample(whole[name])) for name in kinds}


def healthz() -> dict[str, Any]:
    """The cheapest request: the rest of the time is the runtime's, Mangum's and FastAPI's."""
    asked: dict[str, Any] = event("models")
    asked["rawPath"] = asked["requestContext"]["http"]["path"] = "/healthz"
    return asked


@contextmanager
def floor(place: Place) -> Iterator[Any]:
    """The API of a client that does the least: what connections take by themselves."""
    command = [package.python(), "-c", FLOOR]
    with (
        FakeRuntimeAPI() as api,
        RuntimeProcess(api, cwd=place.package, command=command, env=place.environment({})),
    ):
        api.invoke(healthz()).wait()
        yield api
