"""The table of replies in ``tests/replies``, each whole, by character and in random pieces."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from bridge.block import Expected
from bridge.decoder import ReplyDecoder, Thoughts
from bridge.dialects import DIALECTS
from bridge.parts import Block, Call, CallArguments, CallEnd, CallStart, Cut, Thinking
from tests.decoding import (
    KEY,
    calls,
    characters,
    coalesced,
    content,
    cut_at_random,
    malformed,
)

DIRECTORY = Path(__file__).parent / "replies"
TOOLS = json.loads((DIRECTORY / "tools.json").read_text("utf-8"))
WORDS = {"why", "reply", "dialect", "tools", "offered", "named", "parallel", "strict", "hold"} | {
    *("asked", "opened", "messages", "finished", "expect")
}
EXPECTED = {"content", "calls", "finish", "thinking", "malformed", "faulty", "near_miss"} | {
    *("repaired", "talks_on", "cut_off", "started", "broken", "unclosed")
}


def with_key(value: Any) -> Any:
    """The value with the key put in."""
    if isinstance(value, str):
        return value.replace("{KEY}", KEY)
    if isinstance(value, list):
        return [with_key(item) for item in value]
    if isinstance(value, dict):
        return {name: with_key(item) for name, item in value.items()}
    return value


def load(path: Path) -> dict:
    case: dict = with_key(tomllib.loads(path.read_text("utf-8")))
    assert set(case) <= WORDS
    assert set(case["expect"]) <= EXPECTED
    return case


CASES = [pytest.param(load(path), id=path.stem) for path in sorted(DIRECTORY.glob("*.toml"))]


def decoder_for(case: dict) -> ReplyDecoder:
    tools = case.get("tools", TOOLS)
    dialect = case.get("dialect", "fence")
    return ReplyDecoder(
        None if dialect == "none" else DIALECTS[dialect](KEY).grammar,
        Expected(
            {name: tools[name] for name in case.get("offered", tools)},
            hold=case.get("hold", 2048),
            strict=frozenset(case.get("strict", ())),
            named=case.get("named"),
            first_only=not case.get("parallel", True),
        ),
        thoughts=Thoughts(case.get("asked", False), case.get("opened", False)),
        messages=case.get("messages", ()),
    )


def decoded(case: dict, pieces: list[str]) -> dict:
    """All that is worth knowing of a reply, in the words of the table."""
    decoder = decoder_for(case)
    finished = case.get("finished", True)
    read = [part for piece in pieces for part in decoder.feed(piece)]
    parts = coalesced([*read, *decoder.close(finished=finished)])
    held = [call for part in parts if isinstance(part, Block) for call in part.calls]
    whole = [call for call in held if isinstance(call, Call)]
    ends = [part for part in parts if isinstance(part, CallEnd)]
    cut_off = any(isinstance(part, Block) and part.cut for part in parts) or any(
        not end.whole and end.fault is None for end in ends
    )
    broken = [end.fault.kind for end in ends if end.fault]
    found = calls(parts)
    text = content(parts)
    short = bool(cut_off or broken or (not finished and not found))
    return {
        "parts": parts,
        "content": text,
        "calls": [list(call) for call in found],
        "thinking": "".join(part.text for part in parts if isinstance(part, Thinking)),
        "malformed": [call.fault.kind for call in malformed(parts)],
        "faulty": [call.fault.kind for call in whole if call.fault],
        "near_miss": any(call.near_miss for call in whole),
        "repaired": any(call.repaired for call in whole),
        "talks_on": any(isinstance(part, Cut) for part in parts),
        "cut_off": cut_off,
        "started": started(parts),
        "broken": broken,
        "unclosed": decoder.unclosed,
        "finish": finish(short=short or (decoder.unclosed and not text), called=bool(found)),
    }


def started(parts: list) -> list[list[str]]:
    """Calls that began to stream and are not whole."""
    found: list[list[str]] = []
    for part in parts:
        if isinstance(part, CallStart):
            found.append([part.name, ""])
        elif isinstance(part, CallArguments):
            found[-1][1] += part.json
        elif isinstance(part, CallEnd) and part.whole:
            found.pop()
    return found


def finish(*, short: bool, called: bool) -> str:
    if short:
        return "length"
    return "tool_calls" if called else "stop"


@pytest.mark.parametrize("case", CASES)
def test_reply(case: dict):
    whole = decoded(case, [case["reply"]])
    nothing: dict = {"content": "", "near_miss": False, "talks_on": False, "cut_off": False}
    nothing |= {"unclosed": False}
    nothing |= {name: [] for name in ("calls", "malformed", "faulty", "started", "broken")}
    expected = nothing | case["expect"]
    assert {name: whole[name] for name in expected} == expected
    pieces = [characters(case["reply"]), *(cut_at_random(case["reply"], n) for n in range(20))]
    for other in pieces:
        assert decoded(case, other) == whole


def test_the_table_is_large_enough():
    assert len(CASES) >= 150
