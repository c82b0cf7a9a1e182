"""Calls in other tongues: what vendors' models were trained to write.

Each form is a row: its family, how a call begins, how its arguments are read, and where the form
was seen. They are read whole, at the end of a reply. Nothing is evaluated: a value is text where
its schema allows a string, and tolerant JSON elsewhere.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from bridge.calls import of_object
from bridge.dialects.foreign_brackets import read_gemma, read_python
from bridge.dialects.foreign_tags import read_argument_tags, read_named_tag, read_tagged
from bridge.dialects.foreign_values import NoCall, read_nothing, read_object
from bridge.dialects.vendors import BAR, BEFORE_TAG, LINE, NAMESPACE
from bridge.tool_names import resolve

if TYPE_CHECKING:
    from bridge.dialects.foreign_values import Reader
    from bridge.tool_names import Tools


class Form(NamedTuple):
    """One way of writing a call; ``{name}`` in its opening stands for the tool's name."""

    family: str
    opening: str
    read: Reader
    source: str


class Written(NamedTuple):
    """A call that was read: its tool, its arguments as JSON, and where it ends."""

    tool: str
    arguments: str
    end: int


def call_at(text: str, place: int, tools: Tools) -> Written:
    """The call that begins at ``place``; raises ``NoCall`` and ``JsonFault``."""
    form, name, end = opening_at(text, place)
    tool = resolve(name.removesuffix(".call"), tools)
    if tool is None:
        raise NoCall
    arguments, end = form.read(text, end, of_object(tools[tool]))
    return Written(tool, arguments, end)


def name_at(text: str) -> str | None:
    """The name that a text gives its tool if a call begins it."""
    try:
        _, name, _ = opening_at(text, 0)
    except NoCall:
        return None
    return name.removesuffix(".call")


def opening_at(text: str, place: int) -> tuple[Form, str, int]:
    """The form whose opening stands at ``place``, the name in it, and its end."""
    found = OPENING.match(text, place)
    if found is None or found.lastgroup is None:
        raise NoCall
    return FORMS[int(found.lastgroup[1:])], found[found.lastgroup], found.end()


FORMS = (
    Form(
        "Claude, MiniMax, DeepSeek's DSML",
        rf"""{BEFORE_TAG}<{NAMESPACE}invoke\s+name\s*=\s*["']?{{name}}["']?\s*>""",
        partial(read_tagged, closing="invoke"),
        "cline/cline#13348; ml-explore/mlx-lm#1416",
    ),
    Form(
        "Qwen3-Coder, Seed",
        rf"""<{NAMESPACE}function(?:\s*=|\s+name\s*=)\s*["']?{{name}}["']?\s*>""",
        partial(read_tagged, closing="function"),
        "ggml-org/llama.cpp common/chat.cpp",
    ),
    Form(
        "Kimi K2",
        rf"{{name}}(?::\d+)?\s*<{BAR}tool{LINE}call{LINE}argument{LINE}begin{BAR}>",
        read_object,
        "MoonshotAI/Kimi-K2#89",
    ),
    Form(
        "DeepSeek V3, R1",
        rf"function\s*<{BAR}tool{LINE}sep{BAR}>{{name}}\s*(?=[`{{])",
        read_object,
        "vllm-project/vllm deepseekv3 parser",
    ),
    Form(
        "DeepSeek V3.1",
        rf"{{name}}<{BAR}tool{LINE}sep{BAR}>\s*(?=\{{)",
        read_object,
        "vllm-project/vllm#23454",
    ),
    Form(
        "gpt-oss (Harmony)",
        r"(?:assistant\s*)?(?:<\|channel\|>)?(?:commentary|analysis|final)?\s*to=(?:functions\.)?"
        r"{name}\s*(?:<\|channel\|>\s*\w+\s*)?(?:<\|constrain\|>\s*)?(?:json|code)?\s*<\|message\|>",
        read_object,
        "openai/harmony docs/format.md",
    ),
    Form(
        "Gemma 4, FunctionGemma",
        r"call:{name}\s*(?=\{)",
        read_gemma,
        "abetlen/llama-cpp-python#2227",
    ),
    Form(
        "GLM 4.5 and later",
        r"{name}\s*(?=<arg_key>)",
        read_argument_tags,
        "waybarrios/vllm-mlx#797",
    ),
    Form(
        "GLM without arguments",
        r"{name}\s*(?=</tool_call>)",
        read_nothing,
        "osaurus-ai/vmlx-swift#228",
    ),
    Form(
        "Mistral, and bare",
        r"{name}(?:\[ARGS\])?\s*(?=\{)",
        read_object,
        "mistralai/mistral-common",
    ),
    Form(
        "Python: Llama, LFM2, Gemma 3",
        r"{name}\(",
        read_python,
        "vllm pythonic parser",
    ),
    Form(
        "a tag named after the tool",
        r"<{name}>",
        read_named_tag,
        "musistudio/claude-code-router#1340",
    ),
)
"""The first whose opening fits is tried."""

OPENING = re.compile(
    "|".join(
        form.opening.replace("{name}", rf"(?P<f{index}>[A-Za-z_][\w.-]*)")
        for index, form in enumerate(FORMS)
    )
)
"""How a call begins; the group that matched tells the form, and holds the tool's name."""
