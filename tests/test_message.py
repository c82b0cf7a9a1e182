"""What messages and deltas hold, in every server's form, and calls that come in bits."""

from __future__ import annotations

import pytest

from bridge.turns import UpstreamCall
from bridge.upstream.message import calls_in, text_of, thinking_of
from bridge.upstream.said import CallBit, CallGatherer

NESTED: object = "deep"
for _ in range(9):
    NESTED = [{"thinking": NESTED}]


@pytest.mark.parametrize(
    ("message", "text", "thinking"),
    [
        ({}, "", ""),
        ({"content": None}, "", ""),
        ({"content": "a"}, "a", ""),
        ({"content": [{"type": "text", "text": "a"}, {"text": "b"}, "c", 7]}, "ab", ""),
        ({"content": [{"type": "image", "text": "a"}, {"type": "text", "text": 1}]}, "", ""),
        ({"content": [{"type": "thinking", "thinking": "a"}]}, "", "a"),
        ({"content": [{"type": "reasoning", "text": "a"}, {"text": "b"}]}, "b", "a"),
        ({"reasoning": "a", "reasoning_content": "a"}, "", "a"),
        ({"reasoning": {"effort": "low"}, "reasoning_text": "a"}, "", "a"),
        ({"thinking": "a", "content": "b"}, "b", "a"),
        ({"reasoning_details": [{"type": "reasoning.summary", "summary": "a"}]}, "", "a"),
        ({"reasoning_details": [{"type": "reasoning.encrypted", "data": "x"}]}, "", ""),
        ({"thinking": NESTED}, "", ""),
    ],
)  # fmt: skip
def test_text_and_thinking(message, text, thinking):
    assert (text_of(message), thinking_of(message)) == (text, thinking)


@pytest.mark.parametrize(
    ("message", "bits"),
    [
        ({"tool_calls": None}, []),
        ({"tool_calls": {"name": "f"}}, []),
        ({"tool_calls": [{"id": "a"}, "x", {"function": None}]}, []),
        ({"tool_calls": [{"function": {}}]}, [CallBit()]),
        (
            {"tool_calls": [{"index": "0", "id": 7, "function": {"name": 1, "arguments": None}}]},
            [CallBit()],
        ),
        (
            {"tool_calls": [{"index": 2, "function": {"name": "f", "arguments": {"京": 1}}}]},
            [CallBit(2, "", "f", '{"京": 1}')],
        ),
        ({"function_call": {"name": "f", "arguments": "{"}}, [CallBit(name="f", arguments="{")]),
        ({"function_call": "auto"}, []),
    ],
)  # fmt: skip
def test_bits_of_calls(message, bits):
    assert list(calls_in(message)) == bits


@pytest.mark.parametrize(
    ("bits", "calls"),
    [
        ([], []),
        ([CallBit(0, "a", "f", "{"), CallBit(0, "", "", "}")], [("f", "{}")]),
        ([CallBit(0, "a", "f", "{"), CallBit(0, "a", "f", "}")], [("f", "{}")]),
        ([CallBit(0, "a", "get_", ""), CallBit(0, "a", "it", "{}")], [("get_it", "{}")]),
        ([CallBit(0, "a", "f", "{"), CallBit(1, "b", "g", "["), CallBit(0, "", "", "}"),
          CallBit(1, "", "", "]")], [("f", "{}"), ("g", "[]")]),
        ([CallBit(0, "a", "f", "{}"), CallBit(0, "b", "f", "{}")], [("f", "{}"), ("f", "{}")]),
        ([CallBit(None, "a", "f", "{"), CallBit(None, "", "", "}"), CallBit(None, "b", "g", "{}")],
         [("f", "{}"), ("g", "{}")]),
        ([CallBit(None, "", "f", "{}"), CallBit(None, "", "f", "{}")], [("f", "{}"), ("f", "{}")]),
        ([CallBit(None, "a", "f", "{"), CallBit(None, "b", "g", "["), CallBit(None, "a", "", "}"),
          CallBit(None, "b", "", "]")], [("f", "{}"), ("g", "[]")]),
        ([CallBit(None, "", "f", ""), CallBit(None, "", "", "{}")], [("f", "{}")]),
        ([CallBit(0, "", "f", "{"), CallBit(0, "a", "", "}")], [("f", "{}")]),
    ],
)  # fmt: skip
def test_bits_are_joined(bits, calls):
    gatherer = CallGatherer()
    for bit in bits:
        gatherer.add(bit)
    assert list(gatherer.calls) == [UpstreamCall(*call) for call in calls]
