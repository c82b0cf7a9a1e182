"""Nothing in a request holds the event loop: others are served beside hostile ones of every kind.

The watchdog counts the processor's time of each step of the loop, not the clock's, and holds it
against a piece of work that is measured in the same run: so a busy machine changes nothing.
"""

from __future__ import annotations

import asyncio
import gc
import json
import time
from typing import Any

import httpx
import pytest

from bridge.server.chat import SMALL_BODY
from bridge.upstream.scripted import Delay, Scripted
from bridge.validation import parse_request
from tests.local_server import AUTH, an_app, chat, written
from tests.siege.test_hostile_schemas import ANSWERED, given, tools

pytestmark = pytest.mark.measured

JSON = AUTH | {"Content-Type": "application/json"}
PATH = "/v1/chat/completions"
UNITS = 3
"""Of work, that a step may take for each MB of its request, or for one that is smaller: 50 ms of a
processor on which a unit takes 16."""


def unit() -> float:
    """The processor's seconds that a fixed piece of work takes now."""
    before = time.thread_time()
    for _ in range(60_000):
        str(before)
    return time.thread_time() - before


class Watchdog:
    """The processor's time of each step that the event loop takes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.longest = 0.0
        run = asyncio.Handle._run

        def measured(handle: asyncio.Handle) -> None:
            before = time.thread_time()
            run(handle)
            self.longest = max(self.longest, time.thread_time() - before)

        monkeypatch.setattr(asyncio.Handle, "_run", measured)


def asked(body: bytes, *replies: str) -> httpx.Response:
    """The answer to a request, beside a task that ticks."""
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0)
            ticks += 1

    async def scenario() -> httpx.Response:
        app = an_app(Scripted([[Delay(0), reply] for reply in replies or ["Hello"]]))
        beside = asyncio.create_task(tick())
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as http:
            response = await http.post(PATH, content=body, headers=JSON)
        beside.cancel()
        return response

    response = asyncio.run(scenario())
    assert ticks > 0 or len(body) <= SMALL_BODY
    return response


def encoded(**fields: Any) -> bytes:
    return json.dumps(chat(**fields), separators=(",", ":")).encode()


def enumerated(value: object, count: int) -> list[dict[str, Any]]:
    return tools(*[given(a={"enum": [value] * count})] * 128)


WIDE = {f"p{n}": {"type": "string"} for n in range(9000)}
BODIES = {
    "content": encoded(messages=[{"role": "user", "content": [1] * 400_000}]),
    "empty-parts": encoded(messages=[{"role": "user", "content": [{}] * 200_000}]),
    "tool-calls": encoded(messages=[{"role": "assistant", "tool_calls": [1] * 400_000}]),
    "messages": encoded(messages=[{"role": "user"}] * 10_000),
    "roles": encoded(messages=[1] * 10_000),
    "allowed-tools": encoded(
        tools=tools({}),
        tool_choice={
            "type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [1] * 400_000}
        },
    ),
    "numbers": encoded(tools=enumerated(1, 20_000)),
    "texts": encoded(tools=enumerated("a", 10_000)),
    "objects": encoded(tools=enumerated({}, 13_000)),
    "short-enumerations": encoded(tools=enumerated(1, 900)),
    "properties": encoded(tools=tools(*[given(**dict(list(WIDE.items())[:900]))] * 128)),
    "many-schemas": encoded(tools=tools({"anyOf": [{"$id": "a"}] * 300_000, "$ref": "#"})),
    "a-long-name": encoded(tools=tools(given(**{"x" * 1_000_000: {"properties": WIDE}}))),
    "ids": encoded(tools=tools(given(**{f"p{n}": {"$id": "a", "$ref": "#"} for n in range(4000)}))),
    "brackets": b'{"messages":' + b"[" * 3_000_000,
    "nested": encoded(messages=[json.loads("[" * 30 + "]" * 30)] * 9000),
    "stops": encoded(stop=["a" * 1_000_000 + "b"] * 4),
}  # fmt: skip
CHECKED = {
    name: ANSWERED[name]
    for name in (
        "any-of-doubled", "one-of-doubled", "all-of-doubled", "itself", "unevaluated",
        "patterns-for-names", "a-pattern-that-explodes", "contains",
    )
}  # fmt: skip
EVIL = given(
    a={
        "$schema": "http://json-schema.org/draft-07/schema#",
        "pattern": "^(a+)+$",
        "uniqueItems": True,
    }
)
CHECKED["standard-class"] = (EVIL, {"a": "a" * 40 + "!"})
CHECKED["standard-class-of-lists"] = (EVIL, {"a": [[n] for n in range(2000)]})
CHECKED["alternatives"] = (
    given(a={"items": {"anyOf": [{"const": n} for n in range(300)]}}), {"a": [299] * 3000}
)  # fmt: skip
CHECKED["doubled-and-recursive"] = (
    given(a={"anyOf": [{"$ref": "#/properties/a"}, {"items": {"$ref": "#/properties/a"}}]}),
    {"a": [[[[]]]]},
)


@pytest.fixture
def watchdog(monkeypatch):
    gc.collect()
    gc.freeze()  # what other tests have left is not to be looked through in a step of these
    yield Watchdog(monkeypatch)
    gc.unfreeze()


def quickly(watchdog: Watchdog, body: bytes, *replies: str) -> httpx.Response:
    """The answer; of three tries, one must hold the loop for no longer than it may."""
    asked(encoded(tools=tools({})), written(("f0", {})))  # what is loaded at first use
    held = []
    for _ in range(3):
        before, watchdog.longest = unit(), 0.0
        response = asked(body, *replies)
        held.append(watchdog.longest / max(before, unit()) / max(len(body) / 2**20, 1))
        if held[-1] <= UNITS:
            return response
    pytest.fail(f"{held} units of work in one step")


@pytest.mark.parametrize("name", BODIES)
def test_a_hostile_body_holds_no_one_up(watchdog, name):
    assert quickly(watchdog, BODIES[name]).status_code in {200, 400}


@pytest.mark.parametrize("name", CHECKED)
def test_a_hostile_schema_holds_no_one_up(watchdog, name):
    schema, arguments = CHECKED[name]
    body = encoded(tools=tools(schema), n=8)
    assert quickly(watchdog, body, written(("f0", arguments))).status_code == 200


def test_64_calls_of_8_choices_share_one_budget(watchdog):
    schema, _ = CHECKED["alternatives"]
    reply = written(*[("f0", {"a": [299] * 20})] * 64)
    choices = quickly(watchdog, encoded(tools=tools(schema), n=8), reply).json()["choices"]
    assert sum(len(choice["message"]["tool_calls"]) for choice in choices) == 64 * 8


def test_the_watchdog_sees_what_holds_the_loop(watchdog, monkeypatch):
    def slow(*args: Any) -> Any:
        for _ in range(2 * UNITS):
            unit()
        return parse_request(*args)

    monkeypatch.setattr("bridge.server.chat.parse_request", slow)
    with pytest.raises(pytest.fail.Exception, match="units of work in one step"):
        quickly(watchdog, encoded())
