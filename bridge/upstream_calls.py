"""Calls that an upstream's server read out of the model's text by itself, through our own checks.

Servers that parse native calls do so although no tools were sent up, and leave the text empty. What
they read is taken as a model's own block is: names that are spelled alike, JSON that can be mended,
schemas. What does not pass is asked for again, in the form that the prompt asks for.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from msgspec.structs import replace

from bridge.calls import CallReader
from bridge.json_grammar import JsonFault
from bridge.parts import ECHO, Block, Call, Fault, Malformed
from bridge.repeats import canonical

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.dialects.expected import Expected
    from bridge.turns import UpstreamCall

NOT_WHOLE = Fault("json", "The arguments are not whole.")


def block_of(
    calls: Sequence[UpstreamCall],
    expected: Expected,
    held: Sequence[Call | Malformed],
    *,
    finished: bool,
) -> Block:
    """The calls as one block; without ``finished``, the last one may have been cut.

    Some servers tell a call twice, in the text and beside it: those that are ``held`` are left out.
    """
    known = {_identity(call) for call in held} - {None}
    read = [call for each in calls if _identity(call := _read(each, expected)) not in known]
    last = read[-1].fault if read else None
    cut = not finished and last is not None and last.kind == "json"
    return Block(tuple(read[:-1] if cut else read), cut)


def _identity(call: Call | Malformed) -> tuple[str, str] | None:
    return (call.name, canonical(call.arguments)) if isinstance(call, Call) else None


def _read(call: UpstreamCall, expected: Expected) -> Call | Malformed:
    raw = written(call)
    reader = CallReader(expected.tools)
    try:
        reader.feed(raw)
    except JsonFault as fault:
        return Malformed(raw, Fault("json", str(fault)), call.name)
    meant = reader.meant()
    if isinstance(meant, Fault):
        return Malformed(raw, meant, call.name)
    if not reader.done:
        return Malformed(raw, NOT_WHOLE, call.name)
    reader.finish()
    arguments = reader.take()
    if not arguments.startswith("{"):
        fault_found = Fault("shape", f'The arguments of "{meant}" must be a JSON object.')
        return Malformed(raw, fault_found, call.name)
    if expected.echoes.hold(meant, arguments):
        return Malformed(raw, ECHO, meant)
    made = Call(meant, arguments, raw, near_miss=True, repaired=reader.repaired)
    return replace(made, fault=expected.checks.fault_of(arguments, expected.tools[meant]))


def written(call: UpstreamCall) -> str:
    """The call as a model would have written it."""
    name = json.dumps(call.name, ensure_ascii=False)
    return f'{{"name": {name}, "arguments": {call.arguments.strip() or "{}"}}}'
