"""The index of failure cases: every number has a test, and every test that it names exists."""

from __future__ import annotations

import ast
import tomllib
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
INDEX = tomllib.loads((ROOT / "tests/failure_cases.toml").read_text("utf-8"))
REPLIES = [path.relative_to(ROOT).as_posix() for path in (ROOT / "tests/replies").glob("*.toml")]
LAST = 169


@cache
def defined_in(path: str) -> tuple[set[str], set[str]]:
    """The functions of a file, and the texts in it, of which the ids of parameters are made."""
    nodes = list(ast.walk(ast.parse((ROOT / path).read_text("utf-8"))))
    functions = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    constants = [node.value for node in nodes if isinstance(node, ast.Constant)]
    return functions, {text for text in constants if isinstance(text, str)}


def exists(place: str) -> bool:
    """Whether a file of replies, or a test by its node id, is there."""
    path, _, name = place.partition("::")
    if not name:
        return any(fnmatch(reply, path) for reply in REPLIES)
    function, _, parameters = name.partition("[")
    functions, texts = defined_in(path)
    return function in functions and (not parameters or _made_of(texts, parameters[:-1]))


def _made_of(texts: set[str], id: str) -> bool:
    """Whether an id is one of the texts, or one behind another as in ``f"7-{case}"``."""
    heads = [id[:end] for end in range(1, len(id)) if id[:end] in texts]
    return id in texts or any(id.removeprefix(head) in texts for head in heads)


def test_every_number_is_there():
    assert list(INDEX) == [str(number) for number in range(1, LAST + 1)]


@pytest.mark.parametrize("number", INDEX)
def test_a_case_is_tested(number: str):
    entry = INDEX[number]
    assert set(entry) in ({"case", "tests"}, {"case", "choice", "tests"})
    assert entry["tests"]
    assert [place for place in entry["tests"] if not exists(place)] == []


def test_replies_stand_under_their_number():
    """A reply whose name begins with a number is a test of that case."""
    for reply in REPLIES:
        number = Path(reply).name.partition("-")[0]
        if number.isdecimal():
            tests = INDEX[number.lstrip("0")]["tests"]
            assert any(fnmatch(reply, place) for place in tests), reply


def test_what_is_not_there_is_told():
    assert exists("tests/test_failure_cases.py::test_every_number_is_there")
    assert not exists("tests/test_failure_cases.py::test_nothing")
    assert not exists("tests/test_app.py::test_refused[no-" + "such-thing]")
    assert not exists("tests/replies/999-*.toml")
