"""Text on its way to a client: joiners taken out again, the dialect's key left out."""

from __future__ import annotations

from bridge.dialects.neutral import Restorer, neutral_for


def overlap(text: str, literal: str) -> int:
    """The length of the longest tail of ``text`` that begins ``literal`` but is not all of it."""
    start = max(len(text) - len(literal) + 1, 0)
    while (start := text.find(literal[0], start)) >= 0:
        if literal.startswith(text[start:]):
            return len(text) - start
        start += 1
    return 0


MAX_HELD = 256
"""Characters that are held because the key may stand around one that was left out: the key in the
key, some twenty times. No model writes that by chance."""


class KeyFilter:
    """``feed`` and ``close`` give text without the key.

    What is joined where a key was left out may be the key again, so the beginnings of keys are held
    on a stack: each character with how much of the key ends there (Knuth, Morris and Pratt). One
    that ends none of it can be in no key, nor can what stands before it: all of that goes out.
    """

    def __init__(self, key: str) -> None:
        self._key = key
        self._shorter = _borders(key)
        self._stack: list[str] = []
        self._matched: list[int] = []

    def feed(self, text: str) -> str:
        """Take the next characters, give what is certain."""
        first, out, place = self._key[0], [], 0
        if not self._stack and self._key not in text:
            place = self._certain(text)
            out.append(text[:place])
        while place < len(text):
            if not self._stack:
                found = text.find(first, place)
                if found < 0:
                    out.append(text[place:])
                    break
                out.append(text[place:found])
                place = found
            out += self._take(text[place])
            place += 1
        return "".join(out)

    def close(self) -> str:
        """The text has ended: give what was held back."""
        text = "".join(self._stack)
        self._drop(len(self._stack))
        return text

    def _certain(self, text: str) -> int:
        """Up to where text without the key is surely no part of one."""
        end = len(text)
        while begun := overlap(text[max(end - len(self._key), 0) : end], self._key):
            end -= begun
        return end

    def _take(self, character: str) -> list[str]:
        """The next character; what it lets go."""
        matched = self._matched[-1] if self._matched else 0
        while matched and self._key[matched] != character:
            matched = self._shorter[matched - 1]
        matched += self._key[matched] == character
        self._stack.append(character)
        self._matched.append(matched)
        if matched == len(self._key):
            self._drop(len(self._key))
        elif not matched or len(self._stack) > MAX_HELD:
            kept = matched and len(self._key)
            gone = self._stack[: len(self._stack) - kept]
            del self._stack[: len(gone)], self._matched[: len(gone)]
            return gone
        return []

    def _drop(self, count: int) -> None:
        del self._stack[len(self._stack) - count :], self._matched[len(self._matched) - count :]


def _borders(key: str) -> list[int]:
    """For each beginning of the key, the longest shorter one that ends it."""
    borders = [0] * len(key)
    for place in range(1, len(key)):
        length = borders[place - 1]
        while length and key[length] != key[place]:
            length = borders[length - 1]
        borders[place] = length + (key[length] == key[place])
    return borders


class Shown:
    """``feed`` and ``close`` give text as a client may see it.

    The key is two words that no one but the model should know; where a reply spells it out, it is
    left out like any other marker.
    """

    def __init__(self, key: str, *, json: bool = False) -> None:
        self._restorer = Restorer(neutral_for(key), json=json)
        self._filter = KeyFilter(key) if key else None

    def feed(self, text: str) -> str:
        """Take the next characters, give what is certain."""
        text = self._restorer.feed(text)
        return self._filter.feed(text) if self._filter else text

    def close(self) -> str:
        """The text has ended: give what was held back."""
        text = self._restorer.close()
        return self._filter.feed(text) + self._filter.close() if self._filter else text


def shown(text: str, key: str, *, json: bool = False) -> str:
    """A whole text as a client may see it."""
    stage = Shown(key, json=json)
    return stage.feed(text) + stage.close()
