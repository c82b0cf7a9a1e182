"""Near misses, and the gate they pass."""

from __future__ import annotations

import json

import pytest
from hypothesis import given

from bridge.dialects import DIALECTS
from bridge.dialects.echoes import Echoes
from bridge.dialects.expected import Expected
from bridge.dialects.near_miss import MAX_CALLS, MAX_LENGTH, Candidate
from tests.decoding import KEY, TOOLS, characters, split
from tests.properties.mutations import CUTS, WRITTEN

PARIS = '{"name": "get_weather", "arguments": {"city": "Paris"}}'
WEATHER = ("get_weather", '{"city":"Paris"}')
PING = '{"name": "ping", "arguments": {}}'
OPEN = "```tool_call amber otter\n"


def read(pieces, *, messages=(), dialect="fence"):
    """The calls, or how much of the text is settled as none."""
    expected = Expected(TOOLS, echoes=Echoes(messages))
    candidate = Candidate(DIALECTS[dialect](KEY).grammar, expected)
    unread = ""
    for number, piece in enumerate(pieces):
        unread += piece
        unread = unread[candidate.read(unread, 0, at_end=number == len(pieces) - 1) :]
        if candidate.failed:
            return candidate.taken
    return [(call.name, call.arguments) for call in candidate.close()]


CALLS = [
    pytest.param(PARIS, [WEATHER], id="object"),
    pytest.param(f"[{PARIS}, {PING},]", [WEATHER, ("ping", "{}")], id="list"),
    pytest.param(f"{PARIS}\n{PING};\n", [WEATHER, ("ping", "{}")], id="lines"),
    pytest.param(f"```json\n{PARIS}\n```\n", [WEATHER], id="fence"),
    pytest.param(f"~~~\r\n{PARIS}\r\n~~~", [WEATHER], id="tildes-and-returns"),
    pytest.param(
        f"```json\n{PARIS}\n```\n\n```\n{PING}\n```", [WEATHER, ("ping", "{}")], id="two-fences"
    ),
    pytest.param(f"```json\n{PARIS}", [WEATHER], id="open-fence"),
    pytest.param(f"```json\n{PARIS[:-1]}\n```", [WEATHER], id="missing-brace"),
    pytest.param(f"<tool_call>{PARIS[:-2]}</tool_call>", [WEATHER], id="missing-braces-in-a-tag"),
    pytest.param(f"<tool_call amber otter>{PARIS}</tool_call>", [WEATHER], id="tag-with-the-key"),
    pytest.param(f"<|tool_call|>{PING}<|/tool_call|>", [("ping", "{}")], id="vendor"),
    pytest.param(f"[TOOL_CALLS][{PING}]", [("ping", "{}")], id="token"),
    pytest.param(
        "```\nget_weather(city='Paris')\nping()\n```", [WEATHER, ("ping", "{}")], id="python"
    ),
    pytest.param(f"[TOOL_CALLS]ping{{}}\n{PARIS}", [("ping", "{}"), WEATHER], id="foreign-first"),
    pytest.param(f"{PARIS}\nping()\n{PING}", [WEATHER, ("ping", "{}"), ("ping", "{}")], id="mixed"),
    pytest.param(
        "{'name': 'ping', 'arguments': {'a': '```</'}}", [("ping", '{"a":"```</"}')], id="marks"
    ),
    pytest.param('{arguments: {a: 1}, name: "ping"}', [("ping", '{"a":1}')], id="bare-keys"),
    pytest.param(
        f"```json\n{PARIS}\n```\n{OPEN}{PING}\n```", [WEATHER, ("ping", "{}")], id="own-block"
    ),
    pytest.param(f"{OPEN}{PARIS}\n```", [WEATHER], id="own-block-alone"),
    pytest.param('```tool_call get_weather\n{"city": "Paris"}\n```', [WEATHER], id="named"),
    pytest.param(
        '{"name": "ping", "arguments": {"a": "<\u2060think>"}}',
        [("ping", '{"a":"<think>"}')],
        id="joiners",
    ),
    pytest.param(
        '{"name": "ping", "arguments": {"a": "' + "x" * 9000 + '"}}',
        [("ping", '{"a":"' + "x" * 9000 + '"}')],
        id="long",
    ),
]


@pytest.mark.parametrize(("text", "expected"), CALLS)
def test_reading(text, expected):
    assert read([text]) == read(characters(text)) == expected


NONE = [
    pytest.param(f"{PARIS}\nThat", f"{PARIS}\n", id="words-behind"),
    pytest.param(f"{PARIS}\n]", f"{PARIS}\n", id="a-bracket-that-was-not-opened"),
    pytest.param('{"age": 3}', '{"age"', id="other-key"),
    pytest.param('{"name": "Bob", "x": 1}', '{"name": "Bob"', id="other-name"),
    pytest.param('{"name": "ping" x', '{"name": "ping" ', id="unreadable"),
    pytest.param(
        '{"name": "get_weather", "arguments": {}} ',
        '{"name": "get_weather", "arguments": {}}',
        id="against-the-schema",
    ),
    pytest.param(
        '{"name": "ping", "arguments": 5} ', '{"name": "ping", "arguments": 5}', id="no-object"
    ),
    pytest.param('{"type": "x"} ', '{"type": "x"', id="no-name"),
    pytest.param("```yaml\n", "", id="other-fence"),
    pytest.param("```json\n```yaml\n", "```json\n", id="other-fence-inside"),
    pytest.param("``` ` \n", "", id="no-fence"),
    pytest.param("```tool_call copper otter\n", "", id="wrong-key"),
    pytest.param("```" + "x" * 200, "", id="a-long-info"),
    pytest.param(f"```json\n{OPEN}{PING}", "```json\n", id="own-block-in-a-fence"),
    pytest.param("<tool_call>Hello", "<tool_call>", id="words-in-a-tag"),
    pytest.param("<tool_call>pong()", "<tool_call>", id="another-function"),
    pytest.param("<tool_call>" + "x" * 200, "<tool_call>", id="a-long-word"),
    pytest.param("<tool_call><b>", "<tool_call>", id="another-tag"),
    pytest.param(PING * (MAX_CALLS + 1), PING * MAX_CALLS, id="too-many"),
]


@pytest.mark.parametrize(("text", "settled"), NONE)
def test_what_is_none(text, settled):
    assert read([text + "\n\n"]) == read([*characters(text), "\n\n"]) == len(settled)


UNDECIDED = [
    pytest.param('{"name": "ping", "arguments": {', id="cut"),
    pytest.param("```json\n", id="nothing"),
    pytest.param("ping(a=", id="python-cut"),
    pytest.param("ping() pong()", id="foreign-and-another"),
    pytest.param("ping() x", id="foreign-and-words"),
    pytest.param("get_weather(days='x')", id="foreign-against-the-schema"),
    pytest.param("get_weather(days=3)\n{", id="foreign-and-half-an-object"),
]


@pytest.mark.parametrize("text", UNDECIDED)
def test_what_is_none_at_the_end(text):
    assert not isinstance(read([text]), list) or read([text]) == []
    assert not isinstance(read(characters(text)), list) or read(characters(text)) == []


def test_an_echo_is_no_call():
    spaced = json.dumps(json.loads(PARIS), indent=2)
    assert read([PARIS], messages=["Say:", f"Please say {spaced}!"]) == []
    assert read([f"{PING}\n{PARIS}"], messages=[f"x{PARIS}x"]) == []
    quoted = json.dumps({"page": f"Say {PARIS}"})
    assert read([PARIS], messages=[quoted]) == []
    assert read([PARIS], messages=[json.dumps([quoted, json.dumps(spaced)])]) == []
    beijing = PARIS.replace("Paris", "北京")
    assert read([beijing], messages=[json.dumps([beijing])]) == []
    assert read([PARIS], messages=["What is the weather in Paris?"]) == [WEATHER]
    assert read(["ping()"], messages=["call ping ( ) now"]) == []


def test_in_a_dialect_without_key():
    assert read([f"```json\n{PARIS}\n```"], dialect="hermes") == [WEATHER]
    assert read([f"```json\n<tool_call>{PARIS}"], dialect="hermes") == len("```json\n")
    assert read([f"<tool_call>{PARIS}"], dialect="hermes") == [WEATHER]


@pytest.mark.parametrize(
    ("start", "unit"),
    [
        ('{"name": "ping", "arguments": {"a": "', "x"),
        ("ping(a='", "x"),
        ("{ ", "/* */"),
        ("[", "\n"),
    ],
)
def test_only_so_much_is_held(start, unit):
    text = start + unit * (MAX_LENGTH // len(unit) + 10)
    assert read([text]) == read(split(text, list(range(0, len(text), 5000))))
    assert MAX_LENGTH - 10 <= read([text]) <= MAX_LENGTH


@given(text=WRITTEN, cuts=CUTS)
def test_any_split_gives_the_same(text, cuts):
    for start in ("", "{", "```json\n", "<tool_call>", "[", "ping("):
        whole = read([start + text])
        assert read(characters(start + text)) == whole
        assert read(split(start + text, cuts)) == whole
