"""The HTTP surface: what is there, and what is refused and how."""

from __future__ import annotations

import asyncio
import json
import random
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import pytest

from bridge.errors import KeysUnavailable, UpstreamUnavailable
from bridge.keys import ClientKeys
from bridge.models import Catalog, Model
from bridge.report import MAX_LOGGED
from bridge.server.app import create_app
from bridge.server.auth import EnvironmentKeys
from bridge.server.pace import Pace
from bridge.server.paths import canonical
from bridge.server.settings import Settings
from bridge.upstream.scripted import Scripted
from bridge.validation import Limits
from tests.clock import run
from tests.local_server import AUTH, KEY, an_app, chat, serving

if TYPE_CHECKING:
    from bridge.upstream.base import Upstream

CHAT = "/v1/chat/completions"
JSON = {"Content-Type": "application/json"}


def app_of(*models: Model, upstream: Upstream | None = None):
    upstream = upstream or Scripted(["Hello"], names=["theirs", "other/one"])
    own = Settings(models=models, upstreams={})
    keys = EnvironmentKeys([KEY], {})
    return create_app(own, Catalog(models), {"up": upstream}, keys)


def asked(method: str, path: str, app: Any = None, **options: Any) -> httpx.Response:
    """The answer, without a socket; the request has the key unless it has other headers."""

    async def scenario() -> httpx.Response:
        transport = httpx.ASGITransport(app or an_app(Scripted(["Hello"])))
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as http:
            return await http.request(method, path, **{"headers": AUTH, **options})

    return asyncio.run(scenario())


def error_of(response: httpx.Response) -> Any:
    """The error object, all of it."""
    assert response.headers["content-type"] == "application/json"
    content = response.json()
    assert content.keys() == {"error"}
    assert content["error"].keys() == {"message", "type", "param", "code"}
    return content["error"]


REFUSED = [
    # method, path, options, status, code
    pytest.param(
        "POST", CHAT, {"headers": {}, "json": chat()}, 401, "invalid_api_key", id="no-key"
    ),
    pytest.param("GET", "/v1/models", {"headers": {}}, 401, "invalid_api_key", id="models-no-key"),
    pytest.param("GET", "/v1/models/m", {"headers": {}}, 401, "invalid_api_key", id="model-no-key"),
    pytest.param(
        "GET", f"/v1/models?api_key={KEY}", {"headers": {}}, 401, "invalid_api_key", id="query-key"
    ),
    pytest.param("POST", CHAT, {"content": b"{}"}, 415, "unsupported_media_type", id="no-type"),
    pytest.param(
        "POST",
        CHAT,
        {"data": {"model": "m"}},
        415,
        "unsupported_media_type",
        id="form",
    ),
    pytest.param(
        "POST",
        CHAT,
        {"content": b"x", "headers": AUTH | JSON | {"Content-Encoding": "gzip"}},
        415,
        "unsupported_media_type",
        id="gzip",
    ),
    pytest.param("POST", CHAT, {"content": b"{", "headers": AUTH | JSON}, 400, None, id="no-json"),
    pytest.param("POST", CHAT, {"json": [1]}, 400, None, id="json-list"),
    pytest.param("POST", CHAT, {"json": chat(n=0)}, 400, None, id="validation"),
    pytest.param(
        "POST", CHAT, {"json": chat() | {"model": "x"}}, 404, "model_not_found", id="model"
    ),
    pytest.param("GET", "/v1/models/x", {}, 404, "model_not_found", id="no-such-model"),
    pytest.param(
        "GET", "/v1/models/m-thinking-thinking", {}, 404, "model_not_found", id="twin-of-twin"
    ),
    pytest.param("GET", "/", {}, 404, "unknown_url", id="root"),
    pytest.param("POST", "/v1/messages", {"json": {}}, 404, "unknown_url", id="messages"),
    pytest.param("POST", "/v1/completions", {"json": {}}, 404, "unknown_url", id="completions"),
    pytest.param("GET", "/docs", {}, 404, "unknown_url", id="docs"),
    pytest.param("GET", "/openapi.json", {}, 404, "unknown_url", id="openapi"),
    pytest.param("OPTIONS", "/nowhere", {}, 404, "unknown_url", id="options-nowhere"),
    pytest.param("GET", CHAT, {}, 405, "method_not_allowed", id="get-chat"),
    pytest.param("GET", CHAT + "/", {}, 405, "method_not_allowed", id="get-chat-slash"),
    pytest.param("DELETE", "/v1/models", {}, 405, "method_not_allowed", id="delete-models"),
    pytest.param("POST", "/healthz", {}, 405, "method_not_allowed", id="post-health"),
]


@pytest.mark.parametrize(("method", "path", "options", "status", "code"), REFUSED)
def test_refused(method, path, options, status, code):
    response = asked(method, path, **options)
    assert response.status_code == status
    error = error_of(response)
    assert error["code"] == code
    assert error["type"] == "invalid_request_error"
    assert response.headers["x-request-id"]
    if status == 401:
        assert response.headers["www-authenticate"] == "Bearer"
    if status == 405:
        assert response.headers["allow"]


def test_an_unknown_path_is_told_what_is_there():
    message = error_of(asked("POST", "/v1/messages?key=canary"))["message"]
    assert message.startswith("There is no POST /v1/messages here.")
    assert "POST /v1/chat/completions" in message
    assert "canary" not in message


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("/v1/models", "/v1/models", id="as-it-is"),
        pytest.param("/v1/models/", "/v1/models", id="slash"),
        pytest.param("//v1///models//", "/v1/models", id="slashes"),
        pytest.param("/models", "/v1/models", id="no-v1"),
        pytest.param("/models/a/b", "/v1/models/a/b", id="no-v1-model"),
        pytest.param("/chat/completions/", "/v1/chat/completions", id="no-v1-chat"),
        pytest.param("/modelsx", "/modelsx", id="other"),
        pytest.param("/v2/models", "/v2/models", id="other-version"),
        pytest.param("/", "/", id="root"),
        pytest.param("///", "/", id="roots"),
        pytest.param("", "/", id="empty"),
    ],
)
def test_paths_have_one_spelling(path, expected):
    assert canonical(path) == expected


@pytest.mark.parametrize("path", [CHAT, "/v1//chat/completions/", "/chat/completions"])
def test_every_spelling_is_served(path):
    assert asked("POST", path, json=chat()).status_code == 200


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=utf-8", "Application/JSON"]
)
def test_json_is_json(kind):
    headers = {**AUTH, "Content-Type": kind}
    assert asked("POST", CHAT, content=json.dumps(chat()), headers=headers).status_code == 200


def test_health_needs_no_key_and_tells_nothing():
    response = asked("GET", "/healthz", headers={})
    assert (response.status_code, response.text) == (200, '{"status":"ok"}')


def sent(method: str, path: str) -> bytes:
    """The body as the application sends it: clients and servers leave a HEAD's out."""
    bodies = []

    async def receive():
        return {"type": "http.request"}

    async def send(message):
        bodies.append(message.get("body", b""))

    headers = [(b"authorization", AUTH["Authorization"].encode())]
    scope = {"type": "http", "method": method, "path": path, "headers": headers}
    asyncio.run(an_app(Scripted(["Hello"]))({**scope, "query_string": b""}, receive, send))
    return b"".join(bodies)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("OPTIONS", CHAT, id="options-chat"),
        pytest.param("OPTIONS", "/v1/models", id="options-models"),
        pytest.param("OPTIONS", "/nowhere", id="options-nowhere"),
        pytest.param("HEAD", "/v1/models", id="head-models"),
        pytest.param("HEAD", "/healthz", id="head-health"),
        pytest.param("HEAD", "/v1/models/m", id="head-model"),
        pytest.param("HEAD", CHAT, id="head-chat"),
        pytest.param("HEAD", "/nowhere", id="head-nowhere"),
    ],
)
def test_no_answer_is_without_a_body(method, path):
    """A Lambda Function URL never ends an answer of no bytes."""
    assert sent(method, path)


def test_options_tell_the_methods():
    assert "POST" in asked("OPTIONS", CHAT, headers={}).headers["allow"]


# Models -------------------------------------------------------------------------------------------

PLAIN = Model(id="plain", upstream="up", name="theirs", thinking=False)
BOTH = Model(id="vendor/both", upstream="up", name="theirs", owned_by="us")
ALL = Model(id="*", upstream="up", name="*")


def ids(response: httpx.Response) -> list[str]:
    return [model["id"] for model in response.json()["data"]]


def test_models_are_listed_with_their_twins():
    response = asked("GET", "/v1/models", app_of(PLAIN, BOTH))
    assert response.json()["object"] == "list"
    assert ids(response) == ["plain", "vendor/both", "vendor/both-thinking"]
    both = response.json()["data"][1]
    assert both.keys() == {"id", "object", "created", "owned_by"}
    assert (both["object"], both["owned_by"]) == ("model", "us")


def test_models_are_passed_through():
    app = app_of(PLAIN, ALL)
    listed = ids(asked("GET", "/v1/models", app))
    assert listed == [
        *("plain", "theirs", "theirs-thinking", "other/one", "other/one-thinking"),
    ]
    assert asked("GET", "/v1/models/other/one", app).json()["id"] == "other/one"
    assert asked("GET", "/v1/models/nowhere", app).status_code == 404
    assert asked("GET", "/v1/models/*", app).status_code == 404


@pytest.mark.parametrize("name", ["vendor/both", "vendor%2Fboth", "vendor/both-thinking"])
def test_one_model(name):
    response = asked("GET", f"/v1/models/{name}", app_of(PLAIN, BOTH))
    assert response.json()["id"] == name.replace("%2F", "/")


def test_a_model_without_a_twin():
    app = app_of(PLAIN)
    assert asked("GET", "/v1/models/plain-thinking", app).status_code == 404
    body = chat() | {"model": "plain-thinking"}
    error = error_of(asked("POST", CHAT, app, json=body))
    assert (error["code"], error["param"]) == ("model_not_found", "model")
    assert "'plain-thinking'" in error["message"]


def test_an_upstream_that_cannot_list_its_models():
    class Down(Scripted):
        async def models(self) -> list[str]:
            raise UpstreamUnavailable("down")

    assert asked("GET", "/v1/models", app_of(ALL, upstream=Down(["x"]))).status_code == 503


# Keys ---------------------------------------------------------------------------------------------


class Keys:
    """A store of what it is given."""

    def __init__(self, found: ClientKeys | Exception) -> None:
        self.found = found

    async def clients(self) -> ClientKeys:
        if isinstance(self.found, Exception):
            raise self.found
        return self.found

    async def upstream(self, name: str) -> str | None:
        return None


@pytest.mark.parametrize(
    ("found", "status", "code"),
    [
        pytest.param(ClientKeys({}), 503, "keys_unavailable", id="none"),
        pytest.param(KeysUnavailable("down"), 503, "keys_unavailable", id="down"),
        pytest.param(ZeroDivisionError("canary"), 500, "internal_error", id="broken"),
    ],
)
@pytest.mark.parametrize(("method", "path"), [("POST", CHAT), ("GET", "/v1/models")])
def test_without_keys_nothing_is_open(found, status, code, method, path):
    response = asked(method, path, an_app(Scripted(["x"]), keys=Keys(found)), json=chat())
    assert response.status_code == status
    error = error_of(response)
    assert (error["type"], error["code"]) == ("server_error", code)
    assert "canary" not in response.text


# Request ids and reports --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("req-1", id="plain"),
        pytest.param("a1b2:c3/d4+e5=_.", id="all-signs"),
        pytest.param("x" * 128, id="longest"),
    ],
)
def test_a_sane_request_id_is_echoed(value):
    headers = {"X-Request-Id": value}
    assert asked("GET", "/healthz", headers=headers).headers["x-request-id"] == value


@pytest.mark.parametrize("value", ["", "a b", "x" * 129, "x" * 1000, "<b>", "é".encode()])
def test_any_other_request_id_is_replaced(value):
    headers = {"X-Request-Id": value}
    given = asked("GET", "/healthz", headers=headers).headers["x-request-id"]
    assert re.fullmatch("req_[0-9a-f]{32}", given)


def test_the_platforms_request_id_comes_second_and_is_reported_beside():
    reports = []
    named = {"request_id": lambda scope: f"aws-{scope['method']}"}
    app = an_app(Scripted(["x"]), reports=reports, **named)
    assert asked("GET", "/healthz", app).headers["x-request-id"] == "aws-GET"
    headers = {"X-Request-Id": "own"}
    assert asked("GET", "/healthz", app, headers=headers).headers["x-request-id"] == "own"
    told = [(report.request_id, report.function_request_id) for report in reports]
    assert told == [("aws-GET", "aws-GET"), ("own", "aws-GET")]


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "error", "client"),
    [
        pytest.param("GET", "/healthz", {}, 200, None, None, id="health"),
        pytest.param("GET", "/x%0A" + "y" * 500, {}, 404, "unknown_url", None, id="path"),
        pytest.param("POST", CHAT, {"headers": {}}, 401, "invalid_api_key", None, id="no-key"),
        pytest.param(
            "POST", CHAT, {"json": {}}, 400, "invalid_request_error", "client-1", id="400"
        ),
        pytest.param("POST", CHAT, {"json": chat()}, 200, None, "client-1", id="chat"),
    ],
)
def test_every_request_is_reported_once(method, path, options, status, error, client):
    reports = []
    response = asked(method, path, an_app(Scripted(["x"]), reports=reports), **options)
    (report,) = reports
    assert (report.status, report.error, report.client) == (status, error, client)
    assert report.request_id == response.headers["x-request-id"]
    assert report.path.isprintable()
    assert len(report.path) <= 200
    assert report.total > 0


# Bodies -------------------------------------------------------------------------------------------


def test_a_body_over_the_limit():
    app = an_app(Scripted(["x"]), limits=Limits(body_bytes=1000))
    response = asked("POST", CHAT, app, json=chat("x" * 1000))
    assert response.status_code == 413
    assert error_of(response)["code"] == "request_too_large"


def test_a_body_over_the_limit_that_says_nothing_of_its_length():
    async def pieces():
        for _ in range(20):
            yield b"x" * 100

    async def scenario():
        app = an_app(Scripted(["x"]), limits=Limits(body_bytes=1000))
        async with serving(app) as server:
            response = await server.http.post(CHAT, content=pieces(), headers=JSON)
            return response, await server.http.get("/healthz")

    response, after = asyncio.run(scenario())
    assert response.status_code == 413
    assert after.status_code == 200


def test_a_large_body_gets_its_answer_over_a_real_socket():
    """The answer must not be lost in the reset of a connection that still has bytes to read."""

    async def scenario():
        async with serving(an_app(Scripted(["x"]))) as server:
            return await server.http.post(CHAT, content=b"x" * 7_000_000, headers=JSON)

    assert asyncio.run(scenario()).status_code == 413


@pytest.mark.parametrize("length", ["9" * 30, "99999999999"])
def test_a_length_beyond_all_measure(length):
    headers = {**AUTH, **JSON, "Content-Length": length}
    assert asked("POST", CHAT, content=b"x", headers=headers).status_code == 413


async def half_sent(server) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    head = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
    head += "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    writer.write(head.encode())
    return reader, writer


def test_a_body_that_does_not_arrive():
    async def scenario():
        app = an_app(Scripted(["x"]), pace=Pace(body=0.1))
        async with serving(app) as server:
            reader, writer = await half_sent(server)
            head = await reader.readuntil(b"\r\n\r\n")
            writer.close()
            await writer.wait_closed()
            return head

    assert run(scenario()).startswith(b"HTTP/1.1 408 ")


def test_a_client_that_leaves_in_the_middle_of_its_body():
    async def scenario():
        reports = []
        async with serving(an_app(Scripted(["x"]), reports=reports)) as server:
            _, writer = await half_sent(server)
            await asyncio.sleep(0.05)
            writer.close()
            await writer.wait_closed()
            async with asyncio.timeout(2):
                while not reports:
                    await asyncio.sleep(0.01)
        return reports[0]

    report = run(scenario())
    assert (report.status, report.error) == (499, "client_gone")


# Browsers -----------------------------------------------------------------------------------------

ORIGIN = {"Origin": "https://chat.example.com"}


def test_no_origin_is_allowed_unless_configured():
    assert "access-control-allow-origin" not in asked("GET", "/healthz", headers=ORIGIN).headers


def test_errors_are_for_browsers_too():
    app = an_app(Scripted(["x"]), cors_origins=("https://chat.example.com",))
    headers = asked("GET", "/v1/models", app, headers=ORIGIN).headers
    assert headers["access-control-allow-origin"] == "https://chat.example.com"
    assert "x-request-id" in headers["access-control-expose-headers"]


def test_a_preflight_is_answered_with_a_body():
    app = an_app(Scripted(["x"]), cors_origins=("*",))
    preflight = {**ORIGIN, "Access-Control-Request-Method": "POST",
                 "Access-Control-Request-Headers": "authorization"}  # fmt: skip
    response = asked("OPTIONS", CHAT, app, headers=preflight)
    assert response.status_code == 200
    assert response.content
    assert "authorization" in response.headers["access-control-allow-headers"].lower()


# Start and stop -----------------------------------------------------------------------------------


def test_what_starts_and_what_is_closed():
    happened = []

    class Noted(Scripted):
        async def aclose(self) -> None:
            happened.append("closed")

    async def start() -> None:
        happened.append("started")

    async def scenario():
        async with serving(an_app(Noted(["x"]), startup=[start])):
            happened.append("serving")

    asyncio.run(scenario())
    assert happened == ["started", "serving", "closed"]


def test_requests_leave_no_trace_in_each_other():
    async def scenario():
        async with serving(an_app(Scripted(["x"]))) as server:
            answers = [await server.http.post(CHAT, json=chat()) for _ in range(2)]
        return [answer.json() for answer in answers]

    first, second = asyncio.run(scenario())
    assert first["id"] != second["id"]
    assert first["choices"] == second["choices"]


def test_ids_do_not_come_from_a_generator_that_a_snapshot_holds():
    """Environments restored from one snapshot go on with the same seed."""

    async def scenario():
        async with serving(an_app(Scripted(["x"]))) as server:
            ids = []
            for _ in range(2):
                random.seed(1)
                ids.append((await server.http.post(CHAT, json=chat())).json()["id"])
        return ids

    first, second = asyncio.run(scenario())
    assert first != second


@pytest.mark.parametrize("name", ["m\nPOST /v1/chat/completions 200 0.01s", "m" * 100_000])
@pytest.mark.parametrize("where", ["model", "path", "method"])
def test_what_a_caller_wrote_is_short_and_stays_in_its_line(name, where):
    reports: list[Any] = []
    app = an_app(Scripted(["Hello"]), reports=reports, model=Model("*", "up", "*"))
    if where == "model":
        asked("POST", CHAT, app, json=chat(model=name))
    elif where == "path":
        asked("GET", f"/v1/models/{quote(name)[:60_000]}", app)
    else:
        asked(name.partition("\n")[0], CHAT, app)
    (report,) = reports
    for told in (report.model or "", report.path, report.method):
        assert told.isprintable() or not told
        assert len(told) <= MAX_LOGGED
