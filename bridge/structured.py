"""Structured output: the JSON of an answer, unfenced and clean, checked against its schema."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from bridge.checks import SchemaChecks
from bridge.json_grammar import JsonFault, Token
from bridge.json_stream import ArgumentsWriter
from bridge.json_tokens import JsonTokens
from bridge.parts import Fault
from bridge.schema import JSONObjectFormat, JSONSchemaFormat
from bridge.schema_paths import place_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bridge.schema import ChatCompletionRequest

_FENCED = re.compile(r"```\w*\n(.*?)(?:\n```)?", re.DOTALL)


class JsonFormat(msgspec.Struct, frozen=True):
    """What ``response_format`` asks for; ``schema`` is None for any object."""

    schema: Mapping[str, Any] | None
    strict: bool = False


def json_format_of(request: ChatCompletionRequest) -> JsonFormat | None:
    """The JSON that a request asks for, or None when it asks for text."""
    wanted = request.response_format
    if isinstance(wanted, JSONObjectFormat):
        return JsonFormat(None)
    if isinstance(wanted, JSONSchemaFormat):
        strict = wanted.json_schema.strict is True
        return JsonFormat(wanted.json_schema.schema_ or {}, strict)
    return None


class JsonAnswer:
    """``feed`` and ``close`` give the JSON text of an answer; what stands around it is left out.

    ``schema`` is None for any object. ``fault`` tells what is wrong, after ``close``.
    """

    def __init__(
        self, schema: Mapping[str, Any] | None, checks: SchemaChecks | None = None
    ) -> None:
        self._schema = schema
        self._checks = checks or SchemaChecks()
        place = place_of({"type": "object"} if schema is None else schema)
        self._openers = [
            opener for kind, opener in (("object", "{"), ("array", "[")) if place.allows(kind)
        ]
        self._takes_scalars = place.types is None or bool(place.types - {"object", "array"})
        self._tokens = JsonTokens()
        self._writer = ArgumentsWriter(place)
        self._before: list[str] = []
        self._written: list[str] = []
        self._begun = False
        self.fault: Fault | None = None

    def feed(self, text: str) -> str:
        """Take the next characters of the answer, give the JSON that is certain."""
        if not self._begun:
            places = [place for opener in self._openers if (place := text.find(opener)) >= 0]
            if not places:
                self._before.append(text)
                return ""
            self._begun = True
            text = text[min(places) :]
        return self._read(text)

    def close(self) -> str:
        """The answer has ended. A string or a number that is all of an answer is JSON, too."""
        text = ""
        if not self._begun and self._takes_scalars:
            self._begun = True
            whole = "".join(self._before).strip()
            fenced = _FENCED.fullmatch(whole)
            text = self._read(fenced[1].strip() if fenced else whole)
        if not self._begun:
            self.fault = Fault("json", "There is no JSON in the answer.")
        elif self.fault is None:
            text += self._end()
        return text

    def _read(self, text: str) -> str:
        if self.fault is not None:
            return ""
        try:
            tokens, _end = self._tokens.feed(text)  # nothing more once the value is whole
        except JsonFault as fault:
            self.fault = Fault("json", str(fault))
            return self._write(fault.tokens)
        return self._write(tokens)

    def _end(self) -> str:
        try:
            text = self._write(self._tokens.close())
        except JsonFault as fault:
            self.fault = Fault("json", str(fault))
            return ""
        self.fault = self._checks.fault_of("".join(self._written), self._schema, "answer")
        return text

    def _write(self, tokens: Sequence[Token]) -> str:
        text = self._writer.write(tokens)
        if tokens and self._tokens.done:
            text += self._writer.finish()
        self._written.append(text)
        return text
