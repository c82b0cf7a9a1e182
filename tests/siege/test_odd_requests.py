"""Requests that no library would send: answered or refused, and never the end of the server."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import pytest

from tests.fake_upstream import Answer, chat
from tests.local_server import KEY
from tests.local_server import chat as chat_body
from tests.siege.wire import HEAD, connected, request

GET = b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n"
AUTH = f"Authorization: Bearer {KEY}\r\n".encode()
BODY = json.dumps(chat_body()).encode()
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
CHUNKED = b"Transfer-Encoding: chunked\r\n"
LIMIT = 6 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Odd:
    """What is sent, the statuses that come back, and whether the server ends the connection."""

    sent: bytes
    statuses: list[int]
    closes: bool = False


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def with_key(value: bytes, name: bytes = b"Authorization: ") -> bytes:
    return GET + name + value + b"\r\n\r\n"


LET_IN = {
    "as-it-should-be": with_key(b"Bearer 0000"),
    "lower-case": with_key(b"bearer 0000", b"authorization: "),
    "upper-case": with_key(b"BEARER 0000", b"AUTHORIZATION: "),
    "spaces-around": with_key(b"  Bearer   0000  "),
    "no-space-behind-the-colon": with_key(b"Bearer 0000", b"Authorization:"),
    "folded": with_key(b"Bearer\r\n 0000"),
}
KEPT_OUT = {
    "nothing": GET + b"\r\n",
    "empty": with_key(b""),
    "scheme-alone": with_key(b"Bearer"),
    "empty-key": with_key(b"Bearer  "),
    "no-scheme": with_key(b"0000"),
    "another-scheme": with_key(b"Basic MDAwMA=="),
    "another-header": with_key(b"0000", b"X-Api-Key: "),
    "a-cookie": with_key(b"key=0000", b"Cookie: "),
    "tab": with_key(b"Bearer\t0000"),
    "padded": with_key(b"Bearer 00000"),
    "a-part": with_key(b"Bearer 000"),
    "quoted": with_key(b'Bearer "0000"'),
    "two-in-one": with_key(b"Bearer 0000, Bearer 0000"),
    "two-headers": GET + AUTH + AUTH + b"\r\n",
    "two-headers-one-right": GET + AUTH + b"Authorization: Bearer x\r\n\r\n",
    "latin-1": with_key("Bearer 0000é".encode("latin-1")),
    "utf-8": with_key("Bearer ００００".encode()),
    "fifteen-kilobytes": with_key(b"Bearer " + b"0" * 15_000),
    "in-the-query": GET.replace(b"models", b"models?api_key=0000&key=0000") + b"\r\n",
    "in-the-path": GET.replace(b"models", b"models/0000") + b"\r\n",
}
INVALID = {
    "a-megabyte-of-key": with_key(b"Bearer " + b"0" * 1_000_000),
    "a-megabyte-of-headers": GET + AUTH + b"X: y\r\n" * 170_000 + b"\r\n",
    "a-zero-in-the-key": with_key(b"Bearer 0000\0"),
    "no-host": GET.replace(b"Host: localhost\r\n", AUTH) + b"\r\n",
    "two-lengths": HEAD + LENGTH + b"Content-Length: 3\r\n\r\n" + BODY,
    "a-negative-length": HEAD + b"Content-Length: -1\r\n\r\n",
    "a-length-in-words": HEAD + b"Content-Length: many\r\n\r\n",
    "another-coding": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "no-chunk": HEAD + CHUNKED + b"\r\nbanana\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    "garbage": bytes(range(256)) * 10 + b"\r\n\r\n",
    "a-line-break-first": b"\r\n" + GET + AUTH + b"\r\n",
    "a-space-in-a-header": GET + b"X y: z\r\n\r\n",
}
ODD = {
    "http-1.0": Odd(request(chat_body()).replace(b"1.1", b"1.0"), [200], closes=True),
    "connection-close": Odd(HEAD + b"Connection: close\r\n" + LENGTH + b"\r\n" + BODY, [200], True),
    "head": Odd(GET.replace(b"GET", b"HEAD") + AUTH + b"\r\n", [200]),
    "head-of-a-post": Odd(HEAD.replace(b"POST", b"HEAD") + b"\r\n", [405]),
    "options": Odd(b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", [404]),
    "connect": Odd(b"CONNECT localhost:443 HTTP/1.1\r\nHost: localhost\r\n\r\n", [404]),
    "http-2": Odd(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [404], closes=True),
    "upgrade": Odd(GET + AUTH + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", [200]),
    "the-same-length-twice": Odd(HEAD + LENGTH * 2 + b"\r\n" + BODY, [200]),
    "chunks-win-over-a-length": Odd(
        HEAD + b"Content-Length: 5\r\n" + CHUNKED + b"\r\n" + chunk(BODY) + b"0\r\n\r\n", [200],
        closes=True,
    ),
    "a-byte-a-chunk": Odd(
        HEAD + CHUNKED + b"\r\n" + b"".join(chunk(BODY[i : i + 1]) for i in range(len(BODY)))
        + b"0\r\nX-Trailer: y\r\n\r\n", [200],
    ),
    "continue": Odd(HEAD + b"Expect: 100-continue\r\n" + LENGTH + b"\r\n" + BODY, [200]),
    "three-in-one": Odd(request(chat_body()) * 3, [200, 200, 200]),
    "a-body-for-a-get": Odd(GET + AUTH + b"Content-Length: 2\r\n\r\n{}", [200]),
    "no-body": Odd(HEAD + b"\r\n", [400]),
    "an-empty-body": Odd(HEAD + b"Content-Length: 0\r\n\r\n", [400]),
    "a-body-that-goes-on": Odd(
        HEAD + CHUNKED + b"\r\n" + chunk(b" " * 65_536) * 110, [413]
    ),
    "a-zero-in-the-path": Odd(GET.replace(b"models", b"models/%00%0d%0a") + AUTH + b"\r\n", [404]),
    "up-and-out": Odd(GET.replace(b"models", b"../../../etc/passwd") + AUTH + b"\r\n", [404]),
    "a-whole-url": Odd(GET.replace(b"/v1", b"http://localhost/v1") + AUTH + b"\r\n", [404]),
    "a-long-path": Odd(GET.replace(b"models", b"x" * 15_000) + AUTH + b"\r\n", [404]),
}  # fmt: skip
ODD |= {name: Odd(sent, [200]) for name, sent in LET_IN.items()}
ODD |= {name: Odd(sent, [401]) for name, sent in KEPT_OUT.items()}
ODD |= {name: Odd(sent, [400], closes=True) for name, sent in INVALID.items()}
STATUS = re.compile(rb"HTTP/1\.1 ([2-5]\d\d) ")


@pytest.mark.parametrize("name", ODD)
def test_an_odd_request(siege, name):
    odd = ODD[name]

    async def asking() -> list[int]:
        async with connected(siege.server.port) as wire:
            await wire.send(odd.sent)
            if odd.closes:
                await wire.closed()
            else:
                await wire.answers(len(odd.statuses))
            return [int(status) for status in STATUS.findall(wire.seen)]

    assert siege.run(asking())[: len(odd.statuses)] == odd.statuses


def test_every_way_of_being_kept_out_looks_the_same(siege):
    async def asking() -> set[bytes]:
        answers = set()
        async with connected(siege.server.port) as wire:
            for sent in KEPT_OUT.values():
                wire.seen = b""
                await wire.send(sent)
                await wire.until(b'"invalid_api_key"}}')
                answers.add(re.sub(rb"(?m)^(date|x-request-id): .*\r\n", b"", wire.seen))
        return answers

    (answer,) = siege.run(asking())
    assert b"www-authenticate: Bearer" in answer


@pytest.mark.parametrize(("size", "status"), [(LIMIT, 200), (LIMIT + 1, 413)])
def test_a_body_of_just_the_limit(siege, size, status):
    siege.answers(chat("ok", framing="close"))
    text = "x" * (size - len(json.dumps(chat_body(""))))
    body = json.dumps(chat_body(text)).encode()
    assert len(body) == size
    response = siege.ask(None, content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == status
    if status == 200:
        assert siege.up.requests[0].json()["messages"][0]["content"] == text


def test_an_endless_body_ends(siege):
    """Its sender gets the refusal, and the connection is closed some time later."""

    async def sending() -> int:
        async with connected(siege.server.port) as wire:
            await wire.send(HEAD + CHUNKED + b"\r\n")
            for _ in range(200):
                await wire.send(chunk(b"x" * 65_536))
            await wire.until(b"request_too_large")
            return wire.status

    before = siege.server.memory
    assert siege.run(sending()) == 413
    assert siege.server.memory - before < 30_000_000
    siege.answers(Answer([]))
