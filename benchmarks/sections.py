"""A page whose sections are written by different commands. Pure."""

from __future__ import annotations

import re


def with_section(page: str, heading: str, text: str) -> str:
    """The page with that section in place of the one of the same heading, or at its end.

    ``heading`` is a line of Markdown with its ``#``; the section ends before the next heading that
    is as high or higher. Before all headings of that height stands the page's own text.
    """
    before, after = _around(page, heading)
    return "\n\n".join(filter(None, (before.strip(), text.strip(), after.strip()))) + "\n"


def with_head(page: str, text: str) -> str:
    """The page with ``text`` in place of all that stands before its first second heading."""
    found = re.search(r"^## ", page, re.MULTILINE)
    return (
        "\n\n".join(filter(None, (text.strip(), page[found.start() :].strip() if found else "")))
        + "\n"
    )


def _around(page: str, heading: str) -> tuple[str, str]:
    level = len(heading) - len(heading.lstrip("#"))
    start = re.search(rf"^{re.escape(heading)}$", page, re.MULTILINE)
    if start is None:
        return page, ""
    end = re.compile(rf"^#{{1,{level}}} ", re.MULTILINE).search(page, start.end())
    return page[: start.start()], page[end.start() :] if end else ""
