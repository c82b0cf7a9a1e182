"""What a directive speaks of, not how: the wording is tuned on models."""

from __future__ import annotations

import pytest

from bridge import directives
from bridge.choice import choice_of
from bridge.dialects import DIALECTS
from bridge.schema import ChatCompletionRequest

FENCE = DIALECTS["fence"]("two words")
TOOLS = [{"type": "function", "function": {"name": name}} for name in ("alpha", "beta")]
NAMED = {"type": "function", "function": {"name": "beta"}}
ALLOWED = {
    "type": "allowed_tools",
    "allowed_tools": {"mode": "auto", "tools": [NAMED]},
}
REQUIRED_OF_SOME = {
    "type": "allowed_tools",
    "allowed_tools": {"mode": "required", "tools": [NAMED]},
}
OBJECT = {"type": "json_object"}
SCHEMA = {
    "type": "json_schema",
    "json_schema": {
        "name": "thing",
        "schema": {"type": "object", "properties": {"<tool_call>": {"const": "京"}}},
    },
}
NO_SCHEMA = {"type": "json_schema", "json_schema": {"name": "thing"}}


def written(*, think=False, **fields) -> str:
    request = ChatCompletionRequest.model_validate(
        {"model": "m", "messages": [{"role": "user", "content": "x"}], **fields}
    )
    return directives.directive(request, choice_of(request), FENCE, think=think)


SILENT = [
    pytest.param({}, id="nothing"),
    pytest.param({"tools": TOOLS}, id="auto"),
    pytest.param({"tool_choice": "none"}, id="none-without-tools"),
    pytest.param({"response_format": {"type": "text"}}, id="text"),
    pytest.param(
        {"tools": TOOLS, "functions": [{"name": "alpha"}]}, id="deprecated-functions"
    ),
]  # fmt: skip


@pytest.mark.parametrize("fields", SILENT)
def test_a_plain_request_has_no_directive(fields):
    assert written(**fields) == ""


SPOKEN = [
    pytest.param({"tools": TOOLS, "tool_choice": "none"}, [directives.ANSWER_IN_WORDS], ["alpha"],
                 id="none"),
    pytest.param({"tools": TOOLS, "tool_choice": "required"}, [FENCE.block], ["alpha"],
                 id="required"),
    pytest.param({"tools": TOOLS, "tool_choice": NAMED}, ["beta", FENCE.block], ["alpha"],
                 id="named"),
    pytest.param({"tools": TOOLS, "tool_choice": ALLOWED}, ["beta"], ["alpha", FENCE.block],
                 id="allowed"),
    pytest.param({"tools": TOOLS, "tool_choice": REQUIRED_OF_SOME}, ["beta", FENCE.block],
                 ["alpha"], id="required-of-some"),
    pytest.param({"tools": TOOLS, "parallel_tool_calls": False}, [directives.ONE_CALL], [],
                 id="one-call"),
    pytest.param({"response_format": OBJECT}, [directives.JSON_OBJECT], [directives.OR_CALL],
                 id="object"),
    pytest.param({"response_format": OBJECT, "tools": TOOLS},
                 [directives.OR_CALL + directives.JSON_OBJECT], [], id="object-or-a-call"),
    pytest.param({"response_format": OBJECT, "tools": TOOLS, "tool_choice": "required"},
                 [FENCE.block], [directives.JSON_OBJECT], id="a-promised-call-and-no-object"),
    pytest.param({"response_format": SCHEMA}, ['{"type":"object"', "京"], ["<tool_call>"],
                 id="schema-without-its-markers"),
    pytest.param({"response_format": NO_SCHEMA}, ["{}"], [], id="no-schema"),
    pytest.param({"think": True}, [directives.THINK], [], id="thinking"),
    pytest.param({"think": True, "response_format": OBJECT},
                 [directives.JSON_OBJECT, directives.THINK], [], id="thinking-comes-last"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "said", "unsaid"), SPOKEN)
def test_what_varies_is_said(fields, said, unsaid):
    text = written(**fields)
    places = [text.index(part) for part in said]
    assert places == sorted(places)
    assert not any(part in text for part in unsaid)


def test_a_correction_tells_the_block_every_fault_and_the_tools():
    text = directives.correction(FENCE, ["one fault", "another"], ["alpha(…)"])
    for part in (FENCE.block, "one fault", "another", "alpha(…)"):
        assert part in text
    assert len(directives.correction(FENCE, ["one fault"], [])) < len(text)
    assert "beta()" in directives.correction(FENCE, ["x"], ["alpha()", "beta()"])
    assert directives.CORRECTED_OR_WORDS not in text
    assert directives.CORRECTED_OR_WORDS in directives.correction(FENCE, ["x"], [], or_words=True)


def test_other_faults_are_told_with_what_can_mend_them():
    missing = directives.call_missing(FENCE, ["alpha", "beta"])
    assert "alpha, beta" in missing
    assert FENCE.block in missing
    assert "alpha" in directives.repeated(["alpha"])
    assert "a is missing" in directives.output_wrong("a is missing")
