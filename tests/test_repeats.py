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


def test_the_calls_that_the_conversation_ends_with():
    first = [user("x"), called(("1", "f", "{}")), result("1", "r")]
    second = [called(("2", "g", '{"a": 1}'), ("3", "g", "")), result("2", "r"), result("3", "r")]
    assert answered_calls(request_of(first)) == {("f", "{}")}
    assert answered_calls(request_of(first + second)) == {("g", '{"a": 1}'), ("g", "{}")}
    for later in ([user("y")], [assistant("y")]):
        assert answered_calls(request_of(first + later)) == frozenset()
