"""Markers in answer text."""

from __future__ import annotations

import pytest
from hypothesis import given

from bridge.decoder import NO_PROTOCOL
from bridge.dialects import DIALECTS
from bridge.dialects.expected import Expected
from bridge.scanner import MAX_RUN, Marker, Scanner
from tests.decoding import KEY, characters, split
from tests.properties.mutations import CUTS, WRITTEN

CALL = "```tool_call amber otter"
RESULT = "```tool_result amber otter"


def scanner(dialect="fence", *, near=True, think=False):
    grammar = DIALECTS[dialect](KEY).grammar if dialect else NO_PROTOCOL
    return Scanner(grammar, Expected() if near else None, think=think)


def found(pieces, dialect="fence", **options):
    """Every marker with what stands before it; text goes on behind each."""
    scanning = scanner(dialect, **options)
    markers: list[tuple[str, str]] = []
    before, unread, near_from = "", "", 0

    def scan(*, at_end):
        nonlocal before, unread, near_from
        place = 0
        while True:
            it = scanning.find(unread, place, near_from=near_from, at_end=at_end)
            before += unread[place : it.start]
            place = it.start
            if it.marker is None:
                break
            markers.append((it.marker.name, before))
            if it.marker is Marker.NEAR:
                near_from = it.start + 1
            else:
                before, place = "", it.end
                scanning.skip(begins_line=False)
        unread, near_from = unread[place:], max(near_from - place, 0)

    for piece in pieces:
        unread += piece
        scan(at_end=False)
    scan(at_end=True)
    return [*markers, ("", before)]


CASES = [
    pytest.param("plain text", {}, [("", "plain text")], id="none"),
    pytest.param(f"a\n{CALL}\nb", {}, [("CALL", "a\n"), ("", "\nb")], id="call"),
    pytest.param(f"a {CALL}", {}, [("CALL", "a "), ("", "")], id="call-at-the-end-of-the-line"),
    pytest.param(f"`{CALL}\n", {}, [("CALL", ""), ("", "\n")], id="call-in-a-longer-fence"),
    pytest.param(f"{CALL}s\n", {"near": False}, [("", f"{CALL}s\n")], id="another-word"),
    pytest.param(f"{CALL}_\n", {"near": False}, [("", f"{CALL}_\n")], id="a-word-that-goes-on"),
    pytest.param("```tool_call x\n", {}, [("NEAR", ""), ("", "```tool_call x\n")], id="own-info"),
    pytest.param("```tool_call", {}, [("NEAR", ""), ("", "```tool_call")], id="half-a-marker"),
    pytest.param("```tool_call a", {}, [("CALL", ""), ("", "")], id="cut-inside-the-key"),
    pytest.param(f"a{RESULT} 1 x", {}, [("RESULT", "a"), ("", " 1 x")], id="result"),
    pytest.param(f"````{RESULT}", {}, [("RESULT", ""), ("", "")], id="result-in-a-longer-fence"),
    pytest.param(
        f"````\n{CALL}\n````\n{CALL}\n",
        {},
        [("CALL", f"````\n{CALL}\n````\n"), ("", "\n")],
        id="example-fence",
    ),
    pytest.param(f"```py\nx\n{CALL}\n", {}, [("CALL", "```py\nx\n"), ("", "\n")], id="open-fence"),
    pytest.param("```json\n", {}, [("NEAR", ""), ("", "```json\n")], id="json-fence"),
    pytest.param("```json", {}, [("NEAR", ""), ("", "```json")], id="json-fence-at-the-end"),
    pytest.param(
        "```py\n{\n```\n{",
        {},
        [("NEAR", "```py\n{\n```\n"), ("", "```py\n{\n```\n{")],
        id="nothing-is-near-in-a-fence",
    ),
    pytest.param(
        "```py\n{\n````\n{",
        {},
        [("NEAR", "```py\n{\n````\n"), ("", "```py\n{\n````\n{")],
        id="a-longer-fence-closes",
    ),
    pytest.param("````py\n```\n{", {}, [("", "````py\n```\n{")], id="a-shorter-one-does-not"),
    pytest.param("```py\n``` x\n{", {}, [("", "```py\n``` x\n{")], id="nor-one-with-words"),
    pytest.param(
        "```a``` b\n{",
        {},
        [("NEAR", "```a``` b\n"), ("", "```a``` b\n{")],
        id="a-code-span-is-no-fence",
    ),
    pytest.param(
        "x ```py\n{", {}, [("NEAR", "x ```py\n"), ("", "x ```py\n{")], id="a-fence-begins-a-line"
    ),
    pytest.param("> 1. ```py\n{", {}, [("", "> 1. ```py\n{")], id="or-follows-marks"),
    pytest.param(
        " " * 30 + "```py\n{",
        {},
        [("NEAR", " " * 30 + "```py\n"), ("", " " * 30 + "```py\n{")],
        id="not-that-far-in",
    ),
    pytest.param(
        "```" + "x" * 200 + "\n{", {}, [("", "```" + "x" * 200 + "\n{")], id="a-long-info-string"
    ),
    pytest.param(
        "`" * MAX_RUN + "\n{",
        {},
        [("NEAR", "`" * MAX_RUN + "\n"), ("", "`" * MAX_RUN + "\n{")],
        id="ornament",
    ),
    pytest.param(
        "`" * 200 + "tool_call amber otter",
        {},
        [("", "`" * 200 + "tool_call amber otter")],
        id="ornament-before-an-info",
    ),
    pytest.param('a\n{"x', {}, [("NEAR", "a\n"), ("", 'a\n{"x')], id="object"),
    pytest.param('a {"x', {}, [("", 'a {"x')], id="object-in-a-line"),
    pytest.param("a <tool_call>", {}, [("NEAR", "a "), ("", "a <tool_call>")], id="tag"),
    pytest.param("a `<tool_call>`", {}, [("", "a `<tool_call>`")], id="tag-in-a-code-span"),
    pytest.param(
        "x ```<tool_call>", {}, [("NEAR", "x ```"), ("", "x ```<tool_call>")], id="tag-on-a-fence"
    ),
    pytest.param("a\n[f(", {}, [("NEAR", "a\n"), ("", "a\n[f(")], id="list"),
    pytest.param(
        f"a\n{{<tool_call>{CALL}",
        {"near": False},
        [("CALL", "a\n{<tool_call>"), ("", "")],
        id="nothing-is-near",
    ),
    pytest.param("<think>a", {}, [("", "<think>a")], id="thinking-was-not-asked-for"),
    pytest.param("a\n <THINK>b", {"think": True}, [("THINK", "a\n "), ("", "b")], id="thinking"),
    pytest.param("a\n<thi", {"think": True}, [("", "a\n<thi")], id="half-a-tag"),
    pytest.param("a <think>b", {"think": True}, [("", "a <think>b")], id="thinking-in-a-line"),
    pytest.param(
        "```py\n<think>", {"think": True}, [("", "```py\n<think>")], id="thinking-in-a-fence"
    ),
    pytest.param(
        "a\n<think>\n```py\n<think>\n",
        {"think": True, "dialect": None, "near": False},
        [("THINK", "a\n"), ("", "\n```py\n<think>\n")],
        id="no-protocol",
    ),
    pytest.param(
        "a\n<think>```tool_call",
        {"dialect": None, "near": False},
        [("", "a\n<think>```tool_call")],
        id="no-markers",
    ),
    pytest.param("a <tool_call>b", {"dialect": "hermes"}, [("CALL", "a "), ("", "b")], id="hermes"),
    pytest.param(
        "<tool_response>", {"dialect": "hermes"}, [("RESULT", ""), ("", "")], id="hermes-result"
    ),
    pytest.param("<tool_cal", {"dialect": "hermes"}, [("", "<tool_cal")], id="hermes-half"),
    pytest.param(
        "```\n<tool_call>",
        {"dialect": "hermes", "near": False},
        [("CALL", "```\n"), ("", "")],
        id="hermes-in-a-fence",
    ),
    pytest.param(
        "```\n<b>{",
        {"dialect": "hermes"},
        [("NEAR", ""), ("", "```\n<b>{")],
        id="hermes-other-tag-in-a-fence",
    ),
    pytest.param(
        "````\n<tool_call>", {"dialect": "hermes"}, [("", "````\n<tool_call>")], id="hermes-example"
    ),
]


@pytest.mark.parametrize(("text", "options", "expected"), CASES)
def test_finding(text, options, expected):
    assert found([text], **options) == expected
    assert found(characters(text), **options) == expected


@given(text=WRITTEN, cuts=CUTS)
def test_any_split_finds_the_same(text, cuts):
    """But for near misses: what is certainly none is not even begun where more is there to see."""
    for options in ({"think": True, "near": False}, {"dialect": "hermes", "near": False}):
        whole = found([text], **options)
        assert found(characters(text), **options) == whole
        assert found(split(text, cuts), **options) == whole


AFTER = [
    pytest.param(" \n", (None, 2), id="white-space"),
    pytest.param("```", (None, 0), id="what-may-become-a-marker"),
    pytest.param("`````", (None, 2), id="of-a-run-only-the-end"),
    pytest.param("\n``` ]}\n~~~\n> ", (None, 14), id="closing-marks"),
    pytest.param("\n```\nx", (Marker.OTHER, 5), id="words"),
    pytest.param(f"\n{CALL}\n", (Marker.CALL, 1), id="call"),
    pytest.param(f"```{CALL}\n", (Marker.CALL, 3), id="call-after-a-fence"),
    pytest.param(f"{RESULT} 1", (Marker.RESULT, 0), id="result"),
    pytest.param('{"name": "x"}', (Marker.OTHER, 0), id="near-miss"),
]


@pytest.mark.parametrize(("text", "expected"), AFTER)
def test_what_follows_a_call(text, expected):
    it = scanner().after_call(text, 0)
    assert (it.marker, it.start) == expected


def test_what_ends_a_reply_after_a_call():
    assert scanner().after_call("\n```tool_c", 0, at_end=True).marker is Marker.OTHER
    assert scanner().after_call("\n```", 0, at_end=True).marker is None
    assert scanner("hermes").after_call("```\n<tool_call>", 0).marker is Marker.CALL
