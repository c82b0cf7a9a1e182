"""The table of upstream faults: what the upstream does, and what the caller is then told."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.fake_upstream import (
    DROP,
    Answer,
    Close,
    Hang,
    Pause,
    Reset,
    chat,
    chunk,
    json_answer,
    sse,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fake_upstream import Step

CANARY = "canary-7f3a"
"""Stands in all that a failing upstream writes; nobody may ever see it."""


@dataclass(frozen=True, slots=True)
class Fault:
    """``text`` comes before it; ``asked``: how often the upstream is asked; ``waits``: the
    ``Retry-After`` that the caller gets."""

    answers: Sequence[Answer]
    code: str
    text: str = ""
    asked: int = 1
    model: str = "m"
    waits: str | None = None


def once(answer: Answer, code: str, **more) -> Fault:
    """A fault that another try would not mend."""
    return Fault([answer], code, **more)


def again(answer: Answer, code: str, **more) -> Fault:
    """A fault before the first piece that is tried once more."""
    return Fault([answer], code, asked=2, **more)


def later(*steps, code: str = "upstream_cut", **more) -> Fault:
    """A fault after the first piece, which has left by then."""
    answer = sse(chunk(content="Hello"), Pause(0.05), *steps, done=False)
    return Fault([answer], code, "Hello", **more)


def status(number: int, **headers: str) -> Answer:
    body = {"error": {"message": CANARY, "type": CANARY, "code": CANARY, "param": CANARY}}
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return json_answer(body, number, {**sent, "X-Canary": CANARY})


def raw(*steps: Step) -> Answer:
    return Answer(steps, framing="none")


def coded(data: bytes, coding: str, *steps: Step) -> Answer:
    return Answer([data, *steps], headers={"Content-Encoding": coding})


def packet(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
HELLO = packet(f"data: {json.dumps(chunk(content='Hello'))}\n\n".encode())
HTML = f"<!doctype html><title>{CANARY}</title>".encode()
HALF = 'data: {"choices":[{"index":0,"delta":{"content":"北'.encode()[:-1]
BIG = b"data: " + b"x" * 10_000_000
USAGE = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 1}}
ZIPPED = gzip.compress(b"".join(step for step in chat("Hello").steps if isinstance(step, bytes)))
BOMB = gzip.compress(b"data: " + b"x" * 50_000_000)
ELSEWHERE = {"Location": f"http://127.0.0.1:1/{CANARY}"}
IN_2050 = "Sat, 01 Jan 2050 00:00:00 GMT"
IN_2000 = "Sat, 01 Jan 2000 00:00:00 GMT"

CUT, TIMEOUT, DOWN = "upstream_cut", "upstream_timeout", "upstream_unavailable"
INVALID, REFUSED, LIMITED = "upstream_invalid_response", "upstream_refused", "rate_limit_exceeded"

FAULTS = {
    "refuses-connections": Fault([], DOWN, asked=0, model="closed"),
    "takes-no-connection": Fault([], DOWN, asked=0, model="deaf"),
    "401": once(status(401), REFUSED),
    "403": once(status(403), REFUSED),
    "404": once(status(404), INVALID),
    "429": once(status(429), LIMITED),
    "429-for-a-minute": once(status(429, Retry_After="60"), LIMITED, waits="60"),
    "429-for-no-time": again(status(429, Retry_After="0"), LIMITED, waits="0"),
    "429-to-a-date": once(status(429, Retry_After=IN_2050), LIMITED, waits=IN_2050),
    "429-to-a-past-date": again(status(429, Retry_After=IN_2000), LIMITED, waits=IN_2000),
    "429-for-nonsense": once(status(429, Retry_After=CANARY), LIMITED),
    "500": again(status(500), DOWN),
    "503": again(status(503), DOWN),
    "503-for-a-minute": once(status(503, Retry_After="60"), DOWN, waits="60"),
    "500-then-401": Fault([status(500), status(401)], REFUSED, asked=2),
    "html": once(Answer([HTML], headers={"Content-Type": "text/html"}), INVALID),
    "html-502": again(Answer([HTML], 502), DOWN),
    "redirect": once(Answer([], 302, ELSEWHERE), INVALID),
    "redirect-of-the-post": once(Answer([HTML], 308, ELSEWHERE), INVALID),
    "error-in-a-200": once(json_answer({"error": {"message": CANARY, "code": LIMITED}}), LIMITED),
    "closes-before-the-head": again(raw(Close()), DOWN),
    "resets-before-the-head": again(DROP, DOWN),
    "closes-in-the-head": again(raw(HEAD, Close()), DOWN),
    "closes-after-the-head": again(Answer([Close()]), CUT),
    "resets-after-the-head": again(Answer([Reset()]), CUT),
    "closes-in-the-first-event": again(Answer([HALF, Close()]), CUT),
    "closes-before-its-length": again(raw(HEAD + b"Content-Length: 99\r\n\r\nx", Close()), CUT),
    "nothing": again(Answer([]), CUT),
    "204": again(Answer([], 204, framing="length"), CUT),
    "usage-only-and-no-end": again(sse(USAGE, done=False), CUT),
    "stalls-before-the-head": once(raw(Hang()), TIMEOUT, model="hasty"),
    "stalls-before-the-body": once(Answer([Hang()]), TIMEOUT, model="hasty"),
    "stalls-in-the-head": once(raw(HEAD, Hang()), TIMEOUT, model="hasty"),
    "ten-megabytes-of-event": once(Answer([BIG, b"\n\n"]), INVALID),
    "ten-megabytes-of-one-line": once(Answer([BIG]), INVALID),
    "ten-megabytes-of-head": again(raw(HEAD + b"X-Canary: " + BIG, Close()), DOWN),
    "a-bomb": once(coded(BOMB, "gzip"), INVALID),
    "not-gzip": once(coded(b"nonsense", "gzip"), INVALID),
    "half-a-gzip": again(coded(ZIPPED[:30], "gzip", Close()), CUT),
    "garbage": once(sse("{nonsense"), INVALID),
    "binary-garbage": again(Answer([bytes(range(256)) * 64]), CUT),
    "not-http": again(raw(b"SSH-2.0-hello\r\n", Close()), DOWN),
    "no-status": again(raw(b"HTTP/1.1 banana\r\n\r\n", Close()), DOWN),
    "two-lengths": again(raw(HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx"), DOWN),
    "no-chunk": again(raw(CHUNKED + b"banana\r\n", Close()), CUT),
    "an-endless-chunk": again(raw(CHUNKED + b"F" * 20 + b"\r\nx", Close()), CUT),
    "then-ends": later(),
    "then-closes": later(Close()),
    "then-resets": later(Reset()),
    "then-closes-in-an-event": later(b'data: {"choices":[{"del', Close()),
    "then-closes-in-a-character": later(HALF, Close()),
    "then-stalls": later(Hang(), code=TIMEOUT, model="hasty"),
    "then-ten-megabytes-of-event": later(BIG, b"\n\n", code=INVALID),
    "then-garbage": later("{nonsense", code=INVALID),
    "then-no-chunk": Fault([raw(CHUNKED, HELLO, Pause(0.05), b"banana\r\n")], CUT, "Hello"),
    "then-an-error": later({"error": {"message": CANARY, "code": 503}}, code=DOWN),
    "then-gives-up": later(chunk(finish="error")),
    "then-usage-only": later(USAGE),
}
