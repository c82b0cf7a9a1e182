"""Text that has not been read, with a way back."""

from __future__ import annotations

from bridge.unread import Unread


def test_what_was_read_is_forgotten():
    unread = Unread()
    unread.add("abc")
    unread.place, unread.settled = 2, 5
    unread.add("de")
    assert (unread.text, unread.place, unread.settled) == ("cde", 0, 3)
    unread.place = 3
    unread.add("f")
    assert (unread.text, unread.settled) == ("f", 0)


def test_back_in_the_same_text():
    unread = Unread()
    unread.add("abcd")
    unread.place = 1
    unread.mark()
    unread.place = 3
    unread.go_back(2)
    assert (unread.text, unread.place, unread.settled) == ("abcd", 1, 3)
    unread.add("e")
    assert (unread.text, unread.place) == ("bcde", 0)


def test_back_over_several_texts():
    unread = Unread()
    unread.add("abcd")
    unread.place = 1
    unread.mark()
    unread.place = 3
    unread.add("ef")
    unread.place = 2
    unread.add("gh")
    unread.place = 1
    unread.go_back(4)
    assert (unread.text, unread.place, unread.settled) == ("bcdefgh", 0, 4)


def test_a_new_mark_forgets_the_old_one():
    unread = Unread()
    unread.add("ab")
    unread.mark()
    unread.place = 1
    unread.add("c")
    unread.place = 1
    unread.mark()
    unread.place = 2
    unread.go_back(1)
    assert (unread.text, unread.place) == ("bc", 1)
