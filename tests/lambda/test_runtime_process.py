"""How the process starts, logs, is frozen and ends."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from .fake_runtime_api import FakeRuntimeAPI, until  # noqa: TID252
from .runtime_process import ROOT, RuntimeProcess, event  # noqa: TID252

LIFESPAN = """
from contextlib import asynccontextmanager
from mangum import Mangum
from starlette.applications import Starlette

@asynccontextmanager
async def lifespan(app):
    {body}
    yield

handler = Mangum(Starlette(lifespan=lifespan), lifespan="{mode}")
"""
BROKEN = {
    "no module in the name": ("handler", "", "Runtime.MalformedHandlerName"),
    "no such module": ("missing.handler", "", "Runtime.ImportModuleError"),
    "import error inside": ("app.handler", "import missing", "Runtime.ImportModuleError"),
    "syntax error": ("app.handler", "def", "Runtime.UserCodeSyntaxError"),
    "no such object": ("app.handler", "", "Runtime.HandlerNotFound"),
    "not wrapped by Mangum": (
        "app.handler",
        "def handler(event, context): ...",
        "Runtime.HandlerNotFound",
    ),
    "module raises": ("app.handler", "raise LookupError('why')", "Function.LookupError"),
    "module raises what Lambda has no name for": (
        "app.handler",
        "class No_1(Exception): ...\nraise No_1('why')",
        "Function.Unknown",
    ),
    "module exits": ("app.handler", "raise SystemExit(0)", "Function.SystemExit"),
    "lifespan raises": (
        "app.handler",
        LIFESPAN.format(body="raise LookupError('why')", mode="auto"),
        "Function.LifespanFailure",
    ),
    "lifespan is on and there is none": (
        "app.handler",
        """
from mangum import Mangum

async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200})

handler = Mangum(app, lifespan="on")
""",
        "Function.LifespanFailure",
    ),
    "a thread holds the process": (
        "app.handler",
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(60,)).start()\n"
        "raise LookupError",
        "Function.LookupError",
    ),
}


@pytest.mark.parametrize(
    ("handler", "source", "kind"), [pytest.param(*case, id=name) for name, case in BROKEN.items()]
)
def test_failed_start_is_reported_and_ends_the_process(api, tmp_path, handler, source, kind):
    (tmp_path / "app.py").write_text(source)
    with RuntimeProcess(api, handler, cwd=tmp_path) as runtime:
        assert runtime.process.wait(10) == 1
        ((headers, error),) = api.init_errors
        assert error["errorType"] == kind
        assert headers["lambda-runtime-function-error-type"] == kind
        assert error["errorMessage"] or "LookupError" in kind
        assert "[CRITICAL]" in runtime.output
    assert api.polls == []


@pytest.mark.parametrize("status", [202, 403, 500, 418])
def test_whatever_the_api_says_to_the_report_the_process_ends(api, tmp_path, status):
    api.init_error_status = status
    with RuntimeProcess(api, "missing.handler", cwd=tmp_path) as runtime:
        assert runtime.process.wait(10) == 1
        # 403: another process of the environment has reported. That is no news.
        complaint = "did not take the report" in runtime.output
        assert complaint == (status == 418)


@pytest.mark.parametrize("concurrency", ["many", ""])
def test_concurrency_that_is_no_number_fails_the_start(api, concurrency):
    with RuntimeProcess(api, env={"AWS_LAMBDA_MAX_CONCURRENCY": concurrency}) as runtime:
        assert runtime.process.wait(10) == 1
    assert api.init_errors[0][1]["errorType"] == "Function.ValueError"


def test_application_without_lifespan(api, tmp_path):
    (tmp_path / "app.py").write_text(LIFESPAN.format(body="raise LookupError", mode="off"))
    with RuntimeProcess(api, "app.handler", cwd=tmp_path):
        assert api.invoke(event("/")).wait().prelude["statusCode"] == 404


@pytest.mark.parametrize(
    "run",
    [
        pytest.param("asyncio.run", id="another loop"),
        pytest.param("loop.run_until_complete", id="the loop"),
    ],
)
def test_handler_in_a_folder_and_module_that_runs_a_coroutine(api, tmp_path, run):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/app.py").write_text(
        f"import asyncio\nloop = asyncio.get_event_loop()\n{run}(asyncio.sleep(0))\n"
        + LIFESPAN.format(body="assert asyncio.get_running_loop() is loop", mode="on")
    )
    with RuntimeProcess(api, "folder/app.handler", cwd=tmp_path):
        assert api.invoke(event("/")).wait().prelude["statusCode"] == 404


@pytest.mark.parametrize("status", [403, 418])
def test_process_ends_when_polls_keep_failing(api, status):
    with RuntimeProcess(api) as runtime:
        api.invoke(event("/echo")).wait()
        until(lambda: api.waiting == 1)
        api.fail_polls(status)
        assert runtime.process.wait(10) == 1
        assert f"The runtime ends: /next: {status} " in runtime.output
    first, *_, last = api.polls[-5:]
    assert last - first > 1.4  # four retries, AWS's waits between them


@pytest.mark.parametrize(
    "status", [pytest.param(403, id="403"), pytest.param(200, id="200 without a request id")]
)
def test_poll_that_fails_once_is_tried_again(api, status):
    with RuntimeProcess(api):
        until(lambda: api.waiting == 1)
        api.answer_poll(status)
        assert api.invoke(event("/echo")).wait().whole


def test_process_ends_when_the_api_is_gone():
    with FakeRuntimeAPI() as api:
        pass
    with RuntimeProcess(api) as runtime:
        assert runtime.process.wait(10) == 1
        assert "The runtime ends: " in runtime.output


def test_api_that_is_gone_before_the_first_byte(api):
    with RuntimeProcess(api) as runtime:
        answer = api.invoke(event("/hang"), seconds=1)
        until(lambda: answer.began > 0)
        api.stop_listening()
        assert runtime.process.wait(10) == 1
        assert "No connection for the answer" in runtime.output
        assert "The runtime ends: " in runtime.output


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda api: api.fail_polls(500), id="poll"),
        pytest.param(lambda api: api.invoke(event("/echo"), status=500), id="answer"),
        pytest.param(lambda api: api.invoke({}, status=500), id="error"),
    ],
)
def test_status_500_ends_the_process_promptly(api, act):
    with RuntimeProcess(api) as runtime:
        until(lambda: api.waiting == 1)
        before = len(api.polls)
        act(api)
        assert runtime.process.wait(10) == 1
    assert len(api.polls) == before


def test_what_is_printed_is_out_before_the_process_is_frozen(api):
    with RuntimeProcess(api) as runtime:
        until(lambda: api.waiting == 1)
        assert "lifespan started\n" in runtime.output


def test_json_log(api):
    env = {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "INFO"}
    with RuntimeProcess(api, env=env) as runtime:
        answer = api.invoke(event("/crash")).wait()
        until(lambda: '"level": "ERROR"' in runtime.output and runtime.output.endswith("\n"))
        lines = [json.loads(line) for line in runtime.output.splitlines() if line[0] == "{"]
    crash = next(line for line in lines if line["level"] == "ERROR")
    assert crash["requestId"] == answer.id
    assert crash["logger"] == "mangum.http"
    assert crash["errorType"] == "LookupError"
    assert crash["errorMessage"] == "secret detail"
    assert crash["stackTrace"]
    assert {line["level"] for line in lines} == {"INFO", "ERROR"}


@contextmanager
def upstream_that_closes_idle_connections(seconds: float):
    """An HTTP server that answers one request a connection, keeps it open, then closes it."""

    def serve(connection: socket.socket) -> None:
        with connection:
            connection.settimeout(seconds)
            try:
                while connection.recv(65536):
                    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello")
            except TimeoutError:
                pass

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connections.append(threading.Thread(target=serve, args=(connection,)))
            connections[-1].start()

    connections: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        acceptor = threading.Thread(target=accept)
        acceptor.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/", connections
        listener.shutdown(socket.SHUT_RDWR)
    for thread in (acceptor, *connections):
        thread.join()


def test_frozen_process_with_a_stale_upstream_connection(api):
    with (
        upstream_that_closes_idle_connections(0.2) as (url, connections),
        RuntimeProcess(api) as it,
    ):
        for round_ in range(1, 3):
            assert api.invoke(event("/upstream", url=url)).wait().body == b"hello"
            assert len(connections) == round_
            until(lambda: api.waiting == 1)
            it.process.send_signal(signal.SIGSTOP)
            connections[-1].join()
            waiting = api.invoke(event("/upstream", url=url))
            time.sleep(0.1)
            assert waiting.chunks == []
            it.process.send_signal(signal.SIGCONT)
            assert waiting.wait().body == b"hello"
            assert len(connections) == round_ + 1
            connections[-1].join()
            connections.pop()


def test_nothing_is_left_open(api):
    """In Python's development mode, with every warning shown, there is none."""
    command = [sys.executable, "-X", "dev", "-W", "always", "-m", "bridge.aws.runtime"]
    with RuntimeProcess(api, command=command) as runtime:
        for path in ("/echo", "/events", "/empty", "/crash-midway", "/bare/nothing"):
            api.invoke(event(path, status=204)).wait()
        api.invoke({}).wait()
        api.invoke(event("/endless"), cut_after=200).wait()
        api.invoke(event("/endless"), seconds=0.6).wait()
        api.invoke(event("/echo")).wait()
        until(lambda: api.waiting == 1)
        api.fail_polls(500)
        runtime.process.wait(10)
        assert "Warning" not in runtime.output
        assert "never" not in runtime.output


def test_memory_and_start(api):
    """Not a benchmark: a guard against an import or a leak that costs tens of megabytes."""
    with RuntimeProcess(api) as runtime:
        until(lambda: api.waiting == 1)
        status = Path(f"/proc/{runtime.process.pid}/status")
        before = resident_kilobytes(status)
        for _ in range(300):
            api.invoke(event("/events", n=3))
        last = api.invoke(event("/echo", method="POST", body="x" * 5_000_000))
        last.wait(20)
        for _ in range(20):
            api.invoke(event("/echo")).wait()
        assert resident_kilobytes(status) - before < 40_000


def resident_kilobytes(status: Path) -> int:
    lines = status.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def wrapped(*command: str, **env: str) -> list[str]:
    done = subprocess.run(
        [ROOT / "stream.sh", *command],
        env={"PATH": "/usr/bin:/bin", **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=10,
    )
    return done.stdout.splitlines()


def test_wrapper_steps_aside_under_sam_local():
    command = ("/bin/echo", "/var/runtime/bootstrap.py", "with space")
    local = {"AWS_SAM_LOCAL": "true", "AWS_LAMBDA_LOG_STREAM_NAME": "$LATEST"}
    assert wrapped(*command, **local) == ["/var/runtime/bootstrap.py with space"]


@pytest.mark.parametrize(
    "env",
    [
        pytest.param({"AWS_SAM_LOCAL": "false"}, id="elsewhere"),
        pytest.param(
            {"AWS_SAM_LOCAL": "true", "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/27/[$LATEST]01ab"},
            id="on-lambda-whatever-it-is-told",
        ),
    ],
)
def test_wrapper_starts_the_runtime_with_the_interpreter_given(api, env):
    command = [str(ROOT / "stream.sh"), sys.executable, "/var/runtime/bootstrap.py"]
    with RuntimeProcess(api, command=command, env=env):
        assert api.invoke(event("/echo")).wait().whole


def test_wrapper_goes_to_the_task_root(tmp_path):
    assert wrapped("/bin/pwd", "x", LAMBDA_TASK_ROOT=str(tmp_path)) == []
    fake = tmp_path / "python"
    fake.write_text('#!/bin/sh\npwd\necho "$@"\n')
    fake.chmod(0o755)
    assert wrapped(str(fake), "bootstrap.py", LAMBDA_TASK_ROOT=str(tmp_path)) == [
        str(tmp_path),
        "-m bridge.aws.runtime",
    ]
