"""The runtime against the real Runtime API, as far as it can be run without Lambda."""

from __future__ import annotations

import base64
import json
import os
import sys
import time

import pytest

from .emulator import Emulator, rie  # noqa: TID252
from .runtime_process import APPS, ROOT, event  # noqa: TID252

PYTHON = os.environ.get("TOOLBRIDGE_PYTHON", sys.executable)
"""The interpreter that plays Lambda's; it needs the packages that the probe imports."""

pytestmark = pytest.mark.skipif(
    rie() is None, reason="no runtime interface emulator: make sam-tools"
)


def emulator(*command: str, **env: str) -> Emulator:
    common = {
        "_HANDLER": "probe.handler",
        "PYTHONPATH": str(ROOT),
        "AWS_LAMBDA_FUNCTION_TIMEOUT": "10",
        "AWS_LAMBDA_FUNCTION_NAME": "probe",
    }
    return Emulator([ROOT / "stream.sh", *command], {**common, **env}, APPS)


@pytest.fixture(scope="module")
def function():
    with emulator(PYTHON, "/var/runtime/bootstrap.py") as function:
        yield function


def test_answer(function):
    answer = function.invoke(event("/cookies"))
    assert answer.prelude["statusCode"] == 200
    assert answer.prelude["headers"]["vary"] == "accept,origin"
    assert [cookie[:3] for cookie in answer.prelude["cookies"]] == ["a=1", "b=2"]
    assert answer.body == b"{}"


def test_context(function):
    told = json.loads(function.invoke(event("/context")).body)
    assert told["aws_request_id"] == told["request_id"]
    assert 8_000 < told["remaining"] <= 10_000
    assert told["function"][0] == "probe"


def test_one_process_and_lifespan(function):
    first, second = (json.loads(function.invoke(event("/context")).body) for _ in range(2))
    assert first["pid"] == second["pid"]
    assert second["seen"].count("startup") == 1


def test_many_chunks(function):
    answer = function.invoke(event("/events", n=20_000))
    assert answer.body.count(b"data: ") == 20_000
    assert answer.body.endswith(b"}\n\n")


def test_large_request(function):
    body = base64.b64encode(bytes(3_000_000)).decode()
    told = json.loads(function.invoke(event("/echo", method="POST", body=body)).body)
    assert told["bytes"] == 4_000_000


@pytest.mark.parametrize("status", [204, 304, 302, 200])
def test_empty_answer(function, status):
    answer = function.invoke(event("/empty", status=status))
    assert answer.prelude["statusCode"] == status
    assert answer.body == b"\n"


def test_crash(function):
    answer = function.invoke(event("/crash"))
    assert answer.prelude["statusCode"] == 500
    assert answer.body == b"Internal Server Error"


def test_crash_midway(function):
    assert function.invoke(event("/crash-midway")).body.startswith(b"so far")
    assert function.invoke(event("/echo")).streamed


def test_event_that_is_no_request(function):
    answer = function.invoke({"detail-type": "Scheduled Event"})
    assert json.loads(answer.raw)["errorType"] == "Function.RuntimeError"
    assert function.invoke(event("/echo")).streamed


def test_deadline():
    with emulator(PYTHON, "bootstrap.py", AWS_LAMBDA_FUNCTION_TIMEOUT="2") as function:
        function.invoke(event("/echo"))
        start = time.monotonic()
        answer = function.invoke(event("/endless"))
        assert 1.3 < time.monotonic() - start < 1.9
        assert answer.body.startswith(b"more\nmore\n")
        assert function.invoke(event("/echo")).streamed


def test_failed_start():
    with emulator(PYTHON, "bootstrap.py", _HANDLER="missing.handler") as function:
        told = json.loads(function.invoke(event("/")).raw)
        assert told["errorType"] == "Runtime.ImportModuleError"
