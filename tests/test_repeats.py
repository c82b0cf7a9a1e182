from __future__ import annotations

import pytest

from bridge.repeats import answered_calls, canonical
from tests.test_prompt import assistant, called, request_of, result, user

ALIKE = [
    pytest.param('{"a": 1, "b": [true]}', '{"b":[true],"a":1}', id="order-and-space"),
    pytest.param('{"a": "\\u4eac"}', '{"a": "京"}', id="escapes"),
    pytest.param("", "{}", id="nothing"),
    pytest.param("1" * 5000, "1" * 5000, id="the-same-text"),
]
UNLIKE = [
    pytest.param('{"a": 1}', '{"a": "1"}', id="types"),
    pytest.param('{"a": [1, 2]}', '{"a": [2, 1]}', id="order-of-items"),
    pytest.param("{", "{}", id="no-json"),
    pytest.param("[" * 100_000, "[]", id="too-deep"),
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_equal_arguments_are_alike(one, other):
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(("one", "other"), UNLIKE)
def test_others_are_not(one, other):
    assert canonical(one) != canonical(other)


F = ("f", "{}")
G = ("g", '{"a": 1}')


def rounds(*told):
    """Messages of rounds of calls, each ``(call, result)``, and of words."""
    messages = [user("x")]
    for place, each in enumerate(told):
        if isinstance(each, str):
            messages.append(assistant(each) if each == "Well." else user(each))
            continue
        ids = [f"{place}-{number}" for number in range(len(each))]
        messages.append(called(*[(i, *call) for i, (call, _) in zip(ids, each, strict=True)]))
        messages += [result(i, text) for i, (_, text) in zip(ids, each, strict=True)]
    return messages


SAME = [(F, "r")]
OTHER = [(F, "s")]
HISTORIES = [
    pytest.param([SAME], {F}, set(), id="once"),
    pytest.param([SAME, SAME], {F}, {F}, id="twice"),
    pytest.param([SAME, [(("f", " { } "), "r")]], {F}, {F}, id="twice-in-other-words"),
    pytest.param([SAME, SAME, SAME], {F}, {F}, id="three-times"),
    pytest.param([SAME, OTHER], set(), set(), id="a-new-result"),
    pytest.param([SAME, SAME, OTHER], set(), set(), id="a-new-result-after-two"),
    pytest.param([OTHER, SAME, SAME], {F}, {F}, id="an-old-result-before-two"),
    pytest.param([SAME, [(G, "r")], SAME], {F}, set(), id="not-in-a-row"),
    pytest.param([OTHER, [(G, "r")], SAME], set(), set(), id="a-new-result-not-in-a-row"),
    pytest.param([SAME, "Go on", SAME], {F}, set(), id="asked-anew"),
    pytest.param([SAME, SAME, "Go on"], set(), set(), id="the-user-spoke"),
    pytest.param([SAME, SAME, "Well."], set(), set(), id="the-model-spoke"),
    pytest.param([[*SAME, (G, "t")], [(G, "t"), *SAME]], {F, G}, {F, G}, id="two-calls"),
    pytest.param([[*SAME, (G, "t")], [(G, "u"), *SAME]], {F}, {F}, id="one-of-two-has-changed"),
    pytest.param([[*SAME, *OTHER], [*SAME, *OTHER]], set(), set(), id="two-results-at-once"),
    pytest.param([], set(), set(), id="nothing"),
]


@pytest.mark.parametrize(("told", "at_once", "at_twice"), HISTORIES)
def test_the_calls_that_have_brought_the_same(told, at_once, at_twice):
    request = request_of(rounds(*told))
    assert answered_calls(request, 1) == at_once
    assert answered_calls(request, 2) == at_twice
    assert answered_calls(request, 9) == frozenset()


def test_parts_of_a_result_are_its_text():
    parts = {**result("1", ""), "content": [{"type": "text", "text": "r"}]}
    request = request_of([*rounds(SAME), called(("1", *F)), parts])
    assert answered_calls(request, 2) == {F}
