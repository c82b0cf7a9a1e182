"""How the decoder's states hand over to each other. For what holds always see ``properties``."""

from __future__ import annotations

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bridge.block import MAX_CALLS, MAX_HELD
from bridge.dialects.neutral import WORD_JOINER
from bridge.dialects.thoughts import FAMILIES
from bridge.parts import Block, CallArguments, CallStart, Cut, Text, Thinking
from tests.decoding import KEY, calls, coalesced, content, decoder, malformed, parts_of
from tests.properties.table import ARGUMENTS

PING = '{"name": "ping"}'
OPEN = "```tool_call amber otter\n"


@given(
    value=ARGUMENTS,
    indent=st.sampled_from([None, 1, "\t"]),
    ascii_only=st.booleans(),
    hold=st.sampled_from([0, 40, 2048]),
)
def test_valid_arguments_keep_their_value(value, indent, ascii_only, hold):
    call = {"name": "any-thing", "arguments": value}
    written = json.dumps(call, indent=indent, ensure_ascii=ascii_only)
    assume(KEY not in written and WORD_JOINER not in json.dumps(value, ensure_ascii=False))
    (found,) = calls(parts_of([OPEN + written + "\n```"], hold=hold))
    assert json.loads(found[1], parse_float=str) == json.loads(json.dumps(value), parse_float=str)


# What streams when ----------------------------------------------------------------------------


def feeds(*pieces, **options):
    """What each piece lets go."""
    reading = decoder(**options)
    return [coalesced(reading.feed(piece)) for piece in pieces]


@pytest.mark.parametrize(
    ("pieces", "given"),
    [
        pytest.param(["Hel", "lo ", "you"], ["Hel", "lo", " you"], id="words"),
        pytest.param(["x ``", "b`` c"], ["x", " ``b`` c"], id="backticks-are-held"),
        pytest.param(["x\n```tool_c", "ake\n", "y"], ["x", "", "\n```tool_cake\ny"], id="opening"),
        pytest.param(["x\n```py\n", "b"], ["x", "\n```py\nb"], id="opening-fence"),
        pytest.param(["x\n- ", "b"], ["x", "\n- b"], id="list-mark"),
        pytest.param(["x amber", " o", "ak"], ["x ", "", "amber oak"], id="key"),
        pytest.param(["{", '"a"', ": 1"], ["", '{"a"', ": 1"], id="object"),
        pytest.param(['{"name": "B', 'ob"', ", "], ["", '{"name": "Bob"', ","], id="other-name"),
        pytest.param(["<tool", "_kit", " x"], ["", "", "<tool_kit x"], id="tag"),
    ],
)
def test_text_leaves_as_soon_as_it_is_certain(pieces, given):
    assert [content(parts) for parts in feeds(*pieces)] == given


def test_a_long_call_streams_as_it_is_written():
    given = feeds(OPEN + '{"name": "write_file", "arguments": {"path": "', "ab", "cd", hold=40)
    assert given == [
        [CallStart("write_file"), CallArguments('{"path":"')],
        [CallArguments("ab")],
        [CallArguments("cd")],
    ]


def test_a_held_call_leaves_with_the_end_of_its_block():
    reading = decoder()
    assert reading.feed(OPEN + PING + "\n") == []
    assert reading.feed("```") == []  # it may open the next one
    assert calls(reading.feed("\n")) == [("ping", "{}")]
    assert reading.close() == []


@pytest.mark.parametrize(
    ("text", "last"),
    [
        pytest.param(OPEN + PING + "\n```\n", "T", id="words-after-a-call"),
        pytest.param("So:\n```tool_result amber otter", " ", id="result"),
    ],
)
def test_over_when_nothing_more_can_count(text, last):
    reading = decoder()
    reading.feed(text)
    assert not reading.over
    assert Cut() in reading.feed(last)
    assert reading.over
    assert reading.feed(OPEN + PING) == []
    assert reading.close() == []


def test_over_with_the_first_call_when_only_one_may_come():
    reading = decoder(first_only=True)
    assert calls(reading.feed(OPEN + PING)) == [("ping", "{}")]
    assert reading.over
    assert reading.close() == []


def test_first_only_goes_on_after_a_call_that_is_none():
    parts = parts_of([OPEN + '{"name": "x"}\n' + PING + PING], first_only=True)
    (block,) = parts
    assert [type(call).__name__ for call in block.calls] == ["Malformed", "Call"]


def test_over_when_a_streaming_call_breaks():
    reading = decoder(hold=0)
    reading.feed(OPEN + '{"name": "any-thing", "arguments": {"a" 1')
    assert reading.over


TOO_MANY = [
    pytest.param(OPEN + (PING + "\n") * MAX_CALLS, "{", id="in-one-block"),
    pytest.param((OPEN + PING * 40 + "\n```\n") * 2, None, id="in-two-blocks"),
    pytest.param((OPEN + PING + "\n```\n") * MAX_CALLS, OPEN, id="a-block-each"),
]


@pytest.mark.parametrize("hold", [0, 100_000])
@pytest.mark.parametrize(("text", "last"), TOO_MANY)
def test_a_reply_with_too_many_calls_is_cut(text, last, hold):
    """It went out as a whole one, and agents ran the 64 calls of a loop."""
    reading = decoder(hold=hold)
    parts = reading.feed(text)
    if last is not None:
        assert not reading.over
        parts += reading.feed(last)
    assert reading.over
    assert len(calls(parts)) == MAX_CALLS
    assert isinstance(parts[-1], Block)
    assert parts[-1].cut
    assert reading.feed(OPEN + PING) == reading.close() == []


@pytest.mark.parametrize("call", ['{"name": "x"}', "oops"], ids=["unknown", "unreadable"])
def test_too_many_calls_that_are_none_end_the_reply_as_well(call):
    """Behind the 64th, objects and fences became words of the answer."""
    block = f"{OPEN}{call}\n```\n"
    parts = parts_of([block * (MAX_CALLS + 6) + "So."])
    assert len(malformed(parts)) == MAX_CALLS
    assert content(parts).strip() == ""
    assert parts[-1].cut


# Thinking -------------------------------------------------------------------------------------


def test_thinking_is_given_apart():
    assert parts_of(["<think>a</think>\nb"]) == [Thinking("a"), Text("b")]


@pytest.mark.parametrize("first_only", [False, True])
def test_calls_at_the_end_of_thinking_that_is_never_closed(first_only):
    options = {"first_only": first_only, "opened": True}
    block = OPEN + PING + "\n" + PING + "\n```"
    reading = decoder(**options)
    parts = [*reading.feed("Hm.\n" + block), *reading.close()]
    assert coalesced(parts)[0] == Thinking("Hm.\n")
    assert len(calls(parts)) == (1 if first_only else 2)
    assert not reading.unclosed


@pytest.mark.parametrize(
    ("text", "finished"),
    [
        pytest.param("Hm.\n" + OPEN + PING + "\n```", False, id="cut"),
        pytest.param("Hm.\n" + OPEN + PING + "\n```\nor not", True, id="goes-on"),
        pytest.param("Hm.\n" + OPEN + '{"name": "x"}\n```', True, id="unknown-tool"),
        pytest.param("Hm.\n" + OPEN + PING[:-3], True, id="half-a-call"),
        pytest.param("Hm.", True, id="no-call"),
    ],
)
def test_other_thinking_that_is_never_closed(text, finished):
    reading = decoder(opened=True, first_only=True)
    parts = [*reading.feed(text), *reading.close(finished=finished)]
    assert coalesced(parts) == [Thinking(text)]
    assert reading.unclosed


def test_an_empty_reply_is_not_unclosed():
    reading = decoder()
    assert reading.close() == []
    assert not reading.unclosed


# Bounds ---------------------------------------------------------------------------------------


def test_a_call_that_may_not_stream_is_held_up_to_a_bound():
    start = OPEN + '{"name": "get_weather", "arguments": {"city": "'
    pieces = [start, *["x" * 4096] * (MAX_HELD // 4096), '"}}\n```\nend']
    parts = parts_of(pieces, strict=frozenset({"get_weather"}))
    assert [call.fault.message for call in parts[0].calls] == ["The call is too long."]
    assert content(parts) == "\nend"
    assert parts_of(["".join(pieces)], strict=frozenset({"get_weather"})) == parts


def test_what_cannot_be_read_is_held_up_to_a_bound():
    pieces = [OPEN + "no call ", *["x" * 4096] * (2 * MAX_HELD // 4096), "\n```\nend"]
    parts = parts_of(pieces)
    (broken,) = parts[0].calls
    assert len(broken.raw) == 2 * MAX_HELD - len(KEY)
    assert content(parts).endswith("\nend")
    assert parts_of(["".join(pieces)]) == parts


def test_no_tag_is_looked_for_in_calls():
    for tag in (tag for family in FAMILIES for tag in (*family.openers, *family.closers)):
        call = {"name": "any-thing", "arguments": {"a": f"\n{tag}\n"}}
        text = OPEN + json.dumps(call, ensure_ascii=False)
        assert calls(parts_of([text], asked=True)) == [("any-thing", f'{{"a":"\\n{tag}\\n"}}')]
