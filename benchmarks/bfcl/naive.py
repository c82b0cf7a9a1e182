"""The baseline: the prompt of Hermes by which Qwen was trained, and a lenient reader. Pure.

The reader takes every JSON object with a name and arguments, wherever it stands in the reply: in
tags, in a fence, in a list, between words.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.bfcl.cases import Case
    from benchmarks.judge import Call

PROMPT = """\
You are a helpful assistant.

# Tools

You may call one or more functions to assist with the user query.

You are provided with function signatures within <tools></tools> XML tags:
<tools>
{tools}
</tools>

For each function call, return a json object with function name and arguments within \
<tool_call></tool_call> XML tags:
<tool_call>
{{"name": <function-name>, "arguments": <args-json-object>}}
</tool_call>"""

_DECODER = json.JSONDecoder(strict=False)
_WRAPPING = re.compile(r"</?tool_calls?>|```\w*")
_ARGUMENTS = ("arguments", "parameters")


def messages_of(case: Case) -> list[dict[str, Any]]:
    """The messages with the tools in the system text, after what stands there."""
    tools = "\n".join(json.dumps(tool, ensure_ascii=False) for tool in case.tools)
    own = [message["content"] for message in case.messages if message["role"] == "system"]
    rest = [message for message in case.messages if message["role"] != "system"]
    system = "\n\n".join([*own, PROMPT.format(tools=tools)])
    return [{"role": "system", "content": system}, *rest]


def read(text: str) -> tuple[list[Call], str]:
    """The calls in a reply, and the words around them."""
    calls, words, end = list[tuple[str, str]](), list[str](), 0
    place = text.find("{")
    while place >= 0:
        call, after = _call(text, place)
        if call is not None:
            calls.append(call)
            words.append(text[end:place])
            end = after
        place = text.find("{", after)
    words.append(text[end:])
    return calls, (_WRAPPING.sub("", "".join(words)).strip(" \n[],") if calls else text)


def _call(text: str, place: int) -> tuple[Call | None, int]:
    """The call that begins here, if one does, and where to go on."""
    try:
        value, after = _DECODER.raw_decode(text, place)
    except (ValueError, RecursionError):
        return None, place + 1
    name = value.get("name")
    found = [value[key] for key in _ARGUMENTS if isinstance(value.get(key), dict)]
    if not isinstance(name, str) or len(found) != 1:
        return None, place + 1
    return (name, json.dumps(found[0], ensure_ascii=False)), after
