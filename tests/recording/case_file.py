"""A recorded reply as a file of the table in ``tests/replies``."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.recording.__main__ import Asked, Reply

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u0085\u2028\u2029]")


def case_text(asked: Asked, replies: Sequence[Reply], name: str) -> str:
    """The file's text; what is expected is left out."""
    return "\n".join([*_lines(asked, replies, name), "", "[expect]", ""])


def _lines(asked: Asked, replies: Sequence[Reply], name: str) -> Iterator[str]:
    first, *others = replies
    origin = f"Recorded: {name} at temperature {asked.temperature:g}: {asked.what}."
    yield f"why = {string(origin)}"
    if asked.dialect != "fence" or not asked.offered:
        yield f"dialect = {string(asked.dialect if asked.offered else 'none')}"
    if asked.task.thinking:
        yield "asked = true"
    yield f"messages = [{', '.join(map(value, asked.messages))}]"
    for key, wanted in request_fields(asked).items():
        yield f"request.{key} = {value(wanted)}"
    for tool, offered in asked.offered.items():
        yield f"tools.{key_of(tool)} = {value(offered['function']['parameters'])}"
    if first.prefilled:
        yield f"prefilled = {string(first.prefilled)}"
    if first.finish != "stop":
        yield "finished = false"
    yield f"reply = {text(first.text)}"
    if others:
        yield f"again = [{', '.join(text(reply.text) for reply in others)}]"


def request_fields(asked: Asked) -> dict[str, Any]:
    """What the request says of its answer."""
    of_answers = ("tool_choice", "response_format", *asked.fields)
    return {key: asked.body[key] for key in of_answers if key in asked.body}


def text(written: str) -> str:
    """A text on lines of its own, as it is where TOML has a way."""
    if "'''" in written or written.endswith("'") or _CONTROL.search(written):
        return string(written)
    return f"'''\n{written}'''"


def string(written: str) -> str:
    """A text as a TOML string; JSON's are."""
    if "'" not in written and not _CONTROL.search(written) and "\n" not in written:
        return f"'{written}'"
    return json.dumps(written, ensure_ascii=False)


def value(given: Any) -> str:
    """A JSON value as TOML, in one line."""
    if isinstance(given, dict):
        members = ", ".join(f"{key_of(name)} = {value(item)}" for name, item in given.items())
        return f"{{ {members} }}" if members else "{}"
    if isinstance(given, list):
        return f"[{', '.join(map(value, given))}]"
    return string(given) if isinstance(given, str) else json.dumps(given)


def key_of(name: str) -> str:
    """A key, in quotes if need be."""
    return name if _BARE.fullmatch(name) else json.dumps(name)
