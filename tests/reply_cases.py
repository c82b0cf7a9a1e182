"""The table of replies: each file of ``tests/replies`` as a request, a model and what is expected.

``tests/replies/README.md`` says what the keys mean.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from benchmarks.judge import wire_messages
from bridge.models import Model
from bridge.plan import plan_of
from bridge.validation import Limits, parse_request
from tests.conversing import KEY, PLAIN, PREFILLS, SEED, Reply
from tests.decoding import marked

DIRECTORY = Path(__file__).parent / "replies"
TOOLS: dict[str, Any] = json.loads((DIRECTORY / "tools.json").read_text("utf-8"))
ASKED = {"dialect", "tools", "offered", "named", "parallel", "strict", "messages", "request"}
SERVED = {"repeat_guard", "hold", "retries", "asked", "opened", "prefilled"}
WRITTEN = {"why", "reply", "again", "finished"}
EXPECTED = {"content", "calls", "finish", "thinking", "malformed", "faulty", "near_miss"} | {
    *("repaired", "talks_on", "cut_off", "started", "broken", "unclosed")
}
ANSWERED = {"content", "calls", "finish", "asked_again", "error"}
MANNERS = {"whole", "streamed", "thought", "asked", "untagged"}
"""Ways of asking in which an answer may differ."""


@dataclass(frozen=True, slots=True)
class Way:
    """What stands before a reply, how its model is served, whether it thinks ``apart``."""

    name: str
    before: str = ""
    model: dict[str, Any] = field(default_factory=dict)
    apart: bool = False


AS_IT_IS = Way("as it is")
THOUGHT = "<think>\nThe pebbles weigh more.\n\nSo I know.\n</think>\n\n"
WAYS = [
    AS_IT_IS,
    Way("thinks unasked", THOUGHT),
    Way("thinks", THOUGHT, {"think": True}),
    Way("asked, and does not think", "", {"think": True}),
    Way("in an opened tag", THOUGHT.partition("\n")[2], {"think": True, "opens_thinking": True}),
]


@dataclass(frozen=True, slots=True)
class Case:
    """One file, with the key put in."""

    name: str
    table: dict[str, Any]

    @property
    def expect(self) -> dict[str, Any]:
        """What the decoder makes of the reply."""
        expect: dict[str, Any] = self.table["expect"]
        return expect

    @property
    def thinks(self) -> bool:
        """Whether the reply itself is about thinking: nothing is put before it."""
        return any(self.table.get(key) for key in ("asked", "opened", "prefilled"))

    @property
    def ways(self) -> list[Way]:
        """How it is tried."""
        return [AS_IT_IS] if self.thinks else WAYS

    def replies_in(self, way: Way) -> list[Reply]:
        """The reply, and those to re-asks."""
        finish = "stop" if self.table.get("finished", True) else "length"
        first = Reply(way.before + self.table["reply"], finish)
        return [first, *(Reply(way.before + text) for text in self.table.get("again", ()))]

    @property
    def model(self) -> dict[str, Any]:
        """How the model is served."""
        dialect = self.table.get("dialect", "fence")
        return {
            "dialect": "fence" if dialect == "none" else dialect,
            "hold": self.table.get("hold", 2048),
            "retries": self.table.get("retries", 1),
            "repeat_guard": self.table.get("repeat_guard", 2),
            "opens_thinking": self.table.get("opened"),
            "think": self.table.get("asked", False),
        }

    @property
    def capabilities(self):
        """Of the upstream."""
        return PREFILLS if "prefilled" in self.table else PLAIN

    @property
    def fields(self) -> dict[str, Any]:
        """The request, but for its model and ``stream``."""
        table = self.table
        messages = table.get("messages", ["Hi."])
        told = [{"user": each} if isinstance(each, str) else each for each in messages]
        return {"messages": wire_messages(told), **self._tools(), **table.get("request", {})}

    def _tools(self) -> dict[str, Any]:
        table = self.table
        tools = {} if table.get("dialect") == "none" else table.get("tools", TOOLS)
        if not tools:
            return {}
        fields: dict[str, Any] = {
            "tools": [
                _function(name=name, parameters=schema, strict=name in table.get("strict", ()))
                for name, schema in tools.items()
            ]
        }
        if not table.get("parallel", True):
            fields["parallel_tool_calls"] = False
        if "named" in table:
            fields["tool_choice"] = _function(name=table["named"])
        elif "offered" in table:
            fields["tool_choice"] = _allowed(table["offered"])
        return fields

    def terms(self):
        """What every attempt is read by."""
        body = {"model": "m", "stream": True, **self.fields}
        request = parse_request(json.dumps(body).encode(), Limits())
        return plan_of(request, Model("m", "up", "m", **self.model), self.capabilities, SEED).terms

    def shows_secrets(self, written: str) -> bool:
        """Whether a client sees thinking, or the key in a marker where there is one."""
        keyless = self.table.get("dialect") in ("none", "hermes")
        secrets = ["pebbles", "weigh", *([] if keyless else [marked(KEY).pattern])]
        return any(re.search(secret, written) for secret in secrets)

    def answer(self, way: Way, *, streamed: bool) -> dict[str, Any]:
        """What the client gets."""
        expect, told = self.expect, self.table.get("answer", {})
        asked = bool(way.model.get("think"))
        manners = {
            **{
                "whole": not streamed,
                "streamed": streamed,
                "thought": bool(way.before or way.apart),
            },
            **{"asked": asked, "untagged": asked and not way.before},
        }
        answer = {
            "content": expect.get("content", ""),
            "calls": [*expect.get("calls", ()), *(expect.get("started", ()) if streamed else ())],
            "finish": expect.get("finish"),
            "asked_again": 0,
            "error": None,
        }
        answer |= {key: value for key, value in told.items() if key not in manners}
        for manner, holds in manners.items():
            answer |= told.get(manner, {}) if holds else {}
        return answer if answer["error"] is None else answer | {"finish": None}


def _function(**function: Any) -> dict[str, Any]:
    return {"type": "function", "function": function}


def _allowed(names: list[str]) -> Any:
    if not names:
        return "none"
    allowed = {"mode": "auto", "tools": [_function(name=name) for name in names]}
    return {"type": "allowed_tools", "allowed_tools": allowed}


def with_key(value: Any) -> Any:
    """The value with the key put in."""
    if isinstance(value, str):
        return value.replace("{KEY}", KEY)
    if isinstance(value, list):
        return [with_key(item) for item in value]
    if isinstance(value, dict):
        return {name: with_key(item) for name, item in value.items()}
    return value


def load(path: Path) -> Case:
    """Read a file; an unknown key fails."""
    table: dict[str, Any] = with_key(tomllib.loads(path.read_text("utf-8")))
    answer = table.get("answer", {})
    assert set(table) <= ASKED | SERVED | WRITTEN | {"expect", "answer"}
    assert set(table["expect"]) <= EXPECTED
    assert set(answer) <= ANSWERED | MANNERS
    assert all(set(answer[manner]) <= ANSWERED for manner in MANNERS & set(answer))
    return Case(path.stem, table)


def in_short(choices: list[dict[str, Any]], error: str | None) -> dict[str, Any]:
    """What a client has read, in the words of the table."""
    choice = choices[0] if choices else {"content": "", "tool_calls": [], "finish_reason": None}
    calls = [[name, arguments] for _, _, name, arguments in choice["tool_calls"]]
    assert (choice["content"] is None) <= bool(calls)
    assert bool(choice["content"]) or not calls or choice["content"] is None
    return {
        "content": choice["content"] or "",
        "calls": calls,
        "finish": choice["finish_reason"],
        "error": error,
    }


CASES = [load(path) for path in sorted(DIRECTORY.glob("*.toml"))]


def each_case() -> pytest.MarkDecorator:
    """A test runs once for each case."""
    return pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
