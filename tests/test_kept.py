"""Values kept by their texts: few enough for a small machine, and those that are asked for."""

from __future__ import annotations

from threading import Thread

from bridge.kept import KEPT_TEXT, KEPT_TEXTS, Known, kept


def test_a_value_is_worked_out_once():
    asked: list[str] = []

    @kept
    def length(text: str) -> list[int]:
        asked.append(text)
        return [len(text)]

    assert length("abc") == [3]
    assert length("abc") is length("abc")
    assert asked == ["abc"]
    long = "x" * (KEPT_TEXT + 1)
    assert length(long) is not length(long)


def test_those_not_used_for_longest_go():
    known: Known[int] = Known()
    texts = [str(i).zfill(KEPT_TEXT) for i in range(KEPT_TEXTS // KEPT_TEXT)]
    for i, text in enumerate(texts):
        known.add(text, i)
    assert len(known) == len(texts)
    assert known.get(texts[0]) == 0
    known.add("one more", -1)
    assert known.get(texts[1]) is None
    assert [known.get(texts[0]), known.get("one more")] == [0, -1]


def test_what_is_too_long_drives_nothing_out():
    """One client's long tool made every other client's be examined again."""
    known: Known[int] = Known()
    known.add("a", 1)
    known.add("x" * (KEPT_TEXT + 1), 2)
    assert known.get("a") == 1
    assert len(known) == 1


def test_threads_may_use_it_at_once():
    known: Known[int] = Known()
    wrong: list[str] = []

    def use(seed: int) -> None:
        for i in range(3000):
            text = str((i * seed) % 200).zfill(KEPT_TEXT)
            if (value := known.get(text)) not in {None, (i * seed) % 200}:
                wrong.append(f"{text} is {value}")
            known.add(text, (i * seed) % 200)
        wrong.remove("running")

    threads = [Thread(target=use, args=(seed,)) for seed in (3, 7, 11, 13)]
    wrong += ["running"] * len(threads)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert 0 < len(known) <= KEPT_TEXTS // KEPT_TEXT
