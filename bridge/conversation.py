"""The order of a conversation: every call has its result, every result its call.

OpenAI's rule: an assistant message with ``tool_calls`` is followed by the tool messages for all
its ids, in any order, before anything else. The deprecated pair ``function_call`` and a message of
role ``function`` follows the same rule, and is rewritten into the newer one here, so that nothing
behind this file knows of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

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


def settled(messages: Sequence[Message]) -> list[Message]:
    """The messages without deprecated forms; raises ``RequestError`` when their order is wrong."""
    order = _Order()
    taken = [order.take(index, message) for index, message in enumerate(messages)]
    order.close()
    return taken


class _Order:
    def __init__(self) -> None:
        self._seen: set[str] = set()
        """The ids of all calls so far."""
        self._open: dict[str, str] = {}
        """The calls that wait for their result: id → path."""
        self._legacy: tuple[str, str] | None = None
        """The deprecated call that waits: its function's name and the id made for it."""
        self._made = 0

    def take(self, index: int, message: Message) -> Message:
        where = f"messages[{index}]"
        if isinstance(message, ToolMessage):
            self._answer(message.tool_call_id, f"{where}.tool_call_id")
            return message
        if isinstance(message, FunctionMessage):
            return self._function_result(where, message)
        self.close()
        if isinstance(message, AssistantMessage):
            return self._assistant(where, message)
        return message

    def close(self) -> None:
        """What comes next, or nothing, is no result: no call may wait for one."""
        for call_id, path in self._open.items():
            named = "'function_call'" if self._legacy else f"tool call '{call_id}'"
            _refuse(
                f"The {named} is not answered: an assistant message with calls must be followed"
                " by one tool message for each call.",
                path,
            )

    def _assistant(self, where: str, message: AssistantMessage) -> AssistantMessage:
        self._legacy = None
        if message.function_call is not None:
            return self._function_call(where, message, message.function_call)
        if not message.tool_calls:
            if message.content is None and message.refusal is None:
                _refuse(
                    f"Invalid '{where}.content': an assistant message without calls needs content.",
                    f"{where}.content",
                )
            return message.model_copy(update={"tool_calls": None})
        for position, call in enumerate(message.tool_calls):
            self._ask(call.id, f"{where}.tool_calls[{position}].id")
        return message

    def _ask(self, call_id: str, path: str) -> None:
        if call_id in self._seen:
            _refuse(f"The tool call id '{call_id}' is used twice.", path)
        self._seen.add(call_id)
        self._open[call_id] = path

    def _answer(self, call_id: str, path: str) -> None:
        if self._open.pop(call_id, None) is not None:
            return
        if call_id in self._seen:
            _refuse(f"The tool call '{call_id}' has been answered already.", path)
        _refuse(f"There is no tool call '{call_id}' before this message to answer.", path)

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
        return ToolMessage(role="tool", content=message.content or "", tool_call_id=call_id)


def _refuse(message: str, param: str) -> NoReturn:
    raise RequestError(message, param=param)
