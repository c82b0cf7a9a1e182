"""The text of a reply that has not been read, with a way back to a mark."""

from __future__ import annotations


class Unread:
    """``text`` from ``place`` on is not read yet. ``settled``: up to there near misses are settled.

    Text behind the mark is kept until it is dropped, since it may have to be read again. Nothing
    is copied more than once for each time that text is added.
    """

    def __init__(self) -> None:
        self.text = ""
        self.place = 0
        self.settled = 0
        self._marked = False
        self._mark = 0
        self._kept: list[str] = []

    def add(self, text: str) -> None:
        """More has arrived."""
        if self._marked:
            self._kept.append(self.text[self._mark : self.place])
            self._mark = 0
        self.settled = max(self.settled - self.place, 0)
        self.text = self.text[self.place :] + text
        self.place = 0

    def put_back(self, text: str) -> None:
        """This stood before what is not read yet, and is to be read again."""
        self.settled = max(self.settled - self.place, 0)
        self.text = text + self.text[self.place :]
        self.place = 0

    def mark(self) -> None:
        """What follows may have to be read again."""
        self._marked, self._mark = True, self.place
        self._kept = []

    def go_back(self, settled: int) -> None:
        """To the mark; so many characters from there are settled."""
        if self._kept:
            self.text = "".join(self._kept) + self.text[self._mark :]
            self._mark = 0
            self._kept = []
        self._marked = False
        self.place = self._mark
        self.settled = self.place + settled
