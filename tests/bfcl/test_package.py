"""The leaderboard's package itself, in its environment: its cases, tools and checker."""

from __future__ import annotations

import json
import subprocess

import pytest

from benchmarks.bfcl.cases import CATEGORIES, is_development, ordered
from benchmarks.bfcl.checker import PYTHON, package
from benchmarks.processes import ROOT, environment
from bridge.validation import Limits, parse_request


@pytest.fixture(scope="module")
def leaderboard():
    with package(PYTHON) as found:
        yield found


def run(code):
    command = [str(PYTHON), "-c", f"from benchmarks.bfcl.package import Leaderboard\n{code}"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_all_development_cases_of_every_category_are_there(leaderboard):
    assert {case.category for case in leaderboard.cases} == {*CATEGORIES}
    assert all(is_development(case.id) for case in leaderboard.cases)
    assert len(leaderboard.cases) == 633
    assert [case.category for case in ordered(leaderboard.cases)[:7]] == [*CATEGORIES]


def test_the_process_holds_no_other_case():
    """Neither its questions nor its answers."""
    held = run("import json; x = Leaderboard(); print(json.dumps([*x._entries, *x._answers]))")
    assert held
    assert all(map(is_development, held))


def test_every_case_is_a_request_that_is_taken(leaderboard):
    for case in leaderboard.cases:
        body = {"model": "m", "messages": [*case.messages], "tools": [*case.tools]}
        parse_request(json.dumps(body).encode(), Limits())


def test_right_and_wrong_calls_are_told_apart(leaderboard):
    """``simple_python_1`` asks for the factorial of 5, as its public page shows."""
    verdict = leaderboard.verdict
    assert verdict("simple_python_1", [("math_factorial", '{"number": 5}')]) == (True, "")
    for calls, fault in (
        ([("math_factorial", '{"number": 6}')], "value_error"),
        ([("math_factorial", '{"number": "5"}')], "type_error"),
        ([("factorial", '{"number": 5}')], "wrong_func_name"),
        ([("math_factorial", '{"number": 5}')] * 2, "wrong_count"),
        ([], "wrong_count"),
        ([("math_factorial", '{"number": ')], "arguments"),
        ([("math_factorial", "[5]")], "not an object"),
    ):
        right, told = verdict("simple_python_1", calls)
        assert not right
        assert fault in told
    assert verdict("irrelevance_2", []) == (True, "")
    assert not verdict("irrelevance_2", [("a", "{}")])[0]
