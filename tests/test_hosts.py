"""Whose names and pages the local server takes: web pages must not reach it by their own names."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from bridge.server.hosts import Hosts
from bridge.server.local import names_of
from bridge.upstream.scripted import Scripted
from tests.local_server import AUTH, an_app, chat

PLAIN = Hosts()
OWN = Hosts(["box.lan", ".example.com", "Tools."])

LOOPBACK = [
    "localhost",
    "localhost:8002",
    "LOCALHOST:8002",
    "localhost.",
    "toolbridge.localhost:8002",
    "127.0.0.1",
    "127.0.0.1:8002",
    "[::1]:8002",
    "[::1]",
    "192.0.2.7:8002",
    "[2001:db8::1]:8002",
]
STRANGE = [
    "",
    "evil.example",
    "evil.example:8002",
    "localhost.evil.example",
    "notlocalhost",
    "127.0.0.1.evil.example",
    "127.0.0.1@evil.example",
    "evil.example@127.0.0.1",
    "evil.example#127.0.0.1",
    "localhost:port",
    "localhost:99999",
    "2130706433",
    "[::1",
    "localhost, evil.example",
    "localhost/",
]
GIVEN = ["box.lan", "BOX.lan:8002", "a.example.com", "a.b.example.com:1", "tools:80", "tools."]


@pytest.mark.parametrize("host", LOOPBACK)
def test_loopback_and_addresses_are_names_of_the_server(host):
    assert PLAIN.take_host(host)
    assert OWN.take_host(host)


@pytest.mark.parametrize("host", [*STRANGE, *GIVEN])
def test_other_names_are_not(host):
    assert not PLAIN.take_host(host)
    assert Hosts("*").take_host(host)


@pytest.mark.parametrize("host", GIVEN)
def test_names_that_were_given_are(host):
    assert OWN.take_host(host)


@pytest.mark.parametrize("host", [*STRANGE, "example.com", "a.box.lan", "example.com.evil.example"])
def test_names_like_those_are_not(host):
    assert not OWN.take_host(host)


@pytest.mark.parametrize(
    ("origin", "taken"),
    [
        ("http://localhost:3000", True),
        ("https://localhost", True),
        ("http://127.0.0.1:5173", True),
        ("http://[::1]:5173", True),
        ("http://192.0.2.7:8002", True),  # the page came from this very server
        ("http://192.0.2.8:8002", False),
        ("http://192.0.2.7:8003", False),
        ("http://evil.example", False),
        ("http://evil.example:8002", False),
        ("http://localhost.evil.example", False),
        ("null", False),
        ("http://", False),
        ("vscode-webview://1f2e", True),
        ("app://obsidian.md", True),
        ("chrome-extension://abcdef", True),
    ],
)
def test_pages_that_may_call(origin, taken):
    assert PLAIN.take_origin(origin, "192.0.2.7:8002") == taken
    assert Hosts("*").take_origin(origin, None)


def test_pages_of_given_names_may_call():
    assert OWN.take_origin("https://a.example.com", None)


@pytest.mark.parametrize(
    ("host", "names"), [("127.0.0.1", ["127.0.0.1"]), ("box.lan", ["box.lan"])]
)
def test_the_address_to_listen_on_is_a_name(host, names):
    assert names_of(host) == names


def test_a_server_on_every_address_goes_by_the_machines_name(monkeypatch):
    for host in ("0.0.0.0", "::", ""):
        monkeypatch.setattr("socket.gethostname", lambda: "box")
        assert names_of(host) == ["box", "box.local"]
        monkeypatch.setattr("socket.gethostname", lambda: "")
        assert names_of(host) == []


def answer(method: str, path: str, headers: dict[str, str], **app) -> tuple[httpx.Response, list]:
    reports: list = []
    app = {"hosts": PLAIN, **app}

    async def scenario() -> httpx.Response:
        transport = httpx.ASGITransport(an_app(Scripted(["Hello"]), reports=reports, **app))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            body = chat() if method == "POST" else None
            return await http.request(method, path, json=body, headers=AUTH | headers)

    return asyncio.run(scenario()), reports


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/chat/completions"),
        ("GET", "/v1/models"),
        ("GET", "/healthz"),
        ("OPTIONS", "/v1/models"),
        ("GET", "/nowhere"),
    ],
)
@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Host": "evil.example:8002", "Origin": "http://evil.example:8002"}, "forbidden_host"),
        ({"Host": "evil.example:8002"}, "forbidden_host"),
        ({"Origin": "http://evil.example"}, "forbidden_origin"),
        ({"Origin": "null"}, "forbidden_origin"),
    ],
)
def test_a_page_that_may_not_call_gets_nothing(method, path, headers, code):
    response, (report,) = answer(method, path, headers)
    assert response.status_code == 403
    error = response.json()["error"]
    assert (error["type"], error["code"]) == ("invalid_request_error", code)
    assert "evil" not in response.text
    assert (report.status, report.error) == (403, code)


@pytest.mark.parametrize(
    ("headers", "app"),
    [
        ({}, {}),
        ({"Origin": "http://localhost:3000"}, {}),
        ({"Host": "box.lan"}, {"hosts": OWN}),
        ({"Host": "box.lan", "Origin": "http://box.lan"}, {"hosts": OWN}),
        ({"Origin": "https://chat.example"}, {"cors_origins": ("https://chat.example",)}),
        ({"Origin": "https://chat.example"}, {"cors_origins": ("*",)}),
        ({"Host": "abc.lambda-url.eu-west-1.on.aws", "Origin": "https://x.y"}, {"hosts": None}),
    ],
)
def test_others_are_answered(headers, app):
    response, _ = answer("POST", "/v1/chat/completions", headers, **app)
    assert response.json()["choices"][0]["message"]["content"] == "Hello"
