"""A failing example as a file for the table of replies."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.conversing import KEY as CLIENTS_KEY
from tests.conversing import Reply
from tests.decoding import KEY, calls, content, parts_of
from tests.properties.mutations import Case
from tests.properties.requests import Conversation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

WHY = "Found by fuzzing: say what went wrong."


def case_files(arguments: Iterable[Any]) -> Iterator[str]:
    """What a property was tried on; what is no reply is shown as it is."""
    for argument in arguments:
        if isinstance(argument, Case):
            yield case_file(argument)
        elif isinstance(argument, Conversation):
            yield f"# {argument!r}\n" + "\n".join(map(_reply_file, argument.replies))
        else:
            yield f"# {argument!r}"


def case_file(case: Case) -> str:
    """The case in the words of the table. What is expected is what comes out: correct it."""
    options = dict(case.options)
    words: dict[str, Any] = {"why": WHY, "dialect": options.pop("dialect", "fence") or "none"}
    words["parallel"] = not options.pop("first_only", False)
    words["strict"] = sorted(options.pop("strict", ()))
    words |= {name: value for name, value in options.items() if value is not None}
    words["finished"] = case.finished
    parts = parts_of([case.text], finished=case.finished, **case.options)
    expect = {"content": content(parts), "calls": [list(call) for call in calls(parts)]}
    return (
        _toml(words | {"reply": case.text.replace(KEY, "{KEY}")}) + "\n[expect]\n" + _toml(expect)
    )


def _reply_file(reply: Reply) -> str:
    text = reply.text.replace(CLIENTS_KEY, "{KEY}")
    return _toml({"why": WHY, "finished": reply.finish == "stop", "reply": text})


def _toml(words: dict[str, Any]) -> str:
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in words.items())
