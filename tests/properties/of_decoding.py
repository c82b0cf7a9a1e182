"""What must hold of the decoder, whatever a model writes and however it arrives."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator

from bridge.dialects import DIALECTS
from bridge.dialects.base import WrittenCall
from bridge.dialects.neutral import neutral_for
from bridge.dialects.tags import Tags
from bridge.dialects.thoughts import FAMILIES
from bridge.parts import Block, Call, CallArguments, CallEnd, CallStart, Cut, Text, Thinking
from tests.decoding import (
    KEY,
    TOOLS,
    calls,
    characters,
    content,
    malformed,
    marked,
    parts_of,
    split,
)
from tests.properties.steps import cost, dearer_when_longer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bridge.parts import Part
    from tests.properties.mutations import Case

THINKING_TAGS = Tags({tag: family for family in FAMILIES for tag in family.tags}).pattern
SENTINELS = "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳"
"""Characters that stand nowhere else: where they come out shows where a reply's text went."""


def any_split_gives_the_same_parts(case: Case) -> None:
    """Where a reply is cut into pieces means nothing."""
    whole = parts_of([case.text], finished=case.finished, **case.options)
    for pieces in (characters(case.text), split(case.text, case.cuts)):
        assert parts_of(pieces, finished=case.finished, **case.options) == whole


def streamed_calls_begin_and_end_once(case: Case) -> None:
    """Between its start and its end stands nothing but a call's arguments."""
    running = False
    for part in parts_of(characters(case.text), finished=case.finished, **case.options):
        if isinstance(part, CallArguments | CallEnd):
            assert running
        else:
            assert not running
        running = isinstance(part, CallStart | CallArguments)
    assert not running


def finished_calls_are_objects_that_fit(case: Case) -> None:
    """Arguments are JSON; of a held call it is known whether they fit, and another judge agrees."""
    parts = parts_of(split(case.text, case.cuts), finished=case.finished, **case.options)
    for name, arguments in calls(parts):
        assert name in TOOLS
        assert isinstance(json.loads(arguments), dict)
    held = [call for part in parts if isinstance(part, Block) for call in part.calls]
    for call in held:
        if isinstance(call, Call):
            judge = Draft202012Validator(TOOLS[call.name] or {"type": "object"})
            assert judge.is_valid(json.loads(call.arguments)) == (call.fault is None)


def every_character_comes_out_once(case: Case, places: Sequence[int]) -> None:
    """Nothing is invented, doubled or moved; and of what may not be left out, nothing is lost.

    What may be: white space, fences and tags around calls, list marks, the key, joiners.
    """
    text = case.text
    for place, sentinel in zip(sorted(places, reverse=True), SENTINELS, strict=False):
        text = text[:place] + sentinel + text[place:]
    parts = parts_of([text], **{**case.options, "hold": 10**9, "first_only": False})
    written = "".join(map(_written, parts))
    rest = iter("".join(text.split()))
    assert all(character in rest for character in "".join(written.split()))
    blocks = [part for part in parts if isinstance(part, Block)]
    if any(call.near_miss for block in blocks for call in block.calls if isinstance(call, Call)):
        # What an opening line has beside a call's name goes with it.
        text = re.sub(r"(`{3,}|~{3,})[^\n]*", "", text)
    there = [character for character in text if character in SENTINELS]
    kept = [character for character in written if character in there]
    ended = any(isinstance(part, Cut) or (isinstance(part, Block) and part.cut) for part in parts)
    assert kept == (there[: len(kept)] if ended else there)


def _written(part: Part) -> str:
    if isinstance(part, Text | Thinking):
        return part.text
    return "".join(call.raw for call in part.calls) if isinstance(part, Block) else ""


def text_without_markers_is_unchanged(text: str, case: Case) -> None:
    """``text`` has no character with which a marker begins."""
    parts = parts_of(split(text, case.cuts), **{**case.options, "opened": False})
    assert parts == [Text(text)]


def no_marker_shows_its_key(case: Case) -> None:
    """The key comes out nowhere where it stands in a marker."""
    if case.options.get("dialect", "fence") not in ("fence", "raw"):
        return
    parts = parts_of(characters(case.text), finished=case.finished, **case.options)
    shows = marked(KEY).search
    assert not shows(content(parts))
    assert not any(shows(arguments) for _, arguments in calls(parts))
    assert not any(shows(broken.raw) for broken in malformed(parts))


def thinking_before_it_changes_nothing(case: Case) -> None:
    """A reply is decoded as it would be without the thinking that stands before it."""
    text = case.text
    while (fewer := THINKING_TAGS.sub("", text)) != text:
        text = fewer
    text = re.sub(r"^[\s\ufeff]+", "", text)
    options = {**case.options, "asked": False, "opened": False}
    thinking, *rest = parts_of([f"<think>Hm.</think>\n{text}"], finished=case.finished, **options)
    assert thinking == Thinking("Hm.")
    assert rest == parts_of([text], finished=case.finished, **options)


def a_cut_reply_finishes_no_cut_call(case: Case, places: Iterable[int]) -> None:
    """What a limit cuts has the first calls of the whole reply, each as it was, and no others."""
    whole = calls(parts_of([case.text], finished=False, **case.options))
    for place in places:
        some = calls(parts_of([case.text[:place]], finished=False, **case.options))
        assert some == whole[: len(some)]


def _without_marked_key(text: str) -> str:
    while (shorter := marked(KEY).sub(r"\1", text)) != text:
        text = shorter
    return text


def longer_text_costs_as_much_a_character(start: str, unit: str, size: int, case: Case) -> None:
    """Twice the text takes about twice the steps."""
    if unit:
        cost(start + unit, 64, **case.options)  # what is loaded and cached at first use
        assert not dearer_when_longer(start, unit, 2500, size, **case.options)


def rendered_calls_decode_to_themselves(
    dialect: str, arguments: Iterable[dict[str, Any]], cuts: Sequence[int]
) -> None:
    """All that is not kept is the key of a marker, which no client may see."""
    key = DIALECTS[dialect](KEY).grammar.key
    neutralise = neutral_for(key).neutralise
    written = [json.dumps(each, ensure_ascii=False) for each in arguments]
    text = DIALECTS[dialect](KEY).calls(
        [WrittenCall("any-thing", neutralise(each, json=True)) for each in written]
    )
    expected = [_without_marked_key(each) if key else each for each in written]
    found = calls(parts_of(split(text, cuts), dialect=dialect))
    assert [json.loads(each) for _, each in found] == [json.loads(each) for each in expected]
    assert {name for name, _ in found} == {"any-thing"}
