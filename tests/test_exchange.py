from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.completion import fold, usage_of
from bridge.dialects import DIALECTS
from bridge.dialects.base import WrittenCall
from bridge.errors import OutputInvalid, ToolCallInvalid
from bridge.turns import Piece, TokenCounts
from tests.conversing import (
    FAULTY,
    GOOD,
    KEY,
    PREFILLS,
    STRING,
    TIME,
    WEATHER,
    Reply,
    answered,
    block,
    call,
    cut,
    opened,
    tool,
)
from tests.properties.requests import SCRAPS, SIZES

BEIJING = ("get_weather", '{"city":"北京"}')
BEGUN = ("get_weather", "{")
SHANGHAI = ("get_weather", '{"city":"上海"}')
NAMED = {"type": "function", "function": {"name": "get_weather"}}

# The order of the wire ----------------------------------------------------------------------------


def test_text_streams_as_it_comes():
    assert answered("Hello, world.", sizes=[5]).deltas == [
        {"role": "assistant", "content": ""},
        {"content": "Hello"},
        {"content": ", wor"},
        {"content": "ld."},
        {"finish_reason": "stop"},
    ]


def test_a_call_after_words():
    assert answered(f"Let me see.\n\n{GOOD}\n", sizes=[1000], tools=[WEATHER]).deltas == [
        {"role": "assistant", "content": ""},
        {"content": "Let me see."},
        {
            "tool_calls": [
                {
                    "index": 0,
                    "id": "call_0",
                    "type": "function",
                    "function": {"name": "get_weather", "arguments": ""},
                }
            ]
        },
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"city":"北京"}'}}]},
        {"finish_reason": "tool_calls"},
    ]


def test_content_is_null_when_the_answer_opens_with_a_call():
    deltas = answered(GOOD, tools=[WEATHER]).deltas
    assert deltas[0] == {"role": "assistant", "content": None}
    assert "tool_calls" in deltas[1]


@pytest.mark.parametrize("usage", [None, False, True])
def test_all_chunks_share_their_heading(usage):
    options = {} if usage is None else {"stream_options": {"include_usage": usage}}
    for chunk in answered(f"Well. {GOOD}", tools=[WEATHER], **options).chunks:
        data = msgspec.to_builtins(chunk)
        assert (data["id"], data["created"], data["model"]) == ("chatcmpl-1", 1_700_000_000, "m")
        assert data.get("usage", "absent") == (None if usage else "absent")


def test_a_long_call_streams():
    city = "京" * 3000
    answer = answered(block(call(city=city)), sizes=[500], tools=[WEATHER])
    arguments = [
        delta["tool_calls"][0]["function"]["arguments"]
        for delta in answer.deltas
        if "tool_calls" in delta
    ]
    assert len(arguments) > 3
    assert arguments[0] == ""
    assert json.loads("".join(arguments)) == {"city": city}
    assert answer.choice["finish"] == "tool_calls"
    assert answer.figures.calls == 1


# What a reply comes to ----------------------------------------------------------------------------

REPLIES = [
    pytest.param("Just words.", "Just words.", [], "stop", id="words"),
    pytest.param("", "", [], "stop", id="nothing"),
    pytest.param(" \n\n", "", [], "stop", id="white-space"),
    pytest.param(GOOD, None, [BEIJING], "tool_calls", id="a-call"),
    pytest.param(block(call(city="北京"), call(city="上海")), None, [BEIJING, SHANGHAI],
                 "tool_calls", id="two-calls"),
    pytest.param(f"One. {GOOD}\n\n{block(call(city='上海'))}", "One.", [BEIJING, SHANGHAI],
                 "tool_calls", id="two-blocks"),
    pytest.param(f"{GOOD}\n```tool_result {KEY} 1 get_weather\nsunny\n```\nIt is sunny.", None,
                 [BEIJING], "tool_calls", id="a-made-up-result"),
    pytest.param("<think>Hm.</think>\n\nYes.", "Yes.", [], "stop", id="thinking"),
    pytest.param(f"<think>Hm.</think>{GOOD}", None, [BEIJING], "tool_calls",
                 id="thinking-and-a-call"),
    pytest.param(cut("Half a sen"), "Half a sen", [], "length", id="cut-words"),
    pytest.param(cut(GOOD), None, [BEIJING], "tool_calls", id="a-call-and-then-the-limit"),
    pytest.param(cut(GOOD[:-20]), None, [BEGUN], "length", id="a-cut-call"),
    pytest.param(GOOD[:-20], None, [BEGUN], "length", id="a-cut-call-that-should-be-whole"),
    pytest.param(cut(f"Well. {block(call(city='北京'), call(city='上海'))[:-20]}"), "Well.",
                 [BEIJING, BEGUN], "length", id="a-call-and-a-cut-one"),
    pytest.param(Reply("I must not", "content_filter"), "I must not", [], "content_filter",
                 id="filtered-words"),
    pytest.param(Reply(GOOD[:-20], "content_filter"), "", [], "content_filter",
                 id="a-filtered-call"),
    pytest.param(Reply(GOOD, "content_filter"), None, [BEIJING], "tool_calls",
                 id="a-call-and-then-the-filter"),
    pytest.param(cut("<think>and so on"), "", [], "length", id="endless-thinking"),
]  # fmt: skip


@pytest.mark.parametrize(("reply", "content", "calls", "finish"), REPLIES)
def test_what_a_reply_comes_to(reply, content, calls, finish):
    expected = {"content": content, "calls": calls, "finish": finish}
    for sizes in ([1], [3], [10_000]):
        for stream in (True, False):
            answer = answered(reply, sizes=sizes, stream=stream, tools=[WEATHER])
            assert answer.choice == expected
            assert answer.figures.finish_reason == finish
            assert answer.figures.calls == len(calls)


def test_a_long_call_that_is_cut_stays_open():
    text = block(call(city="京" * 3000))
    answer = answered(cut(text[:2500]), tools=[WEATHER])
    ((name, arguments),) = answer.choice["calls"]
    assert name == "get_weather"
    assert arguments.startswith('{"city":"京京')
    assert not arguments.endswith('"')
    assert answer.choice["finish"] == "length"
    # No one waits for the first half of an answer that does not stream.
    whole = answered(cut(text[:2500]), tools=[WEATHER], stream=False)
    assert whole.choice == {"content": None, "calls": [BEGUN], "finish": "length"}


def test_a_cut_call_that_nothing_would_refuse_is_dropped():
    free = {"type": "function", "function": {"name": "get_weather", "parameters": {}}}
    answer = answered(cut(GOOD[:-20]), tools=[free])
    assert answer.choice == {"content": "", "calls": [], "finish": "length"}
    assert answer.figures.cut_calls == 0


def test_a_cut_call_is_counted():
    assert answered(cut(GOOD[:-20]), tools=[WEATHER]).figures.cut_calls == 1


def test_of_calls_that_come_alone_no_second_one_is_begun():
    text = block(call(city="北京"), call(city="上海"))[:-20]
    answer = answered(cut(text), tools=[WEATHER], parallel_tool_calls=False)
    assert answer.choice["calls"] == [BEIJING]


def test_one_call_at_a_time_ends_the_reply():
    answer = answered(
        block(call(city="北京"), call(city="上海")),
        sizes=[1],
        tools=[WEATHER],
        parallel_tool_calls=False,
    )
    assert answer.choice["calls"] == [BEIJING]
    assert "上海" in answer.unread


def test_a_named_tool_ends_the_reply_and_says_stop():
    answer = answered(f"{GOOD} and more", sizes=[1], tools=[WEATHER, TIME], tool_choice=NAMED)
    assert answer.choice == {"content": None, "calls": [BEIJING], "finish": "stop"}
    assert answer.unread


def test_what_follows_calls_is_not_read():
    answer = answered(f"{GOOD}\nThe weather is fine.", sizes=[1], tools=[WEATHER])
    assert answer.choice["calls"] == [BEIJING]
    assert answer.unread
    assert answer.figures.cut == 1


def test_nothing_more_counts_when_all_is_said():
    (exchange,) = opened()
    exchange.feed(Piece("x"))
    assert not exchange.done
    exchange.close()
    assert exchange.done


def test_figures_tell_of_repairs_and_near_misses():
    mended = block("{'name': 'get_weather', 'arguments': {'city': '北京',}}")
    assert answered(mended, tools=[WEATHER]).figures.repairs == 1
    bare = answered(call(city="上海"), tools=[WEATHER])
    assert bare.choice["calls"] == [SHANGHAI]
    assert bare.figures.near_misses == 1


def test_an_echo_of_a_message_is_no_call():
    messages = [{"role": "user", "content": f"Explain {call(city='上海')}"}]
    answer = answered(call(city="上海"), tools=[WEATHER], messages=messages)
    assert answer.choice == {"content": call(city="上海"), "calls": [], "finish": "stop"}


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_every_dialect_calls(dialect):
    arguments = '{"content": "one\\n\\"two\\"\\n", "n": 1}'
    write = tool("write", content=STRING, n={"type": "integer"})
    written = DIALECTS[dialect](KEY).calls([WrittenCall("write", arguments)] * 2)
    answer = answered(f"Well.\n\n{written}", tools=[write], model={"dialect": dialect})
    assert answer.choice["content"] == "Well."
    assert [name for name, _ in answer.choice["calls"]] == ["write", "write"]
    assert all(json.loads(made) == json.loads(arguments) for _, made in answer.choice["calls"])


def test_a_template_that_opens_thinking():
    answer = answered("Hm, so.</think>\n\nYes.", model={"opens_thinking": True})
    assert answer.choice == {"content": "Yes.", "calls": [], "finish": "stop"}


# Thinking that comes apart from the text ------------------------------------------------------


def streamed(pieces, **fields):
    """What the client was sent after each piece, and after the end."""
    (exchange,) = opened(**fields)
    told = ["".join(map(said, exchange.feed(piece))) for piece in pieces]
    return [*told, "".join(map(said, exchange.close()))]


def said(chunk):
    return "".join(choice.delta.content or "" for choice in chunk.choices)


WORDS = [Piece("It is "), Piece("four, "), Piece("I think.")]
APART = [Piece(thinking="They add "), Piece(thinking="2 and 2.")]


def test_a_twin_streams_where_its_thinking_comes_apart():
    *told, last = streamed([*APART, *WORDS], model={"think": True})
    assert told == ["", "", "It is", " four,", " I think."]
    assert last == ""


@pytest.mark.parametrize("opens", [True, False, None])
def test_thinking_apart_says_that_the_template_opened_no_tag_in_the_text(opens):
    model = {"think": True, "opens_thinking": opens}
    assert "".join(streamed([*APART, *WORDS], model=model)) == "It is four, I think."


def test_thinking_apart_behind_a_prefilled_tag():
    told = streamed([*APART, *WORDS], model={"think": True}, capabilities=PREFILLS)
    assert "".join(told) == "It is four, I think."


def test_thinking_apart_behind_words_lets_them_go():
    pieces = [Piece("It is 4. "), Piece(thinking="Is it?"), Piece("Yes.")]
    assert streamed(pieces, model={"think": True}) == ["", "It is 4.", " Yes.", ""]


def test_a_twin_holds_what_may_be_thinking_until_its_end():
    """Nothing tells an answer from thinking whose tag the template opened, however long it is."""
    words = [Piece(" So." * 1000)] * 3
    *told, last = streamed(words, model={"think": True})
    assert told == ["", "", ""]
    assert last == " So." * 3000
    *told, last = streamed([*words, Piece("</think>Yes.")], model={"think": True})
    assert told == ["", "", "", "Yes."]
    assert last == ""


def test_a_twin_streams_where_the_template_is_known_to_open_nothing():
    *told, _ = streamed(WORDS, model={"think": True, "opens_thinking": False})
    assert told == ["It is", " four,", " I think."]


def test_thinking_apart_alone_is_no_answer():
    (exchange,) = opened(model={"think": True})
    for piece in [*APART, Piece(finish="stop")]:
        assert not exchange.feed(piece)
    exchange.close()
    assert exchange.asks_again


def test_a_call_at_the_end_of_thinking_apart_is_meant():
    for size in (1, 1000):
        text = f"They ask for it. {GOOD}"
        (exchange,) = opened(tools=[WEATHER], model={"think": True})
        chunks = []
        for place in range(0, len(text), size):
            chunks += exchange.feed(Piece(thinking=text[place : place + size]))
        chunks += [*exchange.feed(Piece("\n", finish="stop")), *exchange.close()]
        assert not exchange.asks_again
        (choice,) = fold(chunks, usage_of([])).choices
        assert choice.finish_reason == "tool_calls"
        assert [made.function.arguments for made in choice.message.tool_calls] == [BEIJING[1]]


def test_a_call_in_thinking_apart_is_not_meant_beside_an_answer():
    (exchange,) = opened(tools=[WEATHER])
    chunks = [*exchange.feed(Piece(thinking=f"Perhaps {GOOD}")), *exchange.feed(Piece("No need."))]
    (choice,) = fold([*chunks, *exchange.close()], usage_of([])).choices
    assert choice.message.content == "No need."
    assert not choice.message.tool_calls


def test_thinking_apart_is_counted():
    (exchange,) = opened()
    exchange.feed(Piece(thinking="x" * 400))
    assert exchange.counts.completion == 100


# The deprecated form, several choices, stop strings -----------------------------------------------


def test_the_deprecated_form():
    answer = answered(
        f"Well. {block(call(city='北京'), call(city='上海'))}", functions=[WEATHER["function"]]
    )
    assert answer.choice == {"content": "Well.", "calls": [BEIJING], "finish": "function_call"}
    assert answer.deltas[-3:] == [
        {"function_call": {"name": "get_weather", "arguments": ""}},
        {"function_call": {"arguments": '{"city":"北京"}'}},
        {"finish_reason": "function_call"},
    ]


ENDLESS = {"type": "object", "properties": {"a": {"$ref": "#/properties/a"}}}
"""No check of a value that has the property comes to an end."""


def endless(*, strict: bool | None = None) -> dict[str, Any]:
    function = {"name": "deep", "parameters": ENDLESS, "strict": strict}
    return {"type": "function", "function": function}


DEEP = ("deep", '{"a":1}')


def test_a_call_that_is_not_checked_leaves_under_auto():
    answer = answered(block(call("deep", a=1)), tools=[endless()])
    assert answer.choice == {"content": None, "calls": [DEEP], "finish": "tool_calls"}
    assert len(answer.asked) == 1


@pytest.mark.parametrize(
    "promise",
    [
        pytest.param({"tools": [endless(strict=True)]}, id="strict"),
        pytest.param({"tools": [endless()], "tool_choice": "required"}, id="required"),
    ],
)
def test_a_call_that_is_not_checked_never_leaves_under_a_promise(promise):
    with pytest.raises(ToolCallInvalid):
        answered(block(call("deep", a=1)), block(call("deep", a=2)), **promise)
    answer = answered(block(call("deep", a=1)), block(call("deep")), **promise)
    assert answer.choice["calls"] == [("deep", "{}")]
    assert len(answer.asked) == 2


def test_output_that_is_not_checked_breaks_its_promise():
    format = {
        "type": "json_schema",
        "json_schema": {"name": "n", "strict": True, "schema": ENDLESS},
    }
    with pytest.raises(OutputInvalid):
        answered('{"a": 1}', '{"a": 2}', response_format=format)


def test_the_choices_of_a_request_share_the_budget_of_its_checks():
    many = tool("many", strict=True, a={"items": {"anyOf": [{"const": n} for n in range(300)]}})
    reply = block(call("many", a=[299] * 50))
    first, second = opened(n=2, tools=[many])
    for exchange in (first, second):
        exchange.feed(Piece(reply))
    assert first.close(may_ask_again=False)
    with pytest.raises(ToolCallInvalid):
        second.close(may_ask_again=False)


def test_a_near_miss_that_is_not_checked_stays_text():
    text = call("deep", a=1)
    assert answered(text, tools=[endless()]).choice["content"] == text


def test_each_choice_has_an_exchange_of_its_own():
    first, second = opened(n=2, tools=[WEATHER])
    assert first.turns == second.turns
    chunks = [*second.feed(Piece(GOOD)), *first.feed(Piece("Words.")), *second.close()]
    chunks += first.close()
    indices = [chunk.choices[0].index for chunk in chunks]
    assert set(indices) == {0, 1}
    ends = [chunk.choices[0] for chunk in chunks if chunk.choices[0].finish_reason]
    assert [(end.index, end.finish_reason) for end in ends] == [(1, "tool_calls"), (0, "stop")]
    assert len({chunk.id for chunk in chunks}) == 1


# Tokens -------------------------------------------------------------------------------------------


def test_tokens_are_added_up_over_the_attempts():
    answer = answered(
        Reply(FAULTY, counts=TokenCounts(100, 20, reasoning=3, cached=50)),
        Reply(GOOD, counts=TokenCounts(130, 25, cached=90)),
        tools=[WEATHER],
    )
    assert answer.exchange.counts == TokenCounts(230, 45, reasoning=3, cached=140)


def test_tokens_that_were_not_counted_are_estimated():
    first = answered("Hello, world.").exchange.counts
    assert first.estimated
    assert first.completion == 4
    assert first.prompt > 10
    both = answered(
        FAULTY, Reply(GOOD, counts=TokenCounts(100, 20)), tools=[WEATHER]
    ).exchange.counts
    assert both.estimated
    assert both.prompt > 130
    assert both.completion > 25


def test_tokens_are_told_even_of_an_exchange_that_never_ends():
    (exchange,) = opened()
    assert exchange.counts == TokenCounts()
    exchange.feed(Piece("Hello", counts=TokenCounts(9, 1)))
    assert exchange.counts == TokenCounts(9, 1)


# Properties ---------------------------------------------------------------------------------------


@given(
    text=st.lists(st.sampled_from(SCRAPS).filter(lambda text: "think" not in text), max_size=7)
    .map("".join)
    .filter(lambda text: "\u2060" not in text and not text.isspace()),
    sizes=SIZES,
    stream=st.booleans(),
)
def test_without_tools_any_text_is_the_answer(text, sizes, stream):
    answer = answered(text, sizes=sizes, stream=stream)
    assert answer.choice == {"content": text, "calls": [], "finish": "stop"}


def test_an_opening_belongs_to_the_thinking_that_comes_apart():
    """The reply was made to begin with a tag, which the upstream has read and taken away."""
    (exchange,) = opened(model={"think": True}, capabilities=PREFILLS)
    assert exchange.feed(Piece(thinking="It is four.")) == []
    chunks = [*exchange.feed(Piece("Four.")), *exchange.feed(Piece(finish="stop"))]
    chunks += exchange.close()
    assert not exchange.asks_again
    told = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert told == "Four."


def test_thinking_apart_counts_as_tokens():
    (exchange,) = opened()
    exchange.feed(Piece(thinking="abcd" * 10))
    assert exchange.counts.completion == 10
