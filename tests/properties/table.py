"""The properties of the core, each with what it is tried on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from hypothesis import strategies as st

from bridge.dialects.neutral import WORD_JOINER
from tests.decoding import KEY
from tests.properties import of_decoding, of_exchanges
from tests.properties.mutations import CASES, CUTS, DIALECT_NAMES, SCRAPS, WRITTEN
from tests.properties.requests import CONVERSATIONS

if TYPE_CHECKING:
    from collections.abc import Callable

HOSTILE = [*SCRAPS, "<|im_start|>", "[INST]", "```tool_result", "<tool_call>", f"\n@end {KEY}\n"]
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.lists(st.sampled_from(HOSTILE) | st.text(max_size=5), max_size=10).map("".join),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(SCRAPS) | st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
ARGUMENTS = st.dictionaries(
    st.sampled_from(["content", "code", "a", "<think>", f"@x {KEY}", ""]) | st.text(max_size=5),
    JSON_VALUES,
    max_size=4,
)
PLAIN_TEXT = st.text(st.characters(exclude_characters="`<{[~" + WORD_JOINER)).filter(
    lambda text: bool(text.strip()) and KEY not in text
)
PLACES = st.lists(st.integers(0, 400), max_size=len(of_decoding.SENTINELS) - 2)
UNITS = WRITTEN.flatmap(
    lambda text: st.tuples(st.integers(0, len(text)), st.integers(1, 40)).map(
        lambda span: text[span[0] :][: span[1]]
    )
)
STARTS = st.just("") | WRITTEN.map(lambda text: text[:300])


class Property(NamedTuple):
    """What must hold, of what; ``share`` of the examples of a round."""

    holds: Callable[..., None]
    of: tuple[st.SearchStrategy[Any], ...]
    share: float = 1.0


PROPERTIES = {
    row.holds.__name__: row
    for row in (
        Property(of_decoding.any_split_gives_the_same_parts, (CASES,)),
        Property(of_decoding.streamed_calls_begin_and_end_once, (CASES,)),
        Property(of_decoding.finished_calls_are_objects_that_fit, (CASES,)),
        Property(of_decoding.every_character_comes_out_once, (CASES, PLACES)),
        Property(of_decoding.no_marker_shows_its_key, (CASES,)),
        Property(of_decoding.a_cut_reply_finishes_no_cut_call, (CASES, PLACES)),
        Property(of_decoding.thinking_before_it_changes_nothing, (CASES,)),
        Property(of_decoding.text_without_markers_is_unchanged, (PLAIN_TEXT, CASES), 0.3),
        Property(
            of_decoding.rendered_calls_decode_to_themselves,
            (DIALECT_NAMES, st.lists(ARGUMENTS, min_size=1, max_size=3), CUTS),
        ),
        Property(
            of_decoding.longer_text_costs_as_much_a_character,
            (STARTS, UNITS, st.sampled_from([16, 64, 10**9]), CASES),
            0.1,
        ),
        Property(of_exchanges.any_replies_come_to_an_answer_or_a_reply_error, (CONVERSATIONS,), 2),
        Property(of_exchanges.a_split_changes_nothing, (CONVERSATIONS,)),
        Property(of_exchanges.streaming_changes_nothing, (CONVERSATIONS,)),
        Property(of_exchanges.choices_do_not_mix, (CONVERSATIONS, CONVERSATIONS), 0.3),
        Property(of_exchanges.thinking_is_in_no_chunk, (CONVERSATIONS, PLACES)),
        Property(
            of_exchanges.a_cut_answer_finishes_no_cut_call, (CONVERSATIONS, st.integers(0, 700))
        ),
    )
}
