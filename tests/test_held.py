from __future__ import annotations

import pytest

from bridge.held import Held, empty_fence
from bridge.parts import Block, Call, Fault, Malformed, Text, Thinking

SOUND = Call("f", '{"a": 1}', raw="sound call")
FAULTY = Call("f", "{}", raw="faulty", fault=Fault("schema", "a is missing"))
MALFORMED = Malformed("malformed", Fault("json", "cannot be read"))
ANSWERED = frozenset({("f", '{"a": 1}')})


def held(*items, answered=frozenset()) -> Held:
    """``items`` are words, and calls that have a block each or, as tuples, share one."""
    waiting = Held(answered)
    for item in items:
        if isinstance(item, str):
            waiting.add_words(item)
        else:
            waiting.add_calls(*(item if isinstance(item, tuple) else (item,)))
    return waiting


def test_nothing_waits_at_first():
    waiting = Held(ANSWERED)
    assert not waiting
    assert not waiting.doubtful
    assert waiting.take() == ([""], [])


def test_calls_and_words_are_told_apart():
    waiting = held("a", SOUND, MALFORMED)
    assert waiting
    assert waiting.has_words
    assert waiting.calls == [SOUND, MALFORMED]
    assert waiting.written == len("sound callmalformed")
    assert not held(SOUND).has_words


DOUBTS = [
    pytest.param([SOUND], frozenset(), False, id="sound"),
    pytest.param([SOUND, FAULTY], frozenset(), True, id="faulty"),
    pytest.param([MALFORMED], frozenset(), True, id="malformed"),
    pytest.param(["words", SOUND], ANSWERED, True, id="repeated"),
    pytest.param([Call("f", '{ "a":1 }')], ANSWERED, True, id="repeated-in-other-words"),
    pytest.param([Call("f", "{}")], ANSWERED, False, id="other-arguments"),
    pytest.param([Call("g", '{"a": 1}')], ANSWERED, False, id="another-tool"),
    pytest.param([SOUND, Call("g", "{}")], ANSWERED, False, id="repeated-with-a-new-one"),
    pytest.param(["words"], ANSWERED, False, id="words"),
]


@pytest.mark.parametrize(("items", "answered", "doubtful"), DOUBTS)
def test_what_another_attempt_may_better(items, answered, doubtful):
    assert held(*items, answered=answered).doubtful is doubtful


TAKEN = [
    pytest.param(["a", "b"], ["ab"], [], id="words"),
    pytest.param(["a ", SOUND], ["a "], [SOUND], id="words-before-a-call"),
    pytest.param([FAULTY, SOUND], [""], [FAULTY, SOUND], id="calls-in-their-order"),
    pytest.param(["a\n", MALFORMED, "\n\nb"], ["a", "malformed\n\nb"], [], id="a-malformed-call"),
    pytest.param([MALFORMED, "\nb\n", MALFORMED], ["malformed\nb", "malformed"], [],
                 id="the-next-line"),
    pytest.param([MALFORMED, SOUND, MALFORMED], ["malformed", "malformed"], [SOUND],
                 id="a-call-between-malformed-ones"),
    pytest.param([(MALFORMED, SOUND, MALFORMED)], ["malformedmalformed"], [SOUND],
                 id="malformed-ones-of-a-block"),
    pytest.param([MALFORMED, " ", "\n"], ["malformed"], [], id="white-space"),
]  # fmt: skip


@pytest.mark.parametrize(("items", "texts", "calls"), TAKEN)
def test_all_of_it_is_taken(items, texts, calls):
    waiting = held(*items)
    assert waiting.take() == (texts, calls)
    assert not waiting
    assert not waiting.doubtful
    assert waiting.written == 0


def test_what_has_a_fault_may_be_left_out():
    waiting = held("a", MALFORMED, FAULTY, "b", SOUND)
    assert waiting.take(faulty=False) == (["ab"], [SOUND])


FENCES = [
    pytest.param([Text("```")], True, id="opened"),
    pytest.param([Thinking("hm"), Text("\n```"), Text("json\n")], True, id="behind-thinking"),
    pytest.param([Text("```text\n\n```\n")], True, id="closed"),
    pytest.param([Text("```"), Block((MALFORMED,))], False, id="with-a-block"),
    pytest.param([Text("```\nx")], False, id="with-something-in-it"),
    pytest.param([Text("`" * 2)], False, id="no-fence"),
    pytest.param([], False, id="nothing"),
    pytest.param([Text("```" + " " * 10**6 + "x")], False, id="much-space"),
]


@pytest.mark.parametrize(("parts", "empty"), FENCES)
def test_a_fence_with_nothing_in_it(parts, empty):
    text = "".join(part.text for part in parts if isinstance(part, Text))
    assert empty_fence(parts) == (text.strip() if empty else "")
