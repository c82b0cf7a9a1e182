"""Arguments in brackets, as Python and Gemma write them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bridge.call_members import escaped
from bridge.dialects.foreign_values import (
    NoCall,
    member_of,
    object_of,
    past_space,
    read_object,
    read_scalar,
    read_whole,
)
from bridge.json_grammar import JsonFault
from bridge.json_stream import ArgumentsWriter
from bridge.json_tokens import JsonTokens
from bridge.schema_paths import place_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_KEYWORD = re.compile(r"([A-Za-z_]\w*)\s*=\s*")
_WORD = re.compile(r"[^\s,()\[\]{}\"'=]+")
_QUOTE_TOKEN = re.compile(r'<\|"\|>|<escape>')
_BARE_MEMBER = re.compile(r"\s*([\w.$-]+)\s*:\s*([^{}\[\]]*?)\s*(?:,(?=\s*[\w.$-]+\s*:)|(?=\}))")


def read_python(text: str, place: int, schema: Mapping[str, Any]) -> tuple[str, int]:
    """Keyword arguments as in Python, or one object."""
    place = past_space(text, place)
    if text.startswith("{", place):
        arguments, place = read_object(text, place, schema)
        place = past_space(text, place)
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
            value, place = read_scalar(word.group()), word.end()
        else:
            value, place = read_whole(text, place, ArgumentsWriter())
        members.append(f'"{keyword[1]}":{value}')
        place = past_space(text, place)
        if text.startswith(",", place):
            place = past_space(text, place + 1)
        elif not text.startswith(")", place):
            raise NoCall
    return object_of(members, schema), place + 1


def read_gemma(text: str, place: int, schema: Mapping[str, Any]) -> tuple[str, int]:
    """An object whose strings stand between tokens, or bare."""
    writer, tokens = ArgumentsWriter(schema), JsonTokens()
    start, out, quoted = place, "", False
    try:
        while True:
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
        members.append(member_of(member[1], member[2], root))
        place = member.end()
    if not members or not text.startswith("}", place):
        raise NoCall
    return object_of(members, schema), place + 1
