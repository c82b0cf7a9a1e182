"""What a caller was promised, and whether an attempt at an answer keeps it.

    promise                          broken by                            told to the model
    required, named, allowed_tools   no call, or one with a fault         the fault, the tool
    strict: true                     a call to that tool with a fault     the fault, the tool
    response_format                  text that is not that JSON           the fault
    (always) a call that is usable   a call with a fault                  the fault, the tool
    (always) a new call              the call whose result is there       that it is there
    (always) an answer               thinking or an empty fence alone,
                                     a call under none                    to answer in words
                                     a made-up result without a call      that it is made up

The model is asked again for each of them. Where it stays so, the first three are errors; of the
others the caller gets what there is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from bridge import directives
from bridge.errors import OutputInvalid, ReplyError, ToolCallInvalid
from bridge.parts import Call
from bridge.tool_names import resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.attempt import Attempt
    from bridge.choice import Choice
    from bridge.dialects.base import Dialect
    from bridge.parts import Malformed
    from bridge.prompt import Renderer


class Refusal(msgspec.Struct, frozen=True):
    """Why an attempt will not do: what to tell the model, and the error if it stays so."""

    directive: str
    error: ReplyError | None = None


class Promises:
    """Judges the attempts at an answer to one request."""

    def __init__(self, choice: Choice, dialect: Dialect, renderer: Renderer) -> None:
        self._promised = choice.promised
        self._offered = {tool.name: tool for tool in choice.tools}
        self._schemas = {tool.name: tool.parameters for tool in choice.tools}
        self._dialect = dialect
        self._renderer = renderer

    def judge(self, attempt: Attempt, *, called: bool) -> Refusal | None:
        """What is wrong with an attempt that has ended; ``called``: calls have left already."""
        refusal = self._judged(attempt, called=called)
        if refusal is not None and attempt.json_fault is not None and refusal.error is None:
            return replace(refusal, error=_output_invalid())  # it would leave with the calls
        return refusal

    def _judged(self, attempt: Attempt, *, called: bool) -> Refusal | None:
        calls = attempt.held.calls
        if attempt.stopped:
            return None
        if attempt.held.repeats:
            names = dict.fromkeys(call.name or "" for call in calls)
            return Refusal(directives.repeated(list(names)))
        if any(map(self._must_be_mended, calls)):
            return self._faulty(calls, wants_json=attempt.wants_json)
        if calls or called:
            return self._output(attempt)
        if self._promised:
            error = "The model did not call a tool although the request requires it."
            directive = directives.call_missing(self._dialect, list(self._offered))
            return Refusal(directive, ToolCallInvalid(error))
        return self._without_calls(attempt)

    def _must_be_mended(self, call: Call | Malformed) -> bool:
        """Whether a call may not leave as it is. One that was not checked breaks promises only."""
        if call.fault is None or call.fault.kind != "unchecked":
            return call.fault is not None
        tool = self._offered.get(call.name or "")
        return self._promised or (tool is not None and bool(tool.strict))

    def _without_calls(self, attempt: Attempt) -> Refusal | None:
        if attempt.json_fault is not None:
            return self._output(attempt)
        if attempt.made_up:
            return Refusal(directives.made_up_result(may_call=bool(self._offered)))
        if attempt.has_words:
            return None
        if attempt.refused:
            return Refusal(directives.NO_CALLS_NOW)
        if attempt.fence:
            return Refusal(directives.NOTHING_IN_IT)
        return Refusal(directives.NO_ANSWER) if attempt.only_begun else None

    def _output(self, attempt: Attempt) -> Refusal | None:
        if attempt.json_fault is None:
            return None
        fault = self._renderer.defused(attempt.json_fault.message)
        return Refusal(directives.output_wrong(fault), _output_invalid())

    def _faulty(self, calls: Sequence[Call | Malformed], *, wants_json: bool) -> Refusal:
        faulty = [(call, call.fault) for call in calls if call.fault is not None]
        told = [self._renderer.defused(fault.message) for _, fault in faulty]
        if any(fault.kind == "name" for _, fault in faulty):
            told.append(f"The tools are: {', '.join(self._offered)}.")
        names = dict.fromkeys(resolve(call.name or "", self._schemas) for call, _ in faulty)
        meant = [self._offered[name] for name in names if name is not None]
        error: ReplyError | None = None
        if self._promised or any(tool.strict for tool in meant):
            error = ToolCallInvalid("The model did not write a valid tool call.")
        elif wants_json and not any(isinstance(call, Call) for call in calls):
            error = _output_invalid()
        unknown = error is None and all(fault.kind == "name" for _, fault in faulty)
        tools = list(map(self._renderer.tool, meant))
        text = directives.correction(self._dialect, told, tools, or_words=unknown)
        return Refusal(text, error)


def _output_invalid() -> OutputInvalid:
    return OutputInvalid(
        "The model's answer does not follow the requested response_format.",
        param="response_format",
    )
