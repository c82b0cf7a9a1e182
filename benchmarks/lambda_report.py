"""A section of ``RESULTS.md`` that is written by itself, between comments that mark it."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

RESULTS = Path(__file__).with_name("RESULTS.md")
SECTION = "<!-- {0} -->\n{1}\n<!-- /{0} -->\n"


def marked(name: str, text: str) -> re.Match[str] | None:
    """The section of that name, with its marks."""
    return re.search(SECTION.format(name, ".*?"), text, re.S)


def written(name: str) -> str:
    """The section as it stands there now, for who writes all else anew; or nothing."""
    found = marked(name, RESULTS.read_text("utf-8")) if RESULTS.exists() else None
    return f"\n{found[0]}" if found else ""


def write_section(name: str, body: str) -> None:
    """Put the section where it stands already, else at the end; the rest is left as it is."""
    text = RESULTS.read_text("utf-8") if RESULTS.exists() else "# Results\n"
    section = SECTION.format(name, f"## {name}\n\n{body}")
    if found := marked(name, text):
        text = text[: found.start()] + section + text[found.end() :]
    else:
        text = f"{text.rstrip()}\n\n{section}"
    RESULTS.write_text(text, "utf-8")


def machine() -> str:
    """What it ran on: no names of machines or people."""
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}; load averages at the "
        f"end {load}."
    )
