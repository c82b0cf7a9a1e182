"""What every attempt of an exchange is read by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from bridge.dialects.base import Grammar
    from bridge.dialects.expected import Expected
    from bridge.repeats import Answered
    from bridge.structured import JsonFormat
    from bridge.thinking import Thoughts


class Terms(msgspec.Struct, frozen=True):
    """What every attempt of an exchange is read by.

    ``grammar`` is None when the prompt held no protocol. ``promised``: a call must come.
    ``refuses``: none may. ``holds_json``: structured output waits until it has been checked.
    ``answered``: calls that would only repeat what is known. ``has_results``: some come last.
    """

    grammar: Grammar | None
    expected: Expected
    thoughts: Thoughts
    promised: bool
    refuses: bool
    json: JsonFormat | None
    holds_json: bool
    answered: Answered
    has_results: bool
