"""What chat templates mark turns, tools and thinking with: shapes of tokens, names for the rest.

``SHAPES`` are what follows the first character of a token; a list of tokens would always lag behind
the models. ``NAMES`` are tags whose shape is that of any XML. ``tests/control_tokens.toml`` is a
table of families, their tokens and a source for each, by which both are tested.

In JSON text a control character is a backslash and more, and a quote ends a string: a shape that
ends with one of these, or with the text, ends with any.
"""

from __future__ import annotations

ODD = r'\\"\x00-\x1f\ud800-\udfff'
"""Characters that stand otherwise in JSON text."""

AFTER_NAME = rf"(?:[>\s=/{ODD}]|\Z)"

NAMES = frozenset(
    """
    tool_call tool_calls toolcall tool_code tool_response tool_result tool_results tool_use tools
    available_tools function_call function_calls function_results function_response function invoke
    parameter arg_key arg_value system user assistant role human bot
    bos eos pad unk sop eop eot eoh eoa mask sep endoftext
    """.split()  # noqa: SIM905  a list of words is easier to read and to edit than of strings
)
"""Tags, with any namespace before the name and any word behind it."""

_WORD = r"[A-Za-z_]\w{0,32}"

SHAPES = {
    "<": (
        rf"/?\|/?(?:[\w{ODD}]|\Z)",  # <|im_start|>, <|turn>, <|"|>
        r"/?\uff5c",  # DeepSeek's full-width bars
        rf"/?{_WORD}(?:[:.-]\w{{1,32}})?[|\uff5c]>",  # <turn|>
        rf"/?s{AFTER_NAME}",
        r"(?:(?-i:[A-Z][A-Z_]{1,24})_|extra_id_|unused_?|reserved_(?:token_)?)\d{1,6}>",
        r"(?-i:[A-Z]{2,12}_TOKEN)>",
        r"/?(?:start|end|begin|beginning)_of_\w{1,32}>",
        r"/?(?:longcat|fim)_\w{1,32}>",
        r"/?ifm\|\w",
        r"(?-i:_[a-z]{3,12})>",  # <_user>
        r"</?SYS>>",
    ),
    "[": (
        r"/?(?:INST|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT|AVAILABLE_TOOLS|SYSTEM_PROMPT|CALL_ID)\]",
        r"/?(?:ARGS|MODEL_SETTINGS|gMASK|BOS|EOS)\]",
        rf"\|{_WORD}\|\]",  # [|endofturn|]
        r"[a-z]{1,3}~\[",  # [e~[
        r"unused(?:_token_)?\d{1,6}\]",
    ),
    "]": (r"~!?[a-z]{1,3}[\]\[]", r"![a-z]{1,3}~\[", r"<\]"),  # ]~b], ]!p~[, ]<]minimax[>[
    "\u25c1": (rf"/?{_WORD}\u25b7",),  # Kimi's triangles
}
"""By their first character, what follows it."""
