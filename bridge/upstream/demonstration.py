"""A scripted upstream that answers anything, and says that it is one.

For a function that is tried out before it has an upstream. Offered the tool of ``events/``, it
calls it; given a result, it says so; else it greets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.upstream.scripted import Scripted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.turns import Options, Turn
    from bridge.upstream.scripted import Step

GREETING = ("Hello!", " This reply is scripted:", " no upstream is configured.")
RESULT = ("The result has come.", " This reply is scripted:", " no upstream is configured.")
CALL = ('```tool_call\n{"name": "get_weather", ', '"arguments": {"city": "北京"}}\n```')
TOOL = "get_weather"
RESULT_FENCE = "```tool_result"


def demonstration() -> Scripted:
    """The upstream."""
    return Scripted(_replied)


def _replied(turns: Sequence[Turn], options: Options) -> Sequence[Step]:
    del options  # whatever is asked for, the script is the same
    *_, last = (turn.text for turn in turns)
    if RESULT_FENCE in last:
        return RESULT
    return CALL if any(TOOL in turn.text for turn in turns) else GREETING
