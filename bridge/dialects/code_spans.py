"""Code spans of Markdown: whether a place in a line stands inside of one."""

from __future__ import annotations

import re

_RUN = re.compile("`+")


def open_span(text: str, place: int, end: int, run: int) -> int:
    """The backticks that opened the span which is open at ``end``; 0 if none is.

    ``run`` is that of ``place``. As many backticks close a span as opened it, and so does the end
    of its line: a span that is left open would else reach to the next one.
    """
    newline = text.rfind("\n", place, end) + 1
    if newline:
        run, place = 0, newline
    if text.find("`", place, end) < 0:
        return run
    for ticks in _RUN.finditer(text, place, end):
        length = len(ticks.group())
        if run == 0:
            run = length
        elif run == length:
            run = 0
    return run
