"""What vendors' models were trained to write around their calls, as data.

Each row is a family with a source; a new family is a row here, and one in ``foreign`` if its calls
have a form of their own. Bars and underscores come in several spellings (``|｜‖``, ``_▁``), tags in
namespaces (``minimax:``, ``antml:``, DeepSeek's ``｜DSML｜``).
"""

from __future__ import annotations

import re
from typing import NamedTuple

BAR = "[|\uff5c\u2016]"
LINE = "[_\u2581]"
NAMESPACE = rf"(?:[A-Za-z][\w-]*:|\s?{BAR}{{0,2}}\s?DSML\s?{BAR}{{0,2}}\s?)?"
BEFORE_TAG = r"(?:\]<\]minimax\[>\[)?"
"""MiniMax M3 puts this token before each tag."""

LONGEST_TAG = 96
"""Characters of a wrapper or of a tag that opens a call, at the most."""


class Wrapper(NamedTuple):
    """What stands around calls and says nothing by itself: a pattern."""

    family: str
    pattern: str
    source: str


def _tag(names: str) -> str:
    """An opening or closing tag, in any namespace."""
    return rf"{BEFORE_TAG}<\\?/?{NAMESPACE}(?:{names})\s?/?>"


def _token(names: str) -> str:
    """A special token: bars on both sides, or on one as Gemma 4 has them."""
    return rf"<{BAR}/?(?:{names.replace('_', LINE)}){BAR}?>|<(?:{names.replace('_', LINE)}){BAR}>"


WRAPPERS = (
    Wrapper("Hermes, Qwen, GLM", _tag("tool_calls?"), "NousResearch/Hermes-Function-Calling"),
    Wrapper("Claude", _tag("function_calls?|calls"), "anthropics/claude-code#72240"),
    Wrapper("clients' own prompts", _tag("tool_use|tools"), "RooCodeInc/Roo-Code"),
    Wrapper("LongCat", _tag("longcat_tool_call"), "meituan-longcat/LongCat-Flash-Chat"),
    Wrapper("FunctionGemma", _tag("(?:start|end)_function_call"), "google/functiongemma-270m-it"),
    Wrapper("Mistral", r"\[/?TOOL_CALLS?\]", "mistralai/mistral-common"),
    Wrapper("Phi 4, Granite, Gemma 4", _token("tool_call"), "ggml-org/llama.cpp common/chat.cpp"),
    Wrapper("LFM2", _token("tool_call_(?:start|end)"), "ggml-org/llama.cpp#23838"),
    Wrapper("Llama 3", _token("python_tag|eom_id|eot_id"), "meta-llama/llama-models#266"),
    Wrapper("Llama 4", _token("python_(?:start|end)|eom|eot"), "vllm llama4_pythonic parser"),
    Wrapper(
        "Kimi K2",
        _token("tool_calls?_(?:section_)?(?:begin|end)"),
        "MoonshotAI/Kimi-K2 docs/tool_call_guidance.md",
    ),
    Wrapper("DeepSeek V3, R1", _token("tool_calls?_(?:begin|end)"), "vllm-project/vllm#23454"),
    Wrapper(
        "gpt-oss (Harmony)",
        _token("start|channel|call|end|return"),
        "openai/harmony docs/format.md",
    ),
)

WRAPPER = re.compile("|".join(dict.fromkeys(row.pattern for row in WRAPPERS)), re.IGNORECASE)

NAMED = re.compile(
    rf"""{BEFORE_TAG}<{NAMESPACE}invoke\s+name\s*=\s*["']?[\w.-]+["']?\s*>"""
    rf"""|{BEFORE_TAG}<{NAMESPACE}function(?:\s*=|\s+name\s*=)\s*["']?[\w.-]+["']?\s*>"""
)
"""A tag that names its tool, with which a call may begin."""

MAY_BECOME = re.compile(
    rf"\](?:<(?:\](?:m(?:i(?:n(?:i(?:m(?:a(?:x(?:\[(?:>(?:\[<?)?)?)?)?)?)?)?)?)?)?)?)?"
    rf"|{BEFORE_TAG}<\\?/?(?:\s?{BAR}[^<>\n]{{0,80}}|[\w:.-]{{0,40}}{BAR}?"
    rf"(?:\s+(?:n(?:a(?:m(?:e[^<>\n]{{0,80}})?)?)?)?)?|function\s*=[^<>\n]{{0,80}})"
)
"""The beginning of one of these: more of the reply has to be seen."""
