"""Answers as they came, a line of JSON each: kept at once, so that a run can be taken in parts."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.judge import Call


@dataclass(frozen=True, slots=True)
class Row:
    """One answer, unjudged. ``replies`` are the model's own words where they are known.

    ``error`` is that of the server in place of an answer. ``version`` is that of the code which
    the answer depends on.
    """

    side: str
    case: str
    category: str
    calls: tuple[Call, ...] = ()
    text: str = ""
    error: str = ""
    replies: tuple[str, ...] = ()
    seconds: float = 0
    prompt_tokens: int = 0
    near_misses: int | None = None
    re_asks: int | None = None
    version: str = ""

    @classmethod
    def of(cls, value: dict[str, Any]) -> Row:
        """From its JSON form."""
        known = {each.name: value[each.name] for each in fields(cls) if each.name in value}
        known["calls"] = tuple((name, arguments) for name, arguments in known.get("calls", ()))
        known["replies"] = tuple(known.get("replies", ()))
        return cls(**known)


def read_rows(path: Path, version: str | None = None) -> dict[str, Row]:
    """The rows of a file by case, the latest of each; of one version, unless None.

    A line that was cut short when a run was broken off is passed over.
    """
    if not path.is_file():
        return {}
    found: dict[str, Row] = {}
    for line in path.read_text("utf-8").splitlines():
        try:
            row = Row.of(json.loads(line))
        except (ValueError, TypeError):
            continue
        if version is None or row.version == version:
            found[row.case] = row
    return found


def append_row(path: Path, row: Row) -> None:
    """Add a line, on a line of its own whatever stands before it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as file:
        if file.tell():
            file.seek(-1, 2)
            if file.read() != b"\n":
                file.write(b"\n")
        file.write(json.dumps(asdict(row), ensure_ascii=False).encode() + b"\n")
