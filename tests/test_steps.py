"""Longer texts cost as much a character as short ones, and no more is held than must be."""

from __future__ import annotations

import json

import pytest

from bridge.block import MAX_CALLS
from bridge.dialects.near_miss import MAX_LENGTH
from bridge.parts import Block, CallArguments, CallStart, Text
from tests.decoding import calls, content, decoder, malformed, parts_of
from tests.properties.steps import cost, dearer_when_longer

OPEN = "```tool_call amber otter\n"


PREFIXES = ["`", "<", "{\n", "<think", "```tool_call", " ", "\n", "\u2060", "<\u2060"]
"""What may begin a marker, or be held for another reason."""

MANY = [
    *("```", "```\n", "```json\n", OPEN, "\n<think>", "</think>", "<tool_call", '\n{"name": '),
    *('\n{"name":"ping"}', "[\n", "[ping(", "\t\n", "<\u2060think", "amber otte", "amber otter"),
    *("- ", "1. ", "a ", "@a amber", "<think>", "[", '{"name": "ping"}\n', "@", "> ", "amber "),
    *('{"name": "', "[TOOL_CALLS]", "<tool_call>", "(", "~~~", "aamber otter"),
]
TAGS = [
    *("<|channel|>final to=x", "<|end|><|start|>assistant", "\n<|think|>", "◁", "`</think>`"),
    *("<think:", "<think><think>", "</think>", "x`y "),
]
SOME = ["`", "</", "\u2060", "x ", "\\", '"']
STARTS = [
    pytest.param("", {}, PREFIXES, id="text"),
    pytest.param("", {"asked": True, "dialect": "hermes"}, PREFIXES, id="thinking-model"),
    pytest.param("<think>", {}, SOME, id="thinking"),
    pytest.param(OPEN, {"dialect": "raw"}, SOME, id="block"),
    pytest.param(OPEN + '{"name": "ping", "arguments": {"a": "', {}, SOME, id="string"),
    pytest.param(OPEN + '{"name": "ping"}\n```\n', {}, SOME, id="after-a-call"),
    pytest.param(
        OPEN + '{"name": "ping"}\n@a amber otter\n',
        {"dialect": "raw", "hold": 0},
        SOME,
        id="raw-text",
    ),
    pytest.param('{"name": "ping", "arguments": {"a": "', {}, SOME, id="near-miss"),
    pytest.param("x ", {"asked": True}, TAGS, id="tags-of-a-thinking-model"),
    pytest.param("<|channel|>analysis<|message|>", {}, TAGS, id="tags-in-a-channel"),
    pytest.param("analysis", {}, TAGS, id="tags-in-doubt"),
    pytest.param("", {}, MANY, id="much"),
    pytest.param(OPEN, {}, MANY, id="much-in-a-block"),
]
LENGTH = 2400
"""Longer than what is held for a while; half of it unless thinking may come without a tag."""


@pytest.mark.parametrize(("start", "options", "units"), STARTS)
@pytest.mark.parametrize("size", [pytest.param(1, marks=pytest.mark.slow), 64, 10**9])
def test_longer_text_costs_as_much_a_character(start, options, units, size):
    length = LENGTH if size > 1 or "asked" in options else LENGTH // 2
    for unit in units[:: 1 if size > 1 else 2 if units is PREFIXES else 5]:
        cost(start + unit, 64, **options)  # what is loaded and cached at first use
        assert not dearer_when_longer(start, unit, length, size, **options), unit


MUCH = 300_000


@pytest.mark.parametrize(
    ("unit", "bound"),
    [
        *(("`", 64), ("<", 64), ("{\n", 200), ("\n<think", 64), ("```tool_call", 300), ("a ", 64)),
        *((" ", 1100), ("\n", 1100), ("\u2060", 64), ("<\u2060", 400), ("```x\n", 300)),
        *(('\n{"name": ', 1500), ("\n{'name': /*", MAX_LENGTH), ("\n[ping(", MAX_LENGTH)),
    ],
)
def test_much_of_the_same(unit, bound):
    """At once, and a part of them in pieces; what is held back stays under its bound."""
    for size, length in ((64, MUCH // 5), (MUCH, MUCH)):
        text = unit * (length // len(unit))
        reading = decoder()
        given = 0
        for place in range(0, len(text), size):
            for part in reading.feed(text[place : place + size]):
                assert isinstance(part, Text)
                given += len(part.text)
            joiners = text.count("\u2060", 0, place + size)
            assert min(place + size, len(text)) - given <= bound + size + joiners
        rest = "".join(part.text for part in reading.close() if isinstance(part, Text))
        given += len(rest)
        assert given >= len(text) - text.count("\u2060")


def test_text_without_markers_leaves_piece_by_piece():
    piece = "Nothing but words, 0123456789. "
    reading = decoder()
    for _ in range(MUCH // len(piece)):
        (part,) = reading.feed(piece)
        assert len(part.text) >= len(piece) - 1


def test_arguments_of_a_million_characters_stream():
    body = json.dumps('some text, "quoted" 北京\n' * 40_000, ensure_ascii=False)
    text = f'{OPEN}{{"name": "any-thing", "arguments": {{"a": {body}}}}}\n```'
    reading = decoder()
    given: list[str] = []
    for place in range(0, len(text), 4):
        for part in reading.feed(text[place : place + 4]):
            if isinstance(part, CallArguments):
                given.append(part.json)
            else:
                assert place < 2100 or place > len(text) - 10
    assert "".join(given) == f'{{"a":{body}}}'
    assert max(map(len, given[1:])) <= 8


def test_many_keys():
    value = {f"key{number}": number for number in range(10_000)}
    text = f"{OPEN}{json.dumps({'name': 'any-thing', 'arguments': value})}\n```"
    for hold in (0, 10**9):
        ((_, arguments),) = calls(parts_of([text], hold=hold))
        assert json.loads(arguments) == value


@pytest.mark.parametrize("bracket", ["[", '{"a":'])
@pytest.mark.parametrize("hold", [0, 2048])
def test_deep_nesting_is_a_fault(bracket, hold):
    text = f'{OPEN}{{"name": "ping", "arguments": {{"a": {bracket * 10_000}'
    parts = parts_of([text], hold=hold)
    if hold:
        assert [broken.fault.kind for broken in malformed(parts)] == ["json"]
    else:
        assert parts[0] == CallStart("ping")
        assert parts[-1].fault.kind == "json"


def test_a_near_miss_of_deep_nesting_is_text():
    text = '{"name": "ping", "arguments": {"a": ' + "[" * 10_000
    assert content(parts_of([text])) == text


def test_a_thousand_blocks():
    text = f'{OPEN}{{"name": "ping"}}\n```\n' * 1000
    parts = parts_of([text[i : i + 64] for i in range(0, len(text), 64)])
    assert len(calls(parts)) == MAX_CALLS
    assert parts[-1] == Block((), cut=True)


def test_a_thousand_blocks_of_unknown_tools():
    text = f'{OPEN}{{"name": "pong"}}\n```\n' * 1000
    parts = parts_of([text])
    assert len(malformed(parts)) == MAX_CALLS
    assert calls(parts) == []
