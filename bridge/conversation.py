"""The order of a conversation: every call has its result, every result its call.

OpenAI's rule: an assistant message with ``tool_calls`` is followed by the tool messages for all
its ids, in any order, before anything else. The deprecated pair ``function_call`` and a message of
role ``function`` follows the same rule, and is rewritten into the newer one here, so that nothing
behind this file knows of it.

Clients send a history again with every request, so one odd message of it would end a session for
ever. What is odd and means one thing only is mended, and told as the path where it stood: a content
that is null is an empty one, parts of the model's own that are no text are left out, and calls
without ids are answered in their order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from bridge.content import OtherPart
from bridge.errors import RequestError
from bridge.schema import (
    AssistantMessage,
    FunctionMessage,
    RequestToolCall,
    ToolMessage,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.schema import FunctionCall, Message


MAX_CALL_ID = 40
"""OpenAI refuses longer ids. Here they go nowhere, and sessions begin with other servers."""

NAMELESS = "\0"
"""What the ids begin with that are made for calls without one. They leave nowhere."""


def settled(messages: Sequence[Message], mended: list[str]) -> list[Message]:
    """The messages without deprecated forms; raises ``RequestError`` when their order is wrong.

    The paths of what was mended are added to ``mended``.
    """
    order = _Order(mended)
    taken = [order.take(index, message) for index, message in enumerate(messages)]
    order.close()
    return taken


class _Order:
    def __init__(self, mended: list[str]) -> None:
        self._mended = mended
        self._open: dict[str, str] = {}
        """The calls that wait for their result: id → path."""
        self._answered: set[str] = set()
        """The ids of the latest calls that have their result."""
        self._nameless: dict[str, None] = {}
        """Of those that wait, the ids made for calls that came without one, in their order."""
        self._legacy: tuple[str, str] | None = None
        """The deprecated call that waits: its function's name and the id made for it."""
        self._made = 0

    def take(self, index: int, message: Message) -> Message:
        where = f"messages[{index}]"
        if isinstance(message, ToolMessage):
            return self._result(where, message)
        if isinstance(message, FunctionMessage):
            return self._function_result(where, message)
        self.close()
        if isinstance(message, AssistantMessage):
            return self._assistant(where, message)
        if message.content is None:
            self._mended.append(f"{where}.content")
        return message

    def close(self) -> None:
        """What comes next, or nothing, is no result: no call may wait for one."""
        for call_id, path in self._open.items():
            named = "'function_call'" if self._legacy else f"tool call '{_shown(call_id)}'"
            _refuse(
                f"The {named} is not answered: an assistant message with calls must be followed"
                " by one tool message for each call.",
                path,
            )

    def _assistant(self, where: str, message: AssistantMessage) -> AssistantMessage:
        self._legacy = None
        self._answered.clear()
        message = self._without_other_parts(where, message)
        if message.function_call is not None:
            return self._function_call(where, message, message.function_call)
        if not message.tool_calls:
            if message.content is None and message.refusal is None:
                self._mended.append(f"{where}.content")
            return message.model_copy(update={"tool_calls": None})
        calls = [
            self._asked(call, f"{where}.tool_calls[{position}].id")
            for position, call in enumerate(message.tool_calls)
        ]
        return message.model_copy(update={"tool_calls": calls})

    def _without_other_parts(self, where: str, message: AssistantMessage) -> AssistantMessage:
        """What the model said. Its thinking, and what other APIs have beside text, is not that."""
        if not isinstance(message.content, list):
            return message
        kept = [part for part in message.content if not isinstance(part, OtherPart)]
        if len(kept) == len(message.content):
            return message
        self._mended.append(f"{where}.content")
        return message.model_copy(update={"content": kept})

    def _asked(self, call: RequestToolCall, path: str) -> RequestToolCall:
        if call.id:
            if len(call.id) > MAX_CALL_ID:
                self._mended.append(path)
            self._ask(call.id, path)
            return call
        self._mended.append(path)
        made = f"{NAMELESS}{len(self._nameless)}"
        self._ask(made, path)
        self._nameless[made] = None
        return call.model_copy(update={"id": made})

    def _ask(self, call_id: str, path: str) -> None:
        if call_id in self._open:
            _refuse(f"The tool call id '{_shown(call_id)}' is used twice.", path)
        self._open[call_id] = path

    def _result(self, where: str, message: ToolMessage) -> ToolMessage:
        call_id = self._answer(message.tool_call_id, f"{where}.tool_call_id")
        if message.content is None:
            self._mended.append(f"{where}.content")
        return message.model_copy(
            update={"tool_call_id": call_id, "content": message.content or ""}
        )

    def _answer(self, given: str, path: str) -> str:
        """The id of the call that the result with the ``given`` id answers."""
        call_id = self._meant(given)
        if call_id in self._answered:
            _refuse(f"The tool call '{_shown(call_id)}' has been answered already.", path)
        if self._open.pop(call_id, None) is None:
            _refuse(
                f"There is no tool call '{_shown(call_id)}' before this message to answer.", path
            )
        self._nameless.pop(call_id, None)
        self._answered.add(call_id)
        return call_id

    def _meant(self, given: str) -> str:
        """The given id, or where a call or its result has none, that of the call to be answered."""
        if given in self._open or self._legacy:
            return given
        if self._nameless and not given:
            return next(iter(self._nameless))
        if len(self._open) == 1 and (self._nameless or not given):
            return next(iter(self._open))
        return given

    def _function_call(
        self, where: str, message: AssistantMessage, function: FunctionCall
    ) -> AssistantMessage:
        if message.tool_calls:
            _refuse(
                "A message has 'tool_calls' or the deprecated 'function_call', not both.",
                f"{where}.function_call",
            )
        call_id = f"call_legacy_{self._made}"
        self._made += 1
        self._ask(call_id, f"{where}.function_call")
        self._legacy = (function.name, call_id)
        call = RequestToolCall(id=call_id, function=function)
        return message.model_copy(update={"tool_calls": [call], "function_call": None})

    def _function_result(self, where: str, message: FunctionMessage) -> ToolMessage:
        name, call_id = self._legacy or ("", "")
        if call_id not in self._open or name != message.name:
            _refuse(
                f"There is no call of '{message.name}' before this message to answer.",
                f"{where}.name",
            )
        self._answer(call_id, f"{where}.name")
        if message.content is None:
            self._mended.append(f"{where}.content")
        return ToolMessage(role="tool", content=message.content or "", tool_call_id=call_id)


def _shown(call_id: str) -> str:
    """An id for a message: cut to a length, and without our own mark."""
    return "" if call_id.startswith(NAMELESS) else call_id[:MAX_CALL_ID]


def _refuse(message: str, param: str) -> NoReturn:
    raise RequestError(message, param=param)
