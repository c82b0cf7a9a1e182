"""What a request wants called: ``tool_choice``, ``parallel_tool_calls`` and their older forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from bridge.schema import AllowedToolsChoice, NamedToolChoice

if TYPE_CHECKING:
    from bridge.schema import ChatCompletionRequest, FunctionDefinition


class Choice(msgspec.Struct, frozen=True):
    """``tools`` are those that may be called; ``limited`` says they are fewer than the offered."""

    mode: Literal["none", "auto", "required", "named"]
    tools: tuple[FunctionDefinition, ...]
    limited: bool = False
    single: bool = False

    @property
    def promised(self) -> bool:
        """Whether the caller was promised a call."""
        return self.mode in ("required", "named")

    @property
    def only(self) -> str | None:
        """The one tool that must be called, if there is just one."""
        return self.tools[0].name if self.promised and len(self.tools) == 1 else None


def choice_of(request: ChatCompletionRequest) -> Choice:
    """The request's choice; a request without tools has none."""
    offered, chosen = request.offered, request.tool_choice
    single = request.parallel_tool_calls is False or request.uses_functions
    if not offered or chosen == "none":
        return Choice("none", ())
    if isinstance(chosen, NamedToolChoice):
        named = tuple(tool for tool in offered if tool.name == chosen.function.name)
        return Choice("named", named, limited=len(offered) > 1, single=True)
    if isinstance(chosen, AllowedToolsChoice):
        names = {tool.function.name for tool in chosen.allowed_tools.tools}
        allowed = tuple(tool for tool in offered if tool.name in names)
        mode = chosen.allowed_tools.mode
        return Choice(mode, allowed, limited=len(allowed) < len(offered), single=single)
    return Choice("required" if chosen == "required" else "auto", offered, single=single)
