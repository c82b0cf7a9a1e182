"""Requests made from an OpenAPI description (schemathesis): each is served, or refused by name.

The application publishes no description of its own; the one here is made of its request model.
"""

from __future__ import annotations

import json
import os
from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from bridge.schema import ChatCompletionRequest
from bridge.upstream.scripted import Scripted
from tests.local_server import AUTH, an_app

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "100"))

ERROR = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "message": {"type": "string", "minLength": 1},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
            "required": ["message", "type", "param", "code"],
            "additionalProperties": False,
        }
    },
    "required": ["error"],
}


def content(schema: dict[str, Any], kind: str = "application/json") -> dict[str, Any]:
    return {"content": {kind: {"schema": schema}}}


def refusals(*statuses: int) -> dict[str, Any]:
    return {str(status): {"description": "Refused", **content(ERROR)} for status in statuses}


def described() -> dict[str, Any]:
    body = ChatCompletionRequest.model_json_schema(
        by_alias=True, ref_template="#/components/schemas/{model}"
    )
    parts = body.pop("$defs")
    answer = {"description": "Answered", **content({"type": "object"})}
    answer["content"] |= content({}, "text/event-stream")["content"]
    return {
        "openapi": "3.1.0",
        "info": {"title": "toolbridge", "version": "1"},
        "paths": {
            "/v1/chat/completions": {
                "post": {
                    "requestBody": {"required": True, **content(body)},
                    "responses": {"200": answer, **refusals(400, 404, 413, 415, 502)},
                }
            },
            "/v1/models": {"get": {"responses": {"200": answer, **refusals(404)}}},
            "/v1/models/{model}": {
                "get": {
                    "parameters": [
                        {
                            "name": "model",
                            "in": "path",
                            "required": True,
                            "schema": {"type": "string"},
                        }
                    ],
                    "responses": {"200": answer, **refusals(404)},
                }
            },
        },
        "components": {"schemas": parts},
    }


APP = an_app(Scripted(["Hello, ", "world"]))


async def published(scope: Any, receive: Any, send: Any) -> None:
    """The application, with a description."""
    if scope["type"] != "http" or scope["path"] != "/openapi.json":
        await APP(scope, receive, send)
        return
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(described()).encode()})


CHECKS = [
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
]
"""Whether a request is right is more than its schema says, and unknown fields are let pass."""

BROKEN_PROMISES = {"output_invalid", "tool_call_invalid"}
"""The upstream only ever says hello, whatever a request insists on."""

API = schemathesis.openapi.from_asgi("/openapi.json", published)
API.config.generation.update(modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE])


@API.parametrize()
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_every_request_is_served_or_refused_by_name(case: Case) -> None:
    """Half of the bodies name the model that is there."""
    if isinstance(case.body, dict) and len(json.dumps(case.body)) % 2:
        case.body = {**case.body, "model": "m"}
    response = case.call(headers=AUTH)
    if response.status_code >= 400:
        error = response.json()["error"]
        assert error.keys() == {"message", "type", "param", "code"}
        assert error["message"]
        assert response.status_code < 500 or error["code"] in BROKEN_PROMISES
    case.validate_response(response, checks=CHECKS)
