"""What of a reply leaves at once, and what waits."""

from __future__ import annotations

import json

import pytest

from bridge.turns import Piece
from tests.conversing import (
    FAULTY,
    GOOD,
    STRICT_WEATHER,
    TIME,
    UNKNOWN,
    WEATHER,
    answered,
    block,
    call,
    cut,
    opened,
)

BEIJING = ("get_weather", '{"city":"北京"}')
SHANGHAI = ("get_weather", '{"city":"上海"}')
TWO = [WEATHER, TIME]


def test_the_words_before_a_promised_call_wait_for_it():
    (exchange,) = opened(tools=[WEATHER], tool_choice="required")
    assert exchange.feed(Piece("Let me see. ")) == []
    chunks = [*exchange.feed(Piece(GOOD + "\n")), *exchange.close()]
    assert chunks[1].choices[0].delta.content == "Let me see."


def test_a_promised_call_that_streams_is_preceded_by_its_words():
    answer = answered(
        f"Well. {GOOD}", sizes=[9], tools=[WEATHER], tool_choice="required", model={"hold": 0}
    )
    assert answer.choice == {"content": "Well.", "calls": [BEIJING], "finish": "tool_calls"}


def test_a_doubtful_block_waits_for_those_behind_it():
    long = block(call(city="京" * 3000))
    answer = answered(f"{FAULTY}\n{long}", GOOD, tools=[WEATHER])
    assert answer.choice["calls"] == [BEIJING]
    settled = answered(f"{FAULTY}\n{long}", tools=[WEATHER], model={"retries": 0})
    assert [json.loads(arguments) for _, arguments in settled.choice["calls"]] == [
        {"town": "北京"},
        {"city": "京" * 3000},
    ]
    lost = answered(cut(f"{FAULTY}\n{long[:-500]}"), tools=[WEATHER])
    assert lost.choice["calls"] == [("get_weather", '{"town":"北京"}')]
    assert lost.choice["finish"] == "length"


def test_good_blocks_wait_for_the_end_of_a_short_reply():
    """A fault in the second block can still be mended."""
    answer = answered(f"{GOOD}\n{FAULTY}", block(call(city="上海")), tools=[WEATHER])
    assert answer.choice["calls"] == [SHANGHAI]


def test_good_blocks_that_are_long_leave():
    many = "\n".join([GOOD] * 40)
    (exchange,) = opened(tools=[WEATHER])
    assert len(exchange.feed(Piece(many + "\n"))) > 1


def test_a_malformed_block_leaves_the_words_around_it():
    answer = answered(f"Look:\n\n{UNKNOWN}\n\nDone.", tools=TWO, model={"retries": 0})
    assert answer.choice["content"] == "Look:\n\nDone."
    assert answer.figures.malformed == 1


def test_text_is_said_once():
    assert answered(f"Well. {FAULTY}", f"Well. {GOOD}", tools=TWO).choice["content"] == "Well."
    second = answered(f"Well. {FAULTY}", "I cannot.", tools=TWO)
    assert second.choice == {"content": "Well.\n\nI cannot.", "calls": [], "finish": "stop"}
    assert answered(FAULTY, "I cannot.", tools=TWO).choice["content"] == "I cannot."
    assert answered(f"Well. {FAULTY}", "", tools=TWO).choice["content"] == "Well."


def test_text_that_a_second_attempt_repeats_is_said_once():
    """It stood in the answer twice when the block was not better either."""
    answer = answered(f"Well. {UNKNOWN}", f"Well.\n\n{UNKNOWN}", tools=TWO)
    assert answer.choice["content"] == "Well."


def test_a_second_attempt_ends_with_a_stop_string_too():
    answer = answered(f"Well. {FAULTY}", "I cannot END this", tools=TWO, stop="END")
    assert answer.choice == {"content": "Well.\n\nI cannot ", "calls": [], "finish": "stop"}


def test_a_strict_call_never_streams():
    long = {"city": "京" * 3000}
    (exchange,) = opened(tools=[STRICT_WEATHER])
    assert exchange.feed(Piece(block(call(**long))[:-10])) == []
    answer = answered(block(call(**long, town=1)), block(call(**long)), tools=[STRICT_WEATHER])
    assert json.loads(answer.choice["calls"][0][1]) == long


STOPPED = [
    pytest.param("one END two", "one ", id="in-words"),
    pytest.param(f"one END {GOOD}", "one ", id="before-a-call"),
    pytest.param("<think>END</think>one END two", "one ", id="not-in-thinking"),
    pytest.param("one EN", "one EN", id="not-quite"),
]


@pytest.mark.parametrize(("reply", "content"), STOPPED)
@pytest.mark.parametrize("sizes", [[1], [4], [1000]])
def test_a_stop_string_ends_the_reply(reply, content, sizes):
    answer = answered(reply, sizes=sizes, stop="END", tools=[WEATHER])
    assert answer.choice == {"content": content, "calls": [], "finish": "stop"}
    assert (answer.unread == "") == (sizes == [1000] or reply == content)


def test_a_stop_string_does_not_cut_a_call():
    answer = answered(f"one EN{GOOD}", stop=["END", "city"], tools=[WEATHER])
    assert answer.choice == {"content": "one EN", "calls": [BEIJING], "finish": "tool_calls"}
    contents = [delta.get("content") for delta in answer.deltas]
    assert contents.index("EN") < len(contents) - 3


def test_a_stop_string_shortens_what_stands_before_a_promised_call():
    for sizes in ([1], [1000]):
        answer = answered(
            f"one END two {GOOD}", sizes=sizes, stop="END", tools=[WEATHER], tool_choice="required"
        )
        assert answer.choice == {"content": "one ", "calls": [BEIJING], "finish": "tool_calls"}


def test_no_words_follow_a_call_that_has_left():
    for bad in (UNKNOWN, FAULTY):
        answer = answered(f"Well. {GOOD}\n{bad}", tools=TWO, model={"hold": 0, "retries": 0})
        assert answer.choice["content"] == "Well."
        assert answer.choice["calls"][0] == BEIJING
        assert answer.choice["finish"] == "tool_calls"


def test_a_stop_string_in_the_words_of_a_second_attempt_ends_it():
    answer = answered(FAULTY, f"one END two {GOOD}", tools=TWO, stop="END")
    assert answer.choice == {"content": "one ", "calls": [], "finish": "stop"}


def test_one_call_at_a_time_is_one_even_if_it_has_a_fault():
    both = block(call(town="北京"), call(city="北京"))
    fields = {"tools": TWO, "parallel_tool_calls": False}
    answer = answered(both, model={"retries": 0}, **fields)
    assert answer.choice["calls"] == [("get_weather", '{"town":"北京"}')]
    assert answered(both, GOOD, **fields).choice["calls"] == [BEIJING]
