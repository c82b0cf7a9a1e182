"""Untrusted text cannot speak the protocol, and gets its bytes back."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.dialects import DIALECTS
from bridge.dialects.neutral import RESTS, WORD_JOINER, Restorer, neutral_for
from tests.decoding import KEY, characters, split
from tests.properties.mutations import CUTS, SCRAPS

NEUTRAL = neutral_for(KEY)
KEYLESS = neutral_for("")
J = WORD_JOINER


def restored(pieces, neutral=NEUTRAL):
    restorer = Restorer(neutral)
    return "".join(map(restorer.feed, pieces)) + restorer.close()


MARKERS = [
    *(
        "```tool_call amber otter",
        "```tool_result amber otter 1 x",
        "``` tool_call",
        "~~~tool_call",
    ),
    *("@content amber otter", "@end amber otter", "<tool_call>", "</tool_call>", "<tools>"),
    *("<function_calls>", "<invoke name=", "<function=f>", "<parameter=x>", "<invoke name="),
    *("<|im_start|>", "<|im_end|>", "<|/x|>", "<\uff5ctool\uff5c>", "</\uff5cx>", "<s>", "</s>"),
    *(
        "[INST]",
        "[/INST]",
        "[TOOL_CALLS]",
        "<<SYS>>",
        "<</SYS>>",
        "<think>",
        "</THINK>",
        "<thought ",
    ),
    *("<think\n", "<start_of_turn>", "<system/>"),
]


@pytest.mark.parametrize("marker", MARKERS)
def test_a_marker_gets_a_joiner(marker):
    for before in ("", "x ", "<", "`"):
        text = before + marker
        changed = NEUTRAL.neutralise(text)
        assert marker not in changed
        assert changed.replace(J, "") == text
        assert restored([changed]) == text


@pytest.mark.parametrize(
    "text",
    [
        *(
            "<b>",
            "a < b",
            "``tool_call",
            "```tool_cal",
            "```python",
            "@end amber otte",
            "<thinker>",
        ),
        *(
            "[x]",
            "[INST",
            "<",
            "<|",
            "user@example.com",
            "~~~",
            f"<{J}b>",
            f"x{J}y",
            "```\ttool_call",
        ),
    ],
)
def test_other_text_stays(text):
    assert NEUTRAL.neutralise(text) == text
    assert restored([text]) == restored(characters(text)) == text


@pytest.mark.parametrize("joiners", [1, 2, 3])
def test_joiners_that_stood_there_are_counted(joiners):
    text = f"<{J * joiners}think>"
    assert NEUTRAL.neutralise(text) == f"<{J * (joiners + 1)}think>"
    assert restored([NEUTRAL.neutralise(text)]) == text


def test_only_the_dialect_with_a_key_has_raw_parameters():
    assert KEYLESS.neutralise("@end amber otter") == "@end amber otter"


def test_no_rest_is_longer_than_what_decides():
    longest = max(["<|a", *MARKERS], key=len)
    assert len(longest) <= 32
    assert all(re.compile(rest) for rest in RESTS.values())


def test_the_same_key_is_prepared_once():
    assert neutral_for(KEY) is NEUTRAL


def test_text_that_holds_no_joiner_leaves_at_once():
    restorer = Restorer(NEUTRAL)
    assert restorer.feed("a <") == "a <"
    assert restorer.feed("think> `") == "think> `"


def test_what_follows_a_joiner_is_held_until_it_is_certain():
    restorer = Restorer(NEUTRAL)
    assert [restorer.feed(piece) for piece in ("a<", J, J, "thi", "nk", "> b")] == [
        *("a<", "", J, "", ""),
        "think> b",
    ]
    assert restorer.feed(f"[{J}INST") == "["
    assert restorer.close() == f"{J}INST"
    assert restorer.close() == ""


def test_a_run_of_joiners_is_not_held():
    restorer = Restorer(NEUTRAL)
    assert restorer.feed("<" + J * 1000) == "<" + J * 999
    assert restorer.feed(J * 1000) == J * 1000
    assert restorer.feed("b") == ""
    assert restorer.feed("x" * 200) == J + "b" + "x" * 200


TEXTS = st.lists(
    st.sampled_from([*SCRAPS, *MARKERS, *"<`[@~", J, J, '"', "\\", "/", "think", "INST]", "\x01"])
    | st.text(max_size=3),
    max_size=10,
).map("".join)


@given(text=TEXTS, cuts=CUTS, neutral=st.sampled_from([NEUTRAL, KEYLESS]))
def test_the_round_trip_is_exact(text, cuts, neutral):
    changed = neutral.neutralise(text)
    assert neutral.restore(changed) == text
    assert neutral.neutralise(neutral.restore(changed)) == changed
    assert restored(characters(changed), neutral) == text
    assert restored(split(changed, cuts), neutral) == text


@given(text=TEXTS)
def test_any_split_restores_the_same(text):
    assert restored(characters(text)) == restored([text])


@given(text=TEXTS, ascii_only=st.just(False))
@example(text=f"<{J}think\x01", ascii_only=False)
@example(text=f"<{J}think", ascii_only=False)
@example(text=f"<{J}think\\", ascii_only=False)
@example(text=f"<{J}think\ud800", ascii_only=False)
@example(text=f"```{J}\ttool_call", ascii_only=False)
def test_the_round_trip_is_exact_through_json(text, ascii_only):
    """Text is read by a model as it is, and written back by it inside a JSON string."""
    written = json.dumps({"a": NEUTRAL.neutralise(text)}, ensure_ascii=ascii_only)
    written = re.sub("[\ud800-\udfff]", lambda found: f"\\u{ord(found.group()):04x}", written)
    value = json.loads(NEUTRAL.restore(written))["a"]
    assert value.encode("utf-16-le", "surrogatepass") == text.encode("utf-16-le", "surrogatepass")


@given(text=TEXTS)
def test_no_marker_is_left(text):
    lowered = NEUTRAL.neutralise(text).lower()
    assert not any(marker.lower() in lowered for marker in MARKERS)


@given(text=TEXTS, dialect=st.sampled_from(sorted(DIALECTS)))
def test_neutralised_text_opens_no_block(text, dialect):
    defused = NEUTRAL.neutralise(f'{text}\n{{"name": "ping"}}\n```')
    grammar = DIALECTS[dialect](KEY).grammar
    assert grammar.open not in defused
    assert grammar.result not in defused
