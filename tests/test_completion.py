from __future__ import annotations

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.completion import (
    MAX_REMEMBERED,
    ChunkWriter,
    Heading,
    fold,
    usage_chunk,
    usage_of,
)
from bridge.turns import TokenCounts
from tests.openai_fold import read_by_openai, told_by_openai

HEADING = Heading("chatcmpl-1", 1_700_000_000, "m")
NO_USAGE = usage_of([])


def writer(*, index=0, heading=HEADING, **options) -> ChunkWriter:
    ids = itertools.count()
    return ChunkWriter(heading, index, lambda: f"call_{next(ids)}", **options)


def deltas(chunks):
    return [
        (msgspec.to_builtins(choice.delta), choice.finish_reason)
        for chunk in chunks
        for choice in chunk.choices
    ]


def started(index, name, call_id):
    function = {"name": name, "arguments": ""}
    return {
        "tool_calls": [{"index": index, "id": call_id, "type": "function", "function": function}]
    }


def argued(index, json):
    return {"tool_calls": [{"index": index, "function": {"arguments": json}}]}


ROLE = {"role": "assistant", "content": ""}
ROLE_BEFORE_CALLS = {"role": "assistant", "content": None}


def test_text_and_calls_in_openais_order():
    w = writer()
    chunks = [
        *w.text("Let "),
        *w.text("me see."),
        *w.call_start("f"),
        *w.call_arguments('{"a":'),
        *w.call_arguments("1}"),
        *w.call_start("g"),
        *w.call_arguments("{}"),
        *w.finish("tool_calls"),
    ]
    assert deltas(chunks) == [
        (ROLE, None),
        ({"content": "Let "}, None),
        ({"content": "me see."}, None),
        (started(0, "f", "call_0"), None),
        (argued(0, '{"a":'), None),
        (argued(0, "1}"), None),
        (started(1, "g", "call_1"), None),
        (argued(1, "{}"), None),
        ({}, "tool_calls"),
    ]
    assert w.calls == 2
    assert w.said


def test_content_is_null_before_calls():
    w = writer()
    chunks = [*w.call_start("f"), *w.call_arguments("{}"), *w.finish("stop")]
    assert deltas(chunks)[:2] == [(ROLE_BEFORE_CALLS, None), (started(0, "f", "call_0"), None)]
    assert not w.said


def test_an_empty_answer_has_a_role_and_an_end():
    assert deltas(writer().finish("length")) == [(ROLE, None), ({}, "length")]


def test_no_text_is_no_chunk():
    w = writer()
    assert w.text("") == []
    assert not w.said


def test_the_deprecated_form():
    w = writer(legacy=True)
    chunks = [*w.call_start("f"), *w.call_arguments('{"a":1}'), *w.finish("tool_calls")]
    assert deltas(chunks) == [
        (ROLE_BEFORE_CALLS, None),
        ({"function_call": {"name": "f", "arguments": ""}}, None),
        ({"function_call": {"arguments": '{"a":1}'}}, None),
        ({}, "function_call"),
    ]
    assert msgspec.to_builtins(fold(chunks, NO_USAGE).choices[0].message) == {
        "role": "assistant",
        "content": None,
        "refusal": None,
        "function_call": {"name": "f", "arguments": '{"a":1}'},
    }


@pytest.mark.parametrize("reason", ["stop", "length", "content_filter"])
def test_other_reasons_are_the_same_in_the_deprecated_form(reason):
    assert deltas(writer(legacy=True).finish(reason))[-1] == ({}, reason)


def test_stop_strings_end_the_text_but_no_call():
    w = writer(stops=["END"])
    chunks = [*w.text("one E"), *w.text("ND two"), *w.text("three")]
    assert w.stopped
    chunks += [*w.call_start("f"), *w.call_arguments('"END"'), *w.finish("tool_calls")]
    assert deltas(chunks)[1:] == [
        ({"content": "one "}, None),
        (started(0, "f", "call_0"), None),
        (argued(0, '"END"'), None),
        ({}, "tool_calls"),
    ]


@pytest.mark.parametrize("end", ["call_start", "finish"])
def test_what_may_begin_a_stop_string_leaves_before_what_comes_next(end):
    w = writer(stops=["END"])
    held = w.text("one E")
    chunks = [*held, *(w.call_start("f") if end == "call_start" else w.finish("stop"))]
    assert [delta.get("content") for delta, _ in deltas(chunks)][:3] == ["", "one ", "E"]
    assert not w.stopped


UNSAID = [
    pytest.param(["Let me", " see.\n"], " Let me see.\n\nOr so.", "Or so.", id="repeated"),
    pytest.param(["我来查。\n"], "我来查。晴。", "晴。", id="repeated-in-chinese"),
    pytest.param(["1\n"], "1 is odd.", "1 is odd.", id="the-beginning-of-a-sentence"),
    pytest.param(["A list"], "A list\n- a", "- a", id="repeated-as-a-line"),
    pytest.param(["Let me see."], "Let me see.", "", id="nothing-else"),
    pytest.param(["Let me see."], "I cannot.", "I cannot.", id="other-words"),
    pytest.param(["Let me"], "Let meet", "Let meet", id="another-word"),
    pytest.param([], "Let me see.", "Let me see.", id="nothing-said"),
    pytest.param(["a" * MAX_REMEMBERED], "a" * MAX_REMEMBERED, "a" * MAX_REMEMBERED, id="long"),
]


@pytest.mark.parametrize(
    ("stops", "between"),
    [
        ([], "\n\n"),
        (["\n\n"], "\n"),
        (["\n"], " "),
        (["\n", " "], ""),
        (["E", "b\n"], "\n\n"),
    ],
)
def test_what_stands_apart_stops_nothing(stops, between):
    w = writer(stops=stops)
    chunks = [*w.text("ab"), *w.separate(), *w.text("c"), *w.finish("stop")]
    assert "".join(delta.get("content") or "" for delta, _ in deltas(chunks)) == f"ab{between}c"
    assert not w.stopped


@pytest.mark.parametrize(("said", "text", "unsaid"), UNSAID)
def test_what_was_said_is_not_said_again(said, text, unsaid):
    w = writer()
    for words in said:
        w.text(words)
    assert w.unsaid(text) == unsaid


def test_every_chunk_has_the_same_heading_and_all_keys_of_its_kind():
    w = writer()
    chunks = [*w.text("a"), *w.call_start("f"), *w.call_arguments("{}"), *w.finish("tool_calls")]
    for chunk in chunks:
        data = msgspec.to_builtins(chunk)
        assert list(data) == ["id", "object", "created", "model", "choices"]
        assert (data["id"], data["created"], data["model"]) == ("chatcmpl-1", 1_700_000_000, "m")
        assert data["object"] == "chat.completion.chunk"
        (choice,) = data["choices"]
        assert list(choice) == ["index", "delta", "logprobs", "finish_reason"]
        assert choice["logprobs"] is None


def test_the_keys_of_a_whole_answer_stand_in_openais_order():
    w = writer()
    chunks = [*w.call_start("f"), *w.call_arguments("{}"), *w.finish("tool_calls")]
    data = msgspec.to_builtins(fold(chunks, NO_USAGE))
    assert list(data) == ["id", "object", "created", "model", "choices", "usage"]
    (choice,) = data["choices"]
    assert list(choice) == ["index", "message", "logprobs", "finish_reason"]
    assert list(choice["message"]) == ["role", "content", "refusal", "tool_calls"]
    assert list(choice["message"]["tool_calls"][0]) == ["id", "type", "function"]


def test_usage_is_null_until_its_own_chunk():
    w = writer(heading=Heading("chatcmpl-1", 1, "m", include_usage=True))
    chunks = [*w.text("a"), *w.finish("stop")]
    assert [msgspec.to_builtins(chunk)["usage"] for chunk in chunks] == [None] * 3
    usage = usage_of([TokenCounts(5, 3, reasoning=1, cached=2), TokenCounts(prompt=1)])
    last = usage_chunk(id="chatcmpl-1", created=1, model="m", usage=usage)
    assert msgspec.to_builtins(last) == {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [],
        "usage": {
            "prompt_tokens": 6,
            "completion_tokens": 3,
            "total_tokens": 9,
            "prompt_tokens_details": {"cached_tokens": 2},
            "completion_tokens_details": {"reasoning_tokens": 1},
        },
    }
    assert fold([*chunks, last], usage).usage == usage


WHOLE = [
    pytest.param([], {"content": ""}, id="nothing"),
    pytest.param([("text", "Hi")], {"content": "Hi"}, id="text"),
    pytest.param(
        [("call", "f", ["{", "}"])],
        {"content": None, "tool_calls": [("call_0", "f", "{}")]},
        id="a-call",
    ),
    pytest.param(
        [("text", "Hi"), ("call", "f", []), ("call", "g", ["{}"])],
        {"content": "Hi", "tool_calls": [("call_0", "f", ""), ("call_1", "g", "{}")]},
        id="text-and-calls",
    ),
]


def written(w: ChunkWriter, said, reason="stop"):
    chunks = []
    for kind, *what in said:
        if kind == "text":
            chunks += w.text(what[0])
        else:
            chunks += w.call_start(what[0])
            for json in what[1]:
                chunks += w.call_arguments(json)
    return [*chunks, *w.finish(reason)]


@pytest.mark.parametrize(("said", "expected"), WHOLE)
def test_the_fold_is_a_whole_answer(said, expected):
    completion = fold(written(writer(), said), NO_USAGE)
    data = msgspec.to_builtins(completion)
    assert list(data) == ["id", "object", "created", "model", "choices", "usage"]
    assert data["object"] == "chat.completion"
    (choice,) = data["choices"]
    assert list(choice) == ["index", "message", "logprobs", "finish_reason"]
    message = choice["message"]
    calls = [
        (call["id"], call["function"]["name"], call["function"]["arguments"])
        for call in message.pop("tool_calls", [])
    ]
    assert message.pop("role") == "assistant"
    assert message.pop("refusal") is None
    assert message | ({"tool_calls": calls} if calls else {}) == expected


def test_there_is_nothing_to_fold_without_chunks():
    with pytest.raises(ValueError, match="no chunks"):
        fold([], NO_USAGE)


SAID = st.tuples(
    st.lists(st.tuples(st.just("text"), st.text(max_size=8)), max_size=3),
    st.lists(
        st.tuples(
            st.just("call"),
            st.sampled_from(["f", "g-h"]),
            st.lists(st.text(max_size=5), max_size=3),
        ),
        max_size=3,
    ),
).map(lambda parts: [*parts[0], *parts[1]])
REASONS = st.sampled_from(["stop", "length", "tool_calls", "content_filter"])


@given(said=SAID, reason=REASONS, stops=st.lists(st.text(min_size=1, max_size=2), max_size=2))
def test_openais_own_fold_says_the_same(said, reason, stops):
    chunks = written(writer(stops=stops), said, reason)
    assert told_by_openai(chunks) == read_by_openai(fold(chunks, NO_USAGE))


@given(said=SAID.filter(lambda said: sum(kind == "call" for kind, *_ in said) <= 1), reason=REASONS)
def test_openais_own_fold_says_the_same_in_the_deprecated_form(said, reason):
    chunks = written(writer(legacy=True), said, reason)
    assert told_by_openai(chunks) == read_by_openai(fold(chunks, NO_USAGE))


@given(first=SAID, second=SAID, order=st.randoms(use_true_random=False))
def test_choices_may_be_written_side_by_side(first, second, order):
    one, two = written(writer(), first), written(writer(index=1), second, "length")
    mixed, waiting = [], [one[1:], list(two)]
    mixed.append(one[0])  # the SDK takes the first chunk to be of the first choice
    while any(waiting):
        mixed.append(order.choice([chunks for chunks in waiting if chunks]).pop(0))
    completion = fold(mixed, NO_USAGE)
    assert [choice.index for choice in completion.choices] == [0, 1]
    assert completion.choices[0] == fold(one, NO_USAGE).choices[0]
    assert completion.choices[1] == fold(two, NO_USAGE).choices[0]
    assert told_by_openai(mixed) == read_by_openai(completion)
