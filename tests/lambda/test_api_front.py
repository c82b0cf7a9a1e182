"""The function behind an API Gateway REST API, by events as SAM CLI makes them."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from tests.upstream_thread import upstream

from .package import PACKAGE, SAM, function  # noqa: TID252
from .test_artifact import MODEL, Reply, replied  # noqa: TID252
from .translation import ENVIRONMENT  # noqa: TID252

pytestmark = [
    pytest.mark.skipif(not (SAM / "bin" / "sam").exists(), reason="no SAM CLI: make sam-tools"),
    pytest.mark.skipif(not PACKAGE.exists(), reason="nothing is built: make build"),
]

PAGE = "https://app.example.com"


def rest_event(method: str, path: str, body: str = "", **headers: str) -> dict[str, Any]:
    command = [SAM / "bin" / "sam", "local", "generate-event", "apigateway", "aws-proxy"]
    command += ["--method", method, "--path", path.lstrip("/"), "--body", body, "--stage", "prod"]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=True)
    event: dict[str, Any] = json.loads(done.stdout)
    event["headers"] = {**event["headers"], **headers}
    event["multiValueHeaders"] = {name: [value] for name, value in event["headers"].items()}
    return event


@pytest.fixture(scope="module")
def running():
    with upstream(replied) as model:
        variables = {
            "TOOLBRIDGE_API_KEYS": "tb-alice",
            "TOOLBRIDGE_UPSTREAM_URL": f"{model.url}/v1",
            "TOOLBRIDGE_MODEL": MODEL,
            "TOOLBRIDGE_CORS_ORIGINS": PAGE,
        }
        with function(variables) as running:
            yield running


def asking(**more: Any) -> dict[str, Any]:
    body = {"model": MODEL, "messages": [{"role": "user", "content": "Hi."}], **more}
    headers = {"Authorization": "Bearer tb-alice", "Content-Type": "application/json"}
    return rest_event("POST", "/v1/chat/completions", json.dumps(body), **headers)


def header(reply: Reply, name: str) -> str | None:
    return next((value for key, value in reply.headers.items() if key.lower() == name), None)


def test_a_stream(running):
    reply = Reply(running.invoke(asking(stream=True)), streamed=True)
    assert (reply.status, reply.text) == (200, "Hello from Lambda.")
    assert str(header(reply, "content-type")).startswith("text/event-stream")
    assert reply.data[-1] == "[DONE]"


def test_a_whole_answer_and_a_refusal(running):
    reply = Reply(running.invoke(asking()), streamed=True)
    assert reply.json["choices"][0]["message"]["content"] == "Hello from Lambda."
    event = rest_event("GET", "/v1/models", Authorization="Bearer tb-anothers")
    refused = Reply(running.invoke(event), streamed=True)
    assert (refused.status, refused.json["error"]["code"]) == (401, "invalid_api_key")


def test_a_preflight_is_answered_by_the_application(running):
    headers = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
    event = rest_event("OPTIONS", "/v1/chat/completions", **headers)
    reply = Reply(running.invoke(event), streamed=True)
    assert reply.status == 200
    assert header(reply, "access-control-allow-origin") == PAGE
