"""Tells a call of the model's own from one that it quotes out of what others wrote.

A page, a file or a user's words may hold a call, and models repeat what they read. A call is an
echo when its tool's name and every one of its arguments can be read out of the same place,
whatever stands around or between them: it is compared by value, not as it is written.

    decoded    entities, percent signs and backslash escapes, up to three layers of them
    folded     full-width and decomposed letters (NFKC), case, invisible characters
    viewed     with and without tags, with and without line numbers
    squeezed   letters and digits alone, so without quotes, brackets, diff and quotation marks

The name has to stand as it does in some form of call (in quotes, behind ``=``, before a bracket):
who says in prose what to call has written no call. The arguments have to stand near it, each value
behind its key. The texts of a request are read as one, so halves in two of them count.
"""

from __future__ import annotations

import html
import json
import re
import unicodedata
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LAYERS = 3
"""How often a text may be escaped: JSON in JSON in a web page."""

NEAR = 1000
"""Characters around a name, beside four times those of the arguments, in which these may stand."""

NEAR_EMPTY = 80
"""The same for a call without arguments, of which nothing but the name could be compared."""

_BACKSLASHES = re.compile(r"\\{2,}")
_UNICODE = re.compile(r"\\u([0-9A-Fa-f]{4})")
_PERCENT = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_SPACES = {r"\n": "\n", r"\r": "\n", r"\t": "\t"}
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
_QUOTES = str.maketrans(dict.fromkeys("“”„‟″«»＂‘’‚‛‹›′", '"'))
_NAMING_TAG = re.compile(
    r"""<[^<>]{0,64}?(?:name|function|parameter)[ \t]*=[ \t]*["']?([\w.-]{1,64})[^<>]{0,64}>"""
)
_TAG = re.compile(r"<[^<>\n]{1,128}>")
_NUMBER = re.compile(
    r"""^(?:[>|+\-*# \t]*(?:[^\s:"'{}<>]{1,200}:)?\d{1,7}(?:[ \t]*[|:→│)\]\t-]|[ \t])){1,3}""",
    re.MULTILINE,
)
"""A line's number, as ``cat -n``, ``grep -n`` and editors write it."""

_NO_WORD = re.compile(r"[\W_]+")
_NAME_BEFORE = r"""(?P<before>["'=<>:.|/]|(?:name|tool|function|call)\s*[:=]\s*)"""
_NAME_AFTER = r"""(?P<after>\s*(?:["'>(\[{<|]|:\d))"""
_NO_ARGUMENTS = re.compile(
    r"(?:arguments|parameters|args|input)[\W_]{0,12}\{\s*\}|\(\s*\)|<invoke|<function|<tool_call>"
)


class Echoes:
    """What others wrote in one request; ``marker`` are the words that open a block of calls.

    Nothing is read before it is asked for, and then once.
    """

    def __init__(self, texts: Sequence[str] = (), marker: str = "") -> None:
        self._texts = texts
        self._marker = marker

    @cached_property
    def marked(self) -> bool:
        """Whether the marker stands in what others wrote, however it is disguised."""
        if not self._marker or not _has_words(self._text, self._marker):
            return False
        return self._opening.search(self._text) is not None

    def hold(self, name: str, arguments: str) -> bool:
        """Whether a call stands in what others wrote; ``arguments`` is the JSON of an object."""
        return bool(self._texts) and _stands(self._text, name, arguments)

    def hold_block(self, name: str, arguments: str) -> bool:
        """Whether a call stands there near the marker that the model was asked to write."""
        if not self.marked:
            return False
        places = [found.start() for found in self._opening.finditer(self._text)]
        region = _around(self._text, places, NEAR + 4 * len(arguments))
        return _stands(region, name, arguments, marked=True)

    @cached_property
    def _text(self) -> str:
        return _folded("\n".join(self._texts))

    @cached_property
    def _opening(self) -> re.Pattern[str]:
        return re.compile(_spelled(self._marker, 12))


def _stands(text: str, name: str, arguments: str, *, marked: bool = False) -> bool:
    """Whether a call can be read out of a folded text; one that is ``marked`` may be empty."""
    if not _has_words(text, name):
        return False
    pairs = [*_pairs(json.loads(arguments, parse_int=str, parse_float=str))]
    near = NEAR + 4 * len(arguments) if pairs or marked else NEAR_EMPTY
    naming = re.compile(
        rf"(?:{_NAME_BEFORE}|(?<![^\W_])){_spelled(name, 3)}(?![^\W_]){_NAME_AFTER}?"
    )
    places = [
        found.start()
        for found in naming.finditer(text)
        if found["before"] is not None or found["after"] is not None
    ]
    if not places:
        return False
    region = _around(text, places, near)
    if not pairs:
        return marked or _NO_ARGUMENTS.search(region) is not None
    return any(
        all(any(form in view for form in _forms(*pair)) for pair in pairs)
        for view in map(_squeezed, _views(region))
    )


def _views(text: str) -> set[str]:
    """A folded text with and without tags, with and without line numbers."""
    tagged = {text, _TAG.sub(" ", _NAMING_TAG.sub(r" \1 ", text))}
    return tagged | {_NUMBER.sub("", view) for view in tagged}


def _folded(text: str) -> str:
    """Text with its escapes undone and look-alike characters made alike."""
    for _ in range(LAYERS):
        decoded = _decoded(_alike(text))
        if decoded == text:
            break
        text = decoded
    return _alike(text).casefold()


def _alike(text: str) -> str:
    if text.isascii():
        return text
    return unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).translate(_QUOTES)


def _decoded(text: str) -> str:
    if "&" in text:
        text = html.unescape(text)
    if "%" in text:
        text = _PERCENT.sub(lambda found: unquote(found.group()), text)
    return _unescaped(text) if "\\" in text else text


def _unescaped(text: str) -> str:
    """Without backslashes, however many layers of them there are."""
    text = _BACKSLASHES.sub(r"\\", text)
    for escape, char in _SPACES.items():
        text = text.replace(escape, char)
    if "\\u" in text:
        text = _UNICODE.sub(lambda found: chr(int(found[1], 16)), text)
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text.replace("\\", "")


def _squeezed(text: str) -> str:
    return _NO_WORD.sub("", text)


def _parts(words: str) -> list[str]:
    folded = _folded(words)
    return [*filter(None, _NO_WORD.split(folded))] or [folded]


def _has_words(text: str, words: str) -> bool:
    """Whether it is worth looking for them; much faster than to look."""
    return all(part in text for part in _parts(words))


def _spelled(words: str, between: int) -> str:
    """A pattern for words that may be joined in other ways, or by tags."""
    joint = rf"(?:[\W_]|<[^<>\s]{{1,16}}>){{0,{between}}}"
    return joint.join(map(re.escape, _parts(words)))


def _around(text: str, places: Sequence[int], near: int) -> str:
    """The text around these places, which are in order."""
    pieces: list[str] = []
    done = 0
    for place in places:
        start, end = max(place - near, done), min(place + near, len(text))
        if start < end:
            pieces.append(text[start:end])
            done = end
    return "\n".join(pieces) if done else ""


def _pairs(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Each value that is no object, with the key that it stands behind."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield from _pairs(member, name)
    elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        for item in value:
            yield from _pairs(item, key)
    else:
        yield key, value


def _forms(key: str, value: Any) -> set[str]:
    """How a pair may stand in a view that has been squeezed."""
    written = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    start = _squeezed(_folded(key))
    return {start + _squeezed(view) for view in _views(_folded(written))}
