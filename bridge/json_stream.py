"""Clean JSON out of tolerant tokens, its values led to their schema where nothing is lost.

Output is compact (no white space between tokens): fewer bytes in every delta. Strings keep their
escapes, numbers their spelling, objects their order.

A value is coerced only where the schema at its place forbids the type that was written and
exactly one lossless reading is left:

    written                    the schema wants           becomes
    "5"  "1.5"  "1.0"  1.0     an integer or a number     5  1.5  1  1
    "true"  "False"            a boolean                  true  false
    "null"  "None"             null                       null
    5  true                    a string and nothing else  "5"  "true"
    5  true  "a"               an array of such           [5]  [true]  ["a"]
    "{…}"  "[…]" (JSON text)   an object, an array        {…}  […]
    null  ""                   the whole to be an object  {}

JSON text in a string is unwrapped once: strings inside it are not unwrapped again, so no text is
read more than twice. A list in words ("1,2,3") and a lone object for an array of objects stay
what they are. A string where strings are forbidden is held to its end, all else streams at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.coercion import scalar_at, string_at, type_of
from bridge.json_grammar import (
    ARRAY,
    END_ARRAY,
    END_OBJECT,
    END_STRING,
    FRAGMENT,
    KEY,
    OBJECT,
    SCALAR,
    JsonFault,
    Kind,
    Token,
    unescaped,
)
from bridge.json_tokens import JsonTokens
from bridge.schema_paths import Place, place_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.schema_paths import Schema

_NO_INDEX = -1
"""The count of an object's frame: its members are found by name."""


class ArgumentsWriter:
    """Writes one value. ``repaired`` once anything was coerced. Takes any tokens, never raises."""

    def __init__(self, schema: Schema | Place | None = None, *, unwrapped: bool = False) -> None:
        """``unwrapped``: the value comes out of a string, so nothing in it is unwrapped again."""
        self.repaired = False
        self._place = schema if isinstance(schema, Place) else place_of(schema)
        self._unwrapped = unwrapped
        self._comma = ""
        self._frames: list[Place] = []
        self._counts: list[int] = []
        self._held: list[str] | None = None

    def write(self, tokens: Iterable[Token]) -> str:
        """Take the value's next tokens, give the JSON text that is certain by now."""
        out: list[str] = []
        for kind, text in tokens:
            if kind == FRAGMENT:
                (out if self._held is None else self._held).append(text)
            elif kind == KEY:
                out.append(f'{self._comma}"{text}":')
                self._comma = ""
                self._place = self._frames[-1].member(unescaped(text))
            elif kind == END_STRING:
                out.append('"' if self._held is None else self._end_held("".join(self._held)))
            elif kind in (END_OBJECT, END_ARRAY):
                out.append(kind)
                self._comma = ","
                self._frames.pop()
                self._counts.pop()
            else:
                out.append(self._start_value(kind, text))
        return "".join(out)

    def _start_value(self, kind: Kind, text: str) -> str:
        comma, self._comma = self._comma, ","
        place = self._place
        if self._counts and self._counts[-1] != _NO_INDEX:
            place = self._place = self._frames[-1].item(self._counts[-1])
            self._counts[-1] += 1
        if kind in (OBJECT, ARRAY):
            self._comma = ""
            self._frames.append(place)
            self._counts.append(_NO_INDEX if kind == OBJECT else 0)
            return comma + kind
        if kind == SCALAR:
            return comma + self._scalar(place, text)
        if place.allows("string"):
            return comma + '"'
        self._held = []
        return comma

    def _scalar(self, place: Place, text: str) -> str:
        if place.types is None or type_of(text) in place.types:
            return text
        if text == "null" and self._missing(place):
            return self._coerced("{}", text)
        return self._coerced(scalar_at(place, text), text)

    def _end_held(self, body: str) -> str:
        self._held = None
        if not body and self._missing(self._place):
            return self._coerced("{}", body)
        reading = None if self._unwrapped else _json_text(self._place, unescaped(body))
        return self._coerced(reading or string_at(self._place, body), f'"{body}"')

    def _missing(self, place: Place) -> bool:
        """Whether a value that says nothing stands for an empty object: at the top only."""
        return not self._frames and not self._unwrapped and place.allows("object")

    def _coerced(self, reading: str | None, written: str) -> str:
        if reading is None:
            return written
        self.repaired = True
        return reading


def read_value(text: str, schema: Schema | None = None) -> tuple[str, int, bool]:
    """The first JSON value in ``text``: its clean JSON, the index behind it, whether it was mended.

    Raises ``JsonFault``.
    """
    return _read(text, ArgumentsWriter(schema))


def _read(text: str, writer: ArgumentsWriter) -> tuple[str, int, bool]:
    reader = JsonTokens()
    tokens, end = reader.feed(text)
    if not reader.done:
        tokens += reader.close()
    return writer.write(tokens), end, reader.repaired or writer.repaired


def _json_text(place: Place, text: str) -> str | None:
    """The object or array that ``text`` is the JSON of, when the place wants one."""
    text = text.strip()
    if not place.allows({"{": "object", "[": "array"}.get(text[:1], "string")):
        return None
    try:
        value, end, _ = _read(text, ArgumentsWriter(place, unwrapped=True))
    except JsonFault:
        return None
    return value if end == len(text) else None
