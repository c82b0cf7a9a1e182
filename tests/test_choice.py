from __future__ import annotations

import pytest

from bridge.choice import choice_of
from bridge.schema import ChatCompletionRequest


def tool(name: str) -> dict:
    return {"type": "function", "function": {"name": name}}


def named(name: str) -> dict:
    return {"type": "function", "function": {"name": name}}


def allowed(mode: str, *names: str) -> dict:
    tools = [named(name) for name in names]
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}}


A, B = tool("a"), tool("b")
CASES = [
    pytest.param({}, ("none", [], False, False), id="no-tools"),
    pytest.param({"tools": []}, ("none", [], False, False), id="empty-tools"),
    pytest.param({"tools": [A, B]}, ("auto", ["a", "b"], False, False), id="auto-by-default"),
    pytest.param(
        {"tools": [B, A], "tool_choice": "auto"},
        ("auto", ["b", "a"], False, False),
        id="auto-in-the-clients-order",
    ),
    pytest.param({"tools": [A, B], "tool_choice": "none"}, ("none", [], False, False), id="none"),
    pytest.param(
        {"tools": [A, B], "tool_choice": "required"},
        ("required", ["a", "b"], False, False),
        id="required",
    ),
    pytest.param(
        {"tools": [A, B], "tool_choice": named("b")}, ("named", ["b"], True, True), id="named"
    ),
    pytest.param(
        {"tools": [A], "tool_choice": named("a")},
        ("named", ["a"], False, True),
        id="named-of-one",
    ),
    pytest.param(
        {"tools": [A, B], "tool_choice": allowed("auto", "b")},
        ("auto", ["b"], True, False),
        id="allowed-auto",
    ),
    pytest.param(
        {"tools": [A, B], "tool_choice": allowed("required", "b", "a")},
        ("required", ["a", "b"], False, False),
        id="allowed-all-of-them",
    ),
    pytest.param(
        {"tools": [A, B], "parallel_tool_calls": False},
        ("auto", ["a", "b"], False, True),
        id="one-at-a-time",
    ),
    pytest.param(
        {"tools": [A, B], "parallel_tool_calls": True},
        ("auto", ["a", "b"], False, False),
        id="many-at-a-time",
    ),
    pytest.param(
        {"tools": [A], "functions": [{"name": "a"}]},
        ("auto", ["a"], False, True),
        id="deprecated-functions-are-one-at-a-time",
    ),
]


@pytest.mark.parametrize(("fields", "expected"), CASES)
def test_what_a_request_wants_called(fields, expected):
    request = ChatCompletionRequest.model_validate(
        {"model": "m", "messages": [{"role": "user", "content": "x"}], **fields}
    )
    choice = choice_of(request)
    names = [function.name for function in choice.tools]
    assert (choice.mode, names, choice.limited, choice.single) == expected
    assert choice.promised == (choice.mode in {"required", "named"})
    assert choice.only == (names[0] if choice.promised and len(names) == 1 else None)
