from __future__ import annotations

import pytest

from bridge.turns import Piece, Turn
from tests.conversing import KEY, PREFILLS, TIME, WEATHER, answered, block, call, opened

BEIJING = ("get_weather", '{"city":"北京"}')
NAMED = {"type": "function", "function": {"name": "get_weather"}}
GOOD = block(call(city="北京"))


def test_the_request_goes_up():
    (answer,) = opened(
        max_completion_tokens=50, temperature=0.5, top_p=0.9, seed=7, presence_penalty=1,
        frequency_penalty=-1, model={"max_tokens": 100},
    )  # fmt: skip
    options = answer.options
    assert (options.model, options.max_tokens, options.temperature) == ("their-name", 50, 0.5)
    assert (options.top_p, options.seed) == (0.9, 7)
    assert (options.presence_penalty, options.frequency_penalty) == (1, -1)
    assert not options.prefill


@pytest.mark.parametrize(
    ("asked", "configured", "expected"), [(None, None, None), (None, 9, 9), (20, 9, 9), (5, 9, 5)]
)
def test_the_smaller_limit_counts(asked, configured, expected):
    (exchange,) = opened(max_tokens=asked, model={"max_tokens": configured})
    assert exchange.options.max_tokens == expected


# Prefill ------------------------------------------------------------------------------------------


def test_a_named_call_is_begun_for_the_model():
    answer = answered(
        ' {"city": "北京"}}\n```', tools=[WEATHER, TIME], tool_choice=NAMED, capabilities=PREFILLS
    )
    assert answer.choice == {"content": None, "calls": [BEIJING], "finish": "stop"}
    assert answer.options[0].prefill
    *_, last = answer.asked[0]
    assert last.role == "assistant"
    assert last.text.startswith(f"```tool_call {KEY}")
    assert "get_weather" in last.text


def test_one_of_many_calls_is_begun_up_to_its_name():
    answer = answered(
        'get_weather", "arguments": {"city": "北京"}}\n```',
        tools=[WEATHER, TIME],
        tool_choice="required",
        capabilities=PREFILLS,
    )
    assert answer.choice["calls"] == [BEIJING]
    assert "get_" not in answer.asked[0][-1].text


def test_the_only_tool_is_begun_by_its_name():
    answer = answered(
        ' {"city": "北京"}}\n```', tools=[WEATHER], tool_choice="required", capabilities=PREFILLS
    )
    assert answer.choice == {"content": None, "calls": [BEIJING], "finish": "tool_calls"}


def test_thinking_is_begun_for_the_model():
    answer = answered("Hm, so.</think>\n\nYes.", model={"think": True}, capabilities=PREFILLS)
    assert answer.choice == {"content": "Yes.", "calls": [], "finish": "stop"}
    assert answer.asked[0][-1] == Turn("assistant", "<think>\n")


def test_a_promised_call_comes_after_thinking():
    answer = answered(
        f"Hm.</think>{GOOD}",
        tools=[WEATHER],
        tool_choice="required",
        model={"think": True},
        capabilities=PREFILLS,
    )
    assert answer.asked[0][-1].text == "<think>\n"
    assert answer.choice["calls"] == [BEIJING]


def test_a_prefilled_call_streams_from_its_first_piece():
    (exchange,) = opened(
        tools=[WEATHER], tool_choice="required", capabilities=PREFILLS, model={"hold": 0}
    )
    assert not exchange.done
    started = exchange.feed(Piece(' {"city'))
    assert len(started) == 3
    assert started[1].choices[0].delta.tool_calls[0].function.name == "get_weather"
    assert started[2].choices[0].delta.tool_calls[0].function.arguments == "{"


def test_an_empty_reply_has_called_nothing():
    answer = answered(
        "",
        ' {"city": "北京"}}\n```',
        tools=[WEATHER],
        tool_choice="required",
        capabilities=PREFILLS,
        model={"hold": 0},
    )
    assert answer.choice["calls"] == [BEIJING]
    assert answer.asked[1][:-2] == answer.asked[0][:-2]
    assert answer.asked[1][-2].text.startswith(answer.asked[0][-2].text)
    assert answer.asked[1][-1] == answer.asked[0][-1]


NO_PREFILL = [
    pytest.param({"model": {"prefill": False}}, id="switched-off"),
    pytest.param({"model": {"opens_thinking": True}}, id="the-template-opens-thinking"),
]


@pytest.mark.parametrize("fields", NO_PREFILL)
def test_nothing_is_begun_where_it_would_do_harm(fields):
    (exchange,) = opened(tools=[WEATHER], tool_choice="required", capabilities=PREFILLS, **fields)
    assert not exchange.options.prefill
    assert exchange.turns[-1].role == "user"
