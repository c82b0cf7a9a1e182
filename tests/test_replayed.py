"""The thinking of an earlier answer does not go up again, and nothing else of it is lost."""

from __future__ import annotations

import pytest

from bridge.replayed import without_thinking

TAKEN_OUT = [
    pytest.param(
        "<think>\nfirst\n</think>\n\nI'll look.\n<think>second</think>\nIt is blue.",
        "I'll look.\n\nIt is blue.",
        id="think-twice",
    ),
    pytest.param("<Thinking>a</THINKING>b", "b", id="capitals"),
    pytest.param("[THINK]a[/THINK]b", "b", id="magistral"),
    pytest.param("◁think▷a◁/think▷b", "b", id="kimi"),
    pytest.param("<seed:think>a</seed:think>b", "b", id="seed"),
    pytest.param("<think>a<think>b</think>c</think>d", "d", id="nested"),
    pytest.param("<think>a<think>b</think>c", "c", id="nested-once-closed"),
    pytest.param("<think>a</think><thinking>b</thinking>c", "c", id="one-behind-the-other"),
    pytest.param("<think>`code </think>\nSay `x`.", "Say `x`.", id="half-a-span-in-thinking"),
    pytest.param("<think>```py\nx\n</think>\nDone.", "Done.", id="half-a-fence-in-thinking"),
    pytest.param("the template opened it\n</think>\n\nAnswer", "Answer", id="no-opener"),
    pytest.param("thoughts</think>\nAnswer", "Answer", id="no-opener-one-line"),
    pytest.param("thoughts\n</think>Answer", "Answer", id="no-opener-at-the-line"),
    pytest.param("  <think>it was cut", "", id="cut"),
    pytest.param("<think>a</think>\n<think>it was cut", "", id="cut-later"),
    pytest.param("<think>all of it</think>", "", id="all"),
]


@pytest.mark.parametrize(("text", "left"), TAKEN_OUT)
def test_thinking_is_taken_out(text, left):
    assert without_thinking(text) == left


KEPT = [
    pytest.param("", id="nothing"),
    pytest.param("  plain \n", id="plain"),
    pytest.param("Write `<think>` and `</think>`.", id="quoted"),
    pytest.param("`<think>`\nis a tag\n`</think>`\n", id="quoted-on-lines-of-their-own"),
    pytest.param("```xml\n<think>\nx\n</think>\n```\nSo.", id="fenced"),
    pytest.param("~~~~\n<think>\n~~~\nx\n</think>\n~~~~", id="fenced-longer"),
    pytest.param("  ```\n<think>x</think>\nno end", id="fence-without-end"),
    pytest.param("It opens with <think> and ends with </think> as usual.", id="prose"),
    pytest.param("Done.\n<think>\nno end, and again\n<think>\n", id="not-closed-later"),
    pytest.param("a </thought> b", id="closer-in-prose"),
    pytest.param("It ends with </think>", id="closer-at-the-end"),
    pytest.param("It ends with\n</think>\n", id="closer-on-the-last-line"),
]


@pytest.mark.parametrize("text", KEPT)
def test_what_is_no_thinking_is_kept(text):
    assert without_thinking(text) == text


def test_a_closer_behind_thinking_stays():
    assert without_thinking("<think>a</think>b\n</think>\nc") == "b\n</think>\nc"
