"""What the decoder makes of a reply.

    Part = Text | Thinking | Block | CallStart | CallArguments | CallEnd | Cut

The calls of a reply that stay under the hold limit leave the decoder together, as one ``Block``.
A longer call leaves as ``CallStart``, any number of ``CallArguments`` and one ``CallEnd``. A part
says what was read; whether a faulty one is asked again, passed on or refused is the exchange's
business.
"""

from __future__ import annotations

import msgspec


class Text(msgspec.Struct, frozen=True):
    """Answer text."""

    text: str


class Thinking(msgspec.Struct, frozen=True):
    """Text that no client sees."""

    text: str


class Fault(msgspec.Struct, frozen=True):
    """What is wrong with a call or with structured output, in words a model can act on.

    ``kind`` is ``json`` (not readable), ``shape`` (no call object), ``name`` (not an offered
    tool), ``schema`` (readable, but against its schema), ``unchecked`` (readable, but the check
    would take more work than the request has left) or ``echo`` (a quotation of what others wrote:
    text, and nothing to be asked again).
    """

    kind: str
    message: str


ECHO = Fault("echo", "The call stands in what others wrote.")


class Call(msgspec.Struct, frozen=True):
    """A whole call. ``arguments`` is valid JSON text of an object. ``raw`` is what the model wrote.

    ``near_miss``: not written in the exact dialect. ``repaired``: the JSON needed mending.
    """

    name: str
    arguments: str
    raw: str = ""
    fault: Fault | None = None
    near_miss: bool = False
    repaired: bool = False


class Malformed(msgspec.Struct, frozen=True):
    """A call that could not be understood, as the model wrote it (the key left out)."""

    raw: str
    fault: Fault
    name: str | None = None


class Block(msgspec.Struct, frozen=True):
    """A held block, in the order of the reply: at least one call, whole or malformed, unless cut.

    ``cut``: the reply ended inside the block, after these, or was ended there for too many calls.
    ``begun``: the offered tool of the call that was cut, if it had come to its name.
    """

    calls: tuple[Call | Malformed, ...]
    cut: bool = False
    begun: str | None = None


class CallStart(msgspec.Struct, frozen=True):
    """A long call begins to stream."""

    name: str


class CallArguments(msgspec.Struct, frozen=True):
    """The next characters of the streaming call's arguments."""

    json: str


class CallEnd(msgspec.Struct, frozen=True):
    """The streaming call is over; ``whole`` unless it was cut or became unreadable."""

    whole: bool
    fault: Fault | None = None


class Cut(msgspec.Struct, frozen=True):
    """The reply was ended here: what followed a call was the model talking to itself."""


Part = Text | Thinking | Block | CallStart | CallArguments | CallEnd | Cut
