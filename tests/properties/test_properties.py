"""Every property on a few examples, and on the ones that once were wrong; ``fuzz`` has the time."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.decoding import KEY
from tests.properties import of_decoding
from tests.properties.mutations import Case
from tests.properties.table import PROPERTIES

FEW, EXAMPLES = 20, 200


@pytest.mark.parametrize(
    "examples", [FEW, pytest.param(EXAMPLES, marks=pytest.mark.slow)], ids=["few", "many"]
)
@pytest.mark.parametrize("row", PROPERTIES.values(), ids=PROPERTIES)
def test_it_holds_of_any(row, examples):
    def holds(arguments):
        row.holds(*arguments)

    holds.__qualname__ = row.holds.__name__  # each property has examples of its own
    settings(max_examples=max(1, int(examples * row.share)))(given(st.tuples(*row.of))(holds))()


@pytest.mark.parametrize(
    "arguments",
    [
        {"content": "\n@end amber otter\n"},
        {"content": "\n\n", "b": "</tool_call>"},
        {"a": "\ud83d\n<\u2060think\u2060>\x00"},
        {"a": "<think\\", "<|im_start|>": "<think"},
    ],
)
@pytest.mark.parametrize("dialect", ["fence", "raw", "hermes"])
def test_rendered_calls_decode_to_themselves(dialect, arguments):
    of_decoding.rendered_calls_decode_to_themselves(dialect, [arguments], [])


def test_a_near_miss_in_a_fence_comes_out_once():
    of_decoding.every_character_comes_out_once(Case('```json\n{"name": "ping"}\n```'), [])


def test_the_key_is_not_shown_in_what_is_left_of_markers():
    of_decoding.no_marker_shows_its_key(Case(f"a tool_call {KEY}{KEY} and @end {KEY}, ```{KEY}"))
