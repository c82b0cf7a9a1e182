"""Nothing secret and nothing that was said is in the function's log, or in an error."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests import canaries
from tests.canaries import (
    BAD_BODIES,
    BAD_KEYS,
    CHAT,
    CLIENT_KEY,
    KEYED,
    MARK,
    SCENES,
    UPSTREAM_KEY,
)
from tests.fake_ssm import PATH, SSM, environment, ssm_server
from tests.upstream_thread import upstream

from .fake_runtime_api import FakeRuntimeAPI, Invocation  # noqa: TID252
from .runtime_process import ROOT, RuntimeProcess, event  # noqa: TID252

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMATS = pytest.mark.parametrize("log_format", ["Text", "JSON"])


@pytest.fixture(scope="module")
def ssm():
    with ssm_server() as server:
        yield server


def posted(body: bytes, headers: Mapping[str, str] = KEYED, **query: str) -> dict[str, Any]:
    made = event(CHAT, method="POST", body=body.decode("latin-1"), **query)
    return made | {"headers": {**made["headers"], **headers}}


def checked(answer: Invocation) -> int:
    """The status of an answer that is silent about what it should be."""
    assert answer.error is None
    status: int = answer.prelude["statusCode"]
    assert canaries.leaks_of(status, answer.body) == []
    return status


def settings(ssm: SSM, url: str, log_format: str) -> dict[str, str]:
    ssm.clear()
    ssm.put("clients/alice", CLIENT_KEY)
    ssm.put("upstreams/default", UPSTREAM_KEY)
    return {
        **environment(ssm.door),
        "AWS_LAMBDA_LOG_FORMAT": log_format,
        "AWS_LAMBDA_LOG_LEVEL": "INFO",
        "TOOLBRIDGE_KEYS_PATH": PATH,
        "TOOLBRIDGE_UPSTREAM_URL": f"{url}/{MARK}-path",
        "TOOLBRIDGE_MODEL": canaries.MODEL,
        "TOOLBRIDGE_REQUEST_SECONDS": "2",
    }


@FORMATS
def test_nothing_that_is_said_is_logged(ssm: SSM, log_format: str) -> None:
    with FakeRuntimeAPI() as api, upstream(canaries.answer_of) as up:
        env = settings(ssm, up.url, log_format)
        with RuntimeProcess(api, "handler.handler", cwd=ROOT, env=env) as runtime:
            for name, scene in SCENES.items():
                body = canaries.body_of(name, stream=True)
                status = checked(answer := api.invoke(posted(body)).wait())
                if status == 200 and b'data: {"error"' in answer.body:
                    status = 502  # a fault that showed when the answer had begun
                assert status in scene.statuses, name
            for body in BAD_BODIES:
                assert checked(api.invoke(posted(body)).wait()) == 400
            for headers in BAD_KEYS:
                assert checked(api.invoke(posted(BAD_BODIES[-1], headers)).wait()) == 401
            refused = posted(BAD_BODIES[-1], canaries.HEADERS, api_key=CLIENT_KEY)
            assert checked(api.invoke(refused).wait()) == 401
            late = posted(canaries.body_of("silent-midway", stream=True))
            checked(api.invoke(late, seconds=1).wait())
            checked(api.invoke(posted(canaries.body_of("answer", stream=True))).wait())
            told = runtime.output
        seen = " ".join(f"{request.headers} {request.body!r}" for request in up.requests)
    for part in ("prompt", "system", "description", "parameter", "argument", "result", "upstream"):
        assert f"{MARK}-{part}" in seen, "the marks did not go all the way"
    assert MARK not in told
    requests = re.findall(r'"message":"request"', told)
    assert len(requests) >= len(SCENES) + len(BAD_BODIES) + len(BAD_KEYS) + 2
    # The template asks for INFO, at which httpx and Mangum would tell of each request as well.
    assert "HTTP Request" not in told
    assert f"{CHAT} 200" not in told


@FORMATS
@pytest.mark.parametrize("when", ["at-once", "midway", "at-the-end", "in-a-task"])
def test_an_exception_that_nobody_expected_is_told_without_its_words(
    when: str, log_format: str
) -> None:
    env = {"BROKEN": when, "AWS_LAMBDA_LOG_FORMAT": log_format}
    with FakeRuntimeAPI() as api, RuntimeProcess(api, "broken.handler", env=env) as runtime:
        for stream in (False, True):
            checked(api.invoke(posted(canaries.body_of("answer", stream=stream))).wait())
        told = runtime.output
    assert MARK not in told
    assert "RuntimeError" in told


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(f'{{"body": "{MARK}'.encode(), id="no JSON"),
        pytest.param(f'"{MARK}"'.encode(), id="text"),
        pytest.param({"body": MARK, "headers": {"authorization": MARK}}, id="no request"),
        pytest.param({"version": "2.0", "requestContext": {}, "body": MARK}, id="without http"),
        pytest.param(
            {**posted(MARK.encode()), "isBase64Encoded": True, "body": f"{MARK}!"}, id="base64"
        ),
    ],
)
def test_an_event_that_is_no_request_is_not_repeated(given: object) -> None:
    env = {"BROKEN": "never"}
    with FakeRuntimeAPI() as api, RuntimeProcess(api, "broken.handler", env=env) as runtime:
        answer = api.invoke(given).wait()
        told = runtime.output
    assert MARK not in json.dumps(answer.error) + answer.raw.decode()
    assert MARK not in told


@pytest.mark.parametrize(
    "wrong",
    [
        {"TOOLBRIDGE_UPSTREAM_URL": f"https://me:{MARK}@127.0.0.1/v1"},
        {"TOOLBRIDGE_UPSTREAM_URL": "http://127.0.0.1/v1", "TOOLBRIDGE_HOLD": f"{MARK}"},
        {"TOOLBRIDGE_UPSTREAM_URL": f"ftp://{MARK}"},
    ],
)
def test_a_wrong_setting_is_not_repeated(wrong: dict[str, str]) -> None:
    with FakeRuntimeAPI() as api:
        with RuntimeProcess(api, "handler.handler", cwd=ROOT, env=wrong) as runtime:
            runtime.process.wait(20)
            told = runtime.output
        ((_, fault),) = api.init_errors
    assert MARK not in told + json.dumps(fault)
    assert "TOOLBRIDGE_" in told
