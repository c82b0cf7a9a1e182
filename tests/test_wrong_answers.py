"""Replies with which the embedded model got a task of ``make bench-accuracy`` wrong.

The words were the model's, so what came of them was right of us, and stays as it is. Should one of
them ever be understood better, the benchmark is to be run anew.
"""

from __future__ import annotations

import json

import pytest

from benchmarks.accuracy import DIALECTS, WRONG
from benchmarks.judge import body_of, tasks
from benchmarks.processes import KEY as CLIENT_KEY
from bridge.dialects.key import key_for
from bridge.errors import BridgeError
from bridge.held import UNUSABLE
from bridge.keys import hashed
from tests.conversing import KEY, PREFILLS, answered

SPELT = key_for(hashed(CLIENT_KEY).encode())
"""The dialect key of the benchmark's client."""

TASKS = {task.id: task for task in tasks("reported")}
CASES = [
    pytest.param(case, id=f"{case['side']}-{case['task']}")
    for case in map(json.loads, WRONG.read_text("utf-8").splitlines())
    if case["side"] in DIALECTS
]


@pytest.mark.parametrize("case", CASES)
def test_a_wrong_answer_is_the_models(case):
    task = TASKS[case["task"]]
    body = body_of(task, "m") | {"stream": False}
    del body["model"]
    settings = {"dialect": case["side"], "think": task.thinking, "repeat_guard": 1}
    replies = [reply.replace(SPELT, KEY) for reply in case["replies"]]
    try:
        came = answered(*replies, model=settings, capabilities=PREFILLS, **body).choice
    except BridgeError as error:
        assert error.message in case["text"]
        return
    whole = [list(call) for call in came["calls"] if call[1] != "{"]  # one that was cut
    assert whole == case["calls"]
    assert (came["content"] or "") in (case["text"], UNUSABLE)


def test_there_are_wrong_answers():
    assert CASES
