"""ChatML, the text form of a chat that the embedded model was trained on. Pure.

    <|im_start|>role
    text<|im_end|>

The whole prompt is handed over as one text in which the ``<|…|>`` marks become control tokens,
so a text must not be able to spell one: whatever looks like a mark gets an invisible U+2060
after its first character. The core has done so already to untrusted text, for every upstream;
this is the last wall, at the place where the marks are known to be live.

Source: the ``tokenizer.chat_template`` of Qwen2.5-Coder-Instruct, without its tool branch.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bridge.turns import Turn

if TYPE_CHECKING:
    from collections.abc import Sequence

START = "<|im_start|>"
END = "<|im_end|>\n"

DEFAULT_SYSTEM = Turn(
    "system", "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."
)
"""What the model's own template says where the caller gives no system text."""

_MARK = re.compile(r"<(?=\|[^|<>\s]+\|>)")
_WORD_JOINER = "\u2060"


def chatml(turns: Sequence[Turn], *, prefill: bool = False) -> str:
    """The prompt for these turns, up to where the model goes on writing.

    With ``prefill`` the last turn is left open, to be continued; otherwise a new assistant turn
    is opened. Lone surrogates, which no token can spell, become question marks.
    """
    led = turns if turns and turns[0].role == "system" else [DEFAULT_SYSTEM, *turns]
    opened = [_opened(turn.role, turn.text) for turn in led]
    return END.join(opened if prefill else [*opened, _opened("assistant", "")])


def _opened(role: str, text: str) -> str:
    encodable = text.encode(errors="replace").decode()
    return f"{START}{role}\n{_MARK.sub('<' + _WORD_JOINER, encodable)}"
