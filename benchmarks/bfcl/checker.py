"""The judge of an answer: the leaderboard's checker for calls, and our own eyes for leaks."""

from __future__ import annotations

import json
import re
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, Protocol

from benchmarks.bfcl.cases import Case
from benchmarks.processes import ROOT, environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from benchmarks.judge import Call

PYTHON = ROOT / ".bfcl" / "bin" / "python"


class Checker(Protocol):
    """Says of calls whether a case wants exactly these, and if not, why."""

    def verdict(self, case_id: str, calls: Sequence[Call]) -> tuple[bool, str]: ...


@dataclass(frozen=True, slots=True)
class Package:
    """The development cases, and the checker that is the leaderboard's own."""

    cases: tuple[Case, ...]
    questions: IO[str] = field(repr=False)
    answers: IO[str] = field(repr=False)

    def verdict(self, case_id: str, calls: Sequence[Call]) -> tuple[bool, str]:
        self.questions.write(json.dumps({"case": case_id, "calls": [*calls]}) + "\n")
        self.questions.flush()
        told = json.loads(self.answers.readline())
        return told["right"], told["fault"]


@contextmanager
def package(python: Path = PYTHON) -> Iterator[Package]:
    """The package in a process of its own, by the interpreter that has it."""
    command = [str(python), "-m", "benchmarks.bfcl.package"]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield Package(cases_of(process.stdout.readline()), process.stdin, process.stdout)
        process.stdin.close()


def cases_of(line: str) -> tuple[Case, ...]:
    """The cases that the package tells of; raises ``NotForDevelopment`` for any other."""
    told: list[dict[str, Any]] = json.loads(line)
    return tuple(
        Case(each["id"], each["category"], tuple(each["messages"]), tuple(each["tools"]))
        for each in told
    )


MARKUP = re.compile(
    r"</?(tool_calls?|function_calls?|invoke|parameter|tools)\b|<function[=\s]|\[TOOL_CALLS\]"
    r"|<\|tool|```tool_"
    r'|"name"\s*:\s*"[\w.-]+"\s*,\s*"(arguments|parameters|args)"\s*:'
    r'|"arguments"\s*:\s*[{"]'
)
"""What only a call that missed its place looks like."""


def leaked(text: str) -> bool:
    """Whether the markup of a call stands in what a client shows as words."""
    return MARKUP.search(text) is not None


def spelt(text: str, names: Sequence[str]) -> bool:
    """Whether a call is written as program text, as ``area(5)``."""
    loose = "|".join(re.escape(name).replace("_", "[_.]") for name in names)
    return re.search(rf"\b({loose})\s*\(", text) is not None


@dataclass(frozen=True, slots=True)
class Verdict:
    right: bool
    fault: str = ""


def judged(checker: Checker, case: Case, calls: Sequence[Call], text: str) -> Verdict:
    """A leaked call is wrong; a refusal is right only where no call was written anywhere."""
    if leaked(text):
        return Verdict(False, "call in the text")
    if case.refusal:
        if calls:
            return Verdict(False, "called")
        if spelt(text, case.names):
            return Verdict(False, "call in the text")
        return Verdict(bool(text.strip()), "" if text.strip() else "nothing said")
    if not calls:
        return Verdict(False, "no call")
    return Verdict(*checker.verdict(case.id, calls))
