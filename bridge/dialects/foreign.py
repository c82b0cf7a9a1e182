"""Calls in other tongues: what vendors' models were trained to write.

Each form is a row: its family, how a call begins, how its arguments are read, and where the form
was seen. They are read whole, at the end of a reply. Nothing is evaluated: a value is text where
its schema allows a string, and tolerant JSON elsewhere.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from bridge.calls import escaped, of_object, resolve
from bridge.dialects.vendors import BAR, BEFORE_TAG, LINE, NAMESPACE
from bridge.json_grammar import JsonFault
from bridge.json_stream import ArgumentsWriter, read_value
from bridge.json_tokens import JsonTokens
from bridge.schema_paths import place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from bridge.calls import Tools
    from bridge.schema_paths import Place

    Reader = Callable[[str, int, Mapping[str, Any]], tuple[str, int]]
    """Text, the place behind a call's opening, the schema: the arguments, and where they end."""


class Form(NamedTuple):
    """One way of writing a call; ``{name}`` in its opening stands for the tool's name."""

    family: str
    opening: str
    read: Reader
    source: str


class NoCall(Exception):
    """The text is no call."""


class Written(NamedTuple):
    """A call that was read: its tool, its arguments as JSON, and where it ends."""

    tool: str
    arguments: str
    end: int


_SPACE = re.compile(r"\s*")
_FENCE = re.compile(r"```(?:json)?\s*")
_PARAMETER = re.compile(
    rf"{BEFORE_TAG}<{NAMESPACE}parameter"
    r"""(?:\s+name\s*=\s*["']?|\s*=\s*["']?)(?P<name>[\w.$-]+)["']?(?P<more>[^<>]*)>"""
)
_END_PARAMETER = re.compile(rf"{BEFORE_TAG}<\\?/{NAMESPACE}parameter\s*>")
_CHILD = re.compile(rf"{BEFORE_TAG}<(?P<name>[\w.$-]+)>")
_ARGUMENT_KEY = re.compile(r"<arg_key>\s*(?P<name>[^<]*?)\s*</arg_key>\s*(?:<arg_value>)?")
_END_ARGUMENT = re.compile(r"</arg_value>")
_ITEM = re.compile(rf"\s*{BEFORE_TAG}<item>(.*?){BEFORE_TAG}</item>\s*", re.DOTALL)
_IS_STRING = re.compile(r"""string\s*=\s*["']?(true|false)""")
_KEYWORD = re.compile(r"([A-Za-z_]\w*)\s*=\s*")
_WORD = re.compile(r"[^\s,()\[\]{}\"'=]+")
_QUOTE_TOKEN = re.compile(r'<\|"\|>|<escape>')
_BARE_MEMBER = re.compile(r"\s*([\w.$-]+)\s*:\s*([^{}\[\]]*?)\s*(?:,(?=\s*[\w.$-]+\s*:)|(?=\}))")


def call_at(text: str, place: int, tools: Tools) -> Written:
    """The call that begins at ``place``; raises ``NoCall`` and ``JsonFault``."""
    form, name, end = opening_at(text, place)
    tool = resolve(name, tools) or resolve(name.removesuffix(".call"), tools)
    if tool is None:
        raise NoCall
    arguments, end = form.read(text, end, of_object(tools[tool]))
    return Written(tool, arguments, end)


def opening_at(text: str, place: int) -> tuple[Form, str, int]:
    """The form whose opening stands at ``place``, the name in it, and its end."""
    found = OPENING.match(text, place)
    if found is None or found.lastgroup is None:
        raise NoCall
    return FORMS[int(found.lastgroup[1:])], found[found.lastgroup], found.end()


def _past(pattern: re.Pattern[str], text: str, place: int) -> int:
    found = pattern.match(text, place)
    return found.end() if found else place


def _past_space(text: str, place: int) -> int:
    return _past(_SPACE, text, place)


def _object(text: str, place: int, schema: Mapping[str, Any]) -> tuple[str, int]:
    place = _past(_FENCE, text, _past_space(text, place))
    if not text.startswith("{", place):
        raise NoCall
    return _value(text, place, ArgumentsWriter(schema))


def _nothing(text: str, place: int, schema: Mapping[str, Any]) -> tuple[str, int]:
    return _members([], schema), place


def _value(text: str, place: int, writer: ArgumentsWriter) -> tuple[str, int]:
    """The object, array or string at ``place``."""
    tokens = JsonTokens()
    read, end = tokens.feed(text, place)
    if not tokens.done:
        raise NoCall
    return writer.write(read) + writer.finish(), end


def _scalar(text: str) -> str:
    """All of a text as one JSON value."""
    value, end, _ = read_value(text)
    if end < len(text):
        raise NoCall
    return value


def _member(name: str, written: str, place: Place, *, is_string: bool | None = None) -> str:
    """A member whose value stands as it is: text where a string may be, else JSON."""
    member = place.member(name)
    if is_string or (is_string is None and member.allows("string")):
        value = f'"{escaped(written.removeprefix(chr(10)).removesuffix(chr(10)))}"'
    elif items := _items(written, member):
        value = items
    else:
        value = _scalar(written.strip())
    return f'"{escaped(name)}":{value}'


def _items(written: str, place: Place) -> str | None:
    """A list of tagged items."""
    items: list[str] = []
    end = 0
    while item := _ITEM.match(written, end):
        text, end = item[1], item.end()
        string = place.item(len(items)).allows("string")
        items.append(f'"{escaped(text)}"' if string else _scalar(text.strip()))
    return f"[{','.join(items)}]" if items and end == len(written) else None


def _members(members: list[str], schema: Mapping[str, Any]) -> str:
    return read_value("{" + ",".join(members) + "}", schema)[0]


# Forms in brackets --------------------------------------------------------------------------------


def _python(text: str, place: int, schema: Mapping[str, Any]) -> tuple[str, int]:
    """Keyword arguments as in Python, or one object."""
    place = _past_space(text, place)
    if text.startswith("{", place):
        arguments, place = _object(text, place, schema)
        place = _past_space(text, place)
        if not text.startswith(")", place):
            raise NoCall
        return arguments, place + 1
    members: list[str] = []
    while not text.startswith(")", place):
        keyword = _KEYWORD.match(text, place)
        if keyword is None:
            raise NoCall
        place = keyword.end()
        if word := _WORD.match(text, place):
            value, place = _scalar(word.group()), word.end()
        else:
            value, place = _value(text, place, ArgumentsWriter())
        members.append(f'"{keyword[1]}":{value}')
        place = _past_space(text, place)
        if text.startswith(",", place):
            place = _past_space(text, place + 1)
        elif not text.startswith(")", place):
            raise NoCall
    return _members(members, schema), place + 1


def _gemma(text: str, place: int, schema: Mapping[str, Any]) -> tuple[str, int]:
    """An object whose strings stand between tokens, or bare."""
    writer, tokens = ArgumentsWriter(schema), JsonTokens()
    start, out, quoted = place, "", False
    try:
        while not tokens.done:
            token = _QUOTE_TOKEN.search(text, start)
            end = token.start() if token else len(text)
            piece = f'"{escaped(text[start:end])}"' if quoted else text[start:end]
            read, taken = tokens.feed(piece)
            out += writer.write(read)
            if tokens.done:
                return out + writer.finish(), start + taken
            if token is None:
                raise NoCall
            start, quoted = token.end(), not quoted
    except JsonFault:
        if _QUOTE_TOKEN.search(text, place):
            raise
    return _bare(text, place + 1, schema)


def _bare(text: str, place: int, schema: Mapping[str, Any]) -> tuple[str, int]:
    root, members = place_of(schema), []
    while member := _BARE_MEMBER.match(text, place):
        members.append(_member(member[1], member[2], root))
        place = member.end()
    if not members or not text.startswith("}", place):
        raise NoCall
    return _members(members, schema), place + 1


# Forms in tags ------------------------------------------------------------------------------------


def _tagged(
    text: str, place: int, schema: Mapping[str, Any], *, closing: str | None = None
) -> tuple[str, int]:
    """Tagged parameters, or an object, and the closing tag; that may be missing at the end."""
    end = re.compile(rf"{BEFORE_TAG}<\\?/{NAMESPACE}{closing}\s*>")
    place = _past_space(text, place)
    if text.startswith("{", place):
        arguments, place = _object(text, place, schema)
    else:
        arguments, place = _parameters(text, place, schema, end)
    place = _past_space(text, place)
    if found := end.match(text, place):
        return arguments, found.end()
    if place < len(text):
        raise NoCall
    return arguments, place


def _parameters(
    text: str, place: int, schema: Mapping[str, Any], end: re.Pattern[str]
) -> tuple[str, int]:
    root, members = place_of(schema), []
    while parameter := _PARAMETER.match(text, place) or _CHILD.match(text, place):
        name = parameter["name"]
        closing = _END_PARAMETER
        if parameter.re is _CHILD:
            closing = re.compile(rf"{BEFORE_TAG}</{re.escape(name)}>")
        value_end, after = _value_end(text, parameter.end(), closing, end)
        stated = _IS_STRING.search(parameter["more"]) if parameter.re is _PARAMETER else None
        is_string = stated[1] == "true" if stated else None
        value = text[parameter.end() : value_end]
        members.append(_member(name, value, root, is_string=is_string))
        place = _past_space(text, after)
    return _members(members, schema), place


def _value_end(
    text: str, place: int, closing: re.Pattern[str], end: re.Pattern[str]
) -> tuple[int, int]:
    """Where a value ends: at a closing tag that more parameters, the call's end or nothing follow.

    A value may hold its own tag.
    """
    for found in closing.finditer(text, place):
        after = _past_space(text, found.end())
        if after == len(text) or any(
            following.match(text, after) for following in (end, _PARAMETER, _CHILD)
        ):
            return found.start(), found.end()
    raise NoCall


def _argument_tags(text: str, place: int, schema: Mapping[str, Any]) -> tuple[str, int]:
    """Keys and values in tags of their own."""
    root, members = place_of(schema), []
    while key := _ARGUMENT_KEY.match(text, place):
        end = _END_ARGUMENT.search(text, key.end())
        if end is None:
            raise NoCall
        members.append(_member(key["name"], text[key.end() : end.start()], root))
        place = _past_space(text, end.end())
    return _members(members, schema), place


def _named_tag(text: str, place: int, schema: Mapping[str, Any]) -> tuple[str, int]:
    """A tag named after its tool: the name stands right before ``place``."""
    name = text[text.rfind("<", 0, place) + 1 : place - 1]
    return _tagged(text, place, schema, closing=re.escape(name))


FORMS = (
    Form(
        "Claude, MiniMax, DeepSeek's DSML",
        rf"""{BEFORE_TAG}<{NAMESPACE}invoke\s+name\s*=\s*["']?{{name}}["']?\s*>""",
        partial(_tagged, closing="invoke"),
        "cline/cline#13348; ml-explore/mlx-lm#1416",
    ),
    Form(
        "Qwen3-Coder, Seed",
        rf"""<{NAMESPACE}function(?:\s*=|\s+name\s*=)\s*["']?{{name}}["']?\s*>""",
        partial(_tagged, closing="function"),
        "ggml-org/llama.cpp common/chat.cpp",
    ),
    Form(
        "Kimi K2",
        rf"{{name}}(?::\d+)?\s*<{BAR}tool{LINE}call{LINE}argument{LINE}begin{BAR}>",
        _object,
        "MoonshotAI/Kimi-K2#89",
    ),
    Form(
        "DeepSeek V3, R1",
        rf"function\s*<{BAR}tool{LINE}sep{BAR}>{{name}}\s*",
        _object,
        "vllm-project/vllm deepseekv3 parser",
    ),
    Form(
        "DeepSeek V3.1", rf"{{name}}<{BAR}tool{LINE}sep{BAR}>", _object, "vllm-project/vllm#23454"
    ),
    Form(
        "gpt-oss (Harmony)",
        r"(?:assistant\s*)?(?:<\|channel\|>)?(?:commentary|analysis|final)?\s*to=(?:functions\.)?"
        r"{name}\s*(?:<\|channel\|>\s*\w+\s*)?(?:<\|constrain\|>\s*)?(?:json|code)?\s*<\|message\|>",
        _object,
        "openai/harmony docs/format.md",
    ),
    Form(
        "Gemma 4, FunctionGemma", r"call:{name}\s*(?=\{)", _gemma, "abetlen/llama-cpp-python#2227"
    ),
    Form("GLM 4.5 and later", r"{name}\s*(?=<arg_key>)", _argument_tags, "waybarrios/vllm-mlx#797"),
    Form(
        "GLM without arguments", r"{name}\s*(?=</tool_call>)", _nothing, "osaurus-ai/vmlx-swift#228"
    ),
    Form("Mistral, and bare", r"{name}(?:\[ARGS\])?\s*(?=\{)", _object, "mistralai/mistral-common"),
    Form("Python: Llama, LFM2, Gemma 3", r"{name}\(", _python, "vllm pythonic parser"),
    Form(
        "a tag named after the tool", r"<{name}>", _named_tag, "musistudio/claude-code-router#1340"
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
