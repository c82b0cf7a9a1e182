"""What must hold for every reply, whatever a model writes and however it arrives."""

from __future__ import annotations

import json
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.dialects import DIALECTS
from bridge.dialects.base import WrittenCall
from bridge.dialects.key import WORDS, key_for
from bridge.dialects.neutral import neutral_for
from bridge.parts import Block, CallArguments, CallEnd, CallStart
from tests.decoding import (
    CUTS,
    KEY,
    OPTIONS,
    WRITTEN,
    calls,
    content,
    decoder,
    parts_of,
    split,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
ARGUMENTS = st.dictionaries(st.text(min_size=1), JSON, max_size=4)
MARKERS = [
    *("```tool_call", "```tool_result", f"```tool_call {KEY}", "<tool_call>", "<|im_start|>"),
    *("[INST]", "<think>", "\u2060", "<", "`", f"@content {KEY}", f"\n@end {KEY}\n", " ", "x"),
]
HOSTILE = st.lists(st.sampled_from(MARKERS) | st.text(max_size=3), max_size=10).map("".join)


@settings(max_examples=400)
@given(WRITTEN, CUTS, OPTIONS, st.booleans())
def test_any_split_gives_the_same_text_and_calls(text, cuts, options, finished):
    whole = parts_of([text], finished=finished, **options)
    pieces = parts_of(split(text, cuts), finished=finished, **options)
    assert (content(pieces), calls(pieces)) == (content(whole), calls(whole))


@settings(max_examples=400)
@given(WRITTEN | st.text(), OPTIONS)
def test_finished_arguments_are_json_objects(text, options):
    for _name, arguments in calls(parts_of(list(text), **options)):
        assert isinstance(json.loads(arguments), dict)


@settings(max_examples=300)
@given(WRITTEN, OPTIONS)
def test_a_streamed_call_begins_and_ends_once(text, options):
    running = False
    for part in parts_of(list(text), **options):
        if isinstance(part, CallStart):
            assert not running
            running = True
        elif isinstance(part, CallArguments):
            assert running
        elif isinstance(part, CallEnd):
            assert running
            running = False
        elif isinstance(part, Block):
            assert not running
    assert not running


@given(st.text(st.characters(exclude_characters="`~<[{>@\u2060", exclude_categories=["Cs"])), CUTS)
def test_text_without_markers_comes_out_unchanged(text, cuts):
    if text.strip() and not text.lstrip().startswith("(") and "(" not in text:
        assert content(parts_of(split(text, cuts))) == text


@pytest.mark.parametrize("dialect", DIALECTS)
@given(ARGUMENTS, HOSTILE)
def test_a_call_that_is_rendered_is_decoded_as_it_was(dialect, arguments, hostile):
    arguments = {**arguments, "content": hostile.replace(KEY, "")}  # the key is never shown
    written = json.dumps(arguments, ensure_ascii=False)
    neutral = neutral_for(DIALECTS[dialect](KEY).grammar.key)
    calls_written = [WrittenCall("any-thing", neutral.neutralise(written))]
    text = DIALECTS[dialect](KEY).calls(calls_written)
    decoded = calls(parts_of([text], dialect=dialect, hold=10**6))
    expected = [("any-thing", arguments)]
    assert [(name, json.loads(read)) for name, read in decoded] == expected


@given(HOSTILE, CUTS)
def test_neutralised_text_is_restored_exactly(text, cuts):
    neutral = neutral_for(KEY)
    defused = neutral.neutralise(text)
    assert neutral.restore(defused) == text
    assert neutral.neutralise(neutral.restore(defused)) == defused


@given(HOSTILE)
def test_neutralised_text_opens_no_call(text):
    defused = neutral_for(KEY).neutralise(f'{text}\n{{"name": "ping"}}\n```')
    for dialect in DIALECTS:
        grammar = DIALECTS[dialect](KEY).grammar
        assert grammar.open not in defused
        assert grammar.result not in defused


@given(WRITTEN, OPTIONS)
def test_the_key_is_never_shown(text, options):
    shown = content(parts_of(list(text), **options))
    if options["dialect"] in ("fence", "raw"):
        assert KEY not in shown


def test_a_key_is_two_different_words_and_always_the_same():
    keys = {key_for(f"client {number}".encode()) for number in range(500)}
    assert len(keys) > 450
    for key in keys:
        first, second = key.split()
        assert first != second
        assert {first, second} <= set(WORDS)
    assert key_for(b"a client") == key_for(b"a client")


UNITS = [
    *("`", "```", "```tool_call ", f"```tool_call {KEY}\n", "<", "<think", "<think>", "{\n", "["),
    *(" ", "\n", "\u2060", "<\u2060", '{"name": "ping"}\n', "</think>", "@", "> ", "amber "),
    *('{"name": "', "[TOOL_CALLS]", "<tool_call>", "(", "- ", "~~~", "1. "),
]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("opener", ["", f"```tool_call {KEY}\n"], ids=["text", "block"])
def test_three_times_the_text_costs_about_three_times_the_steps(unit, opener):
    short, long = (steps(opener + unit * (length // len(unit))) for length in (2500, 7500))
    assert long < 3.9 * short + 1000


def steps(text):
    """Calls, of Python and of C functions, while the text is decoded character by character."""
    count = 0

    def called(_frame, _event, _argument):
        nonlocal count
        count += 1

    reading = decoder()
    before = sys.getprofile()
    sys.setprofile(called)
    try:
        for character in text:
            reading.feed(character)
        reading.close()
    finally:
        sys.setprofile(before)
    return count
