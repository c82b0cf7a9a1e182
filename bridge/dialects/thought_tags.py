"""Which tags of the table count where thinking may begin, is, or may be."""

from __future__ import annotations

from enum import Enum, auto
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from bridge.dialects.tags import Tags
from bridge.dialects.thoughts import FAMILIES, Family

if TYPE_CHECKING:
    from collections.abc import Iterable


class Sense(Enum):
    """What a tag does: opens thinking, closes it, or closes it and stands before the answer."""

    OPENS = auto()
    CLOSES = auto()
    HEADS = auto()


class Tag(msgspec.Struct, frozen=True):
    """What a tag means."""

    sense: Sense
    family: Family


def _meanings(families: Iterable[Family], *senses: Sense) -> dict[str, Tag]:
    """The tags of these families that have one of these senses."""
    return {
        tag: Tag(sense, family)
        for family in families
        for sense, tags in (
            (Sense.HEADS, family.headers),
            (Sense.CLOSES, family.closers),
            (Sense.OPENS, family.openers),
        )
        if sense in senses
        for tag in tags
    }


_MARKED = [family for family in FAMILIES if not family.words]
_NESTED = [family for family in FAMILIES if family.nests]


@lru_cache(maxsize=1)
def any_tag() -> Tags[Tag]:
    """What may stand at the start of a reply."""
    words = [family for family in FAMILIES if family.words]
    return Tags(_meanings(_MARKED, *Sense) | _meanings(words, Sense.OPENS))


@lru_cache(maxsize=64)
def tags_inside(family: Family | None) -> Tags[Tag]:
    """What counts in thinking that this family's tag opened; any that closes if it is unknown."""
    if family is None:
        closing = _meanings(_MARKED, Sense.CLOSES, Sense.HEADS)
        return Tags(closing | _meanings(_NESTED, Sense.OPENS))
    if family.nests:
        return Tags(_meanings(_NESTED, Sense.OPENS, Sense.CLOSES))
    ends = {tag: Tag(Sense.CLOSES, family) for tag in family.ends}
    return Tags(_meanings([family], Sense.CLOSES, Sense.HEADS) | ends)


@lru_cache(maxsize=64)
def tags_unsure(family: Family | None) -> Tags[Tag]:
    """What tells whether text is thinking; ``family`` may have opened it, with ordinary words."""
    words = [family] if family is not None else []
    return Tags(_meanings(_MARKED, *Sense) | _meanings(words, Sense.CLOSES))


@lru_cache(maxsize=2)
def tags_in_answers(*, any_tag: bool) -> Tags[Tag]:
    """What opens thinking in the middle of an answer, or goes on with the answer behind some.

    ``any_tag`` that opens thinking, or those that are nothing else.
    """
    control = [family for family in FAMILIES if family.control]
    openers = _meanings(_MARKED if any_tag else control, Sense.OPENS)
    return Tags(openers | _meanings(control, Sense.HEADS))
