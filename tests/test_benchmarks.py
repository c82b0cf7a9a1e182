"""The pure parts of the benchmarks: figures, tables, streams read back, tasks and their judge."""

from __future__ import annotations

import importlib
import json
import math
from dataclasses import asdict
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from benchmarks import judge, workload
from benchmarks.check import growth, steps
from benchmarks.figures import (
    Limit,
    Row,
    percentile,
    ratio_of,
    results,
    sample,
    short,
    table,
    told,
    told_ratio,
)
from benchmarks.native import TEMPLATE_KEY, template_of
from benchmarks.plain import plain_answer, plain_body
from benchmarks.processes import _clock
from benchmarks.reading import Broken, Recording, arrivals, events, first_delta, said
from benchmarks.scores import FAILED, Outcome, cases, report
from benchmarks.signatures import Size, size, toolsets, total, words_of
from benchmarks.signatures import table as size_table
from benchmarks.tokens import chatml_of, common, prompt
from benchmarks.upstream import END, FINISH, HEAD, ROLE, _deltas, _event
from bridge.checks import check_schema
from bridge.validation import Limits, parse_request

# Figures ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "text"),
    [
        pytest.param(0, "0", id="nothing"),
        pytest.param(12345.6, "12,346", id="large"),
        pytest.param(1.234, "1.23", id="three digits"),
        pytest.param(0.00012345, "0.00012", id="small"),
        pytest.param(-150.2, "-150", id="negative"),
    ],
)
def test_numbers_are_short_and_plain(number, text):
    assert short(number) == text


def test_a_figure_is_told_as_its_median_and_spread():
    assert told(sample([3, 1, 2]), "ms") == "2 ms (1 – 3)"
    assert told(sample([1, 2, 3, 4, 100]), "ms") == "3 ms (2 – 4)"
    assert told(sample([7])) == "7"


def test_ratios_are_those_of_the_medians_with_a_spread():
    ratio = ratio_of(sample([4, 9, 6, 5, 6]), sample([2, -1, 3, 2, 3]))
    assert ratio is not None
    assert ratio.value == 3
    assert ratio.spread[0] <= 3 <= ratio.spread[1]
    assert ratio == ratio_of(sample([4, 9, 6, 5, 6]), sample([2, -1, 3, 2, 3]))
    assert ratio_of(sample([1, 2]), sample([-1, -2])) is None
    assert sample([2, 9]).less(sample([1, 4])).values == (1, 5)


def test_a_steady_ratio_has_no_spread():
    ratio = ratio_of(sample([2, 4, 6]), sample([1, 2, 3]))
    assert ratio is not None
    assert (ratio.value, ratio.spread) == (2, (2, 2))
    assert told_ratio(ratio) == "2 ×"


def test_rounds_must_pair():
    with pytest.raises(ValueError, match="shorter"):
        ratio_of(sample([1, 2]), sample([1]))


def test_percentiles():
    values = list(range(100, 0, -1))
    assert percentile(values, 0.5) == 51
    assert percentile(values, 0.99) == 100
    assert percentile([5], 0.99) == 5


@pytest.mark.parametrize(
    ("limit", "verdict"),
    [
        pytest.param(Limit(at_most=2), "yes", id="ratio kept"),
        pytest.param(Limit(at_most=1.9), "**no**", id="ratio broken"),
        pytest.param(Limit(at_least=3), "**no**", id="ratio too low"),
        pytest.param(Limit(at_most=9, of_ratio=False), "**no**", id="figure broken"),
        pytest.param(Limit(at_least=10, of_ratio=False), "yes", id="figure kept"),
        pytest.param(None, "", id="no goal"),
    ],
)
def test_goals_are_judged_by_the_median(limit, verdict):
    row = Row("what", sample([10, 10]), "ms", "base", sample([5, 5]), limit)
    assert row.verdict == verdict


def test_what_noise_hides_is_unclear():
    lost = Row("what", sample([1]), "ms", "base", sample([-1]), Limit(at_most=1))
    assert (lost.verdict, lost.cells()[3]) == ("unclear", "lost in noise")
    wide = Row("what", sample([1, 9, 5]), "ms", "base", sample([1, 1, 1]), Limit(at_most=6))
    assert wide.verdict == "unclear"


def test_results_are_an_aligned_table():
    rows = [
        Row("one", sample([1]), "ms", "base", sample([2]), Limit(at_most=1.5)),
        Row("a longer one", sample([3]), "ms", "base", sample([2])),
    ]
    lines = results(rows).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[2].split("|")[1:-1] == [
        *(" one          ", " 1 ms     ", " base: 2 ms ", " 0.5 × ", " ≤ 1.5 × ", " yes  "),
    ]


def test_a_bar_in_a_cell_does_not_end_it():
    assert table(["a"], [["x|y"]]).splitlines()[-1] == "| x\\|y |"


# Streams ----------------------------------------------------------------------------------------


def recording(data: bytes, size: int) -> Recording:
    """Bytes that came ``size`` at a time, a nanosecond apart."""
    cut = [data[start : start + size] for start in range(0, len(data), size)]
    return Recording(0, list(enumerate(cut, 1)))


STREAM = HEAD + ROLE + b"".join(_deltas(3)) + FINISH


@pytest.mark.parametrize("size", [1, 7, 50, 10_000])
def test_a_stream_is_read_in_any_pieces(size):
    found = recording(STREAM, size)
    texts = [said(event)[0] for _, event in events(found.reads)]
    assert texts == ["", "W000", " 001", " 002", ""]
    assert found.whole
    times = arrivals(found, "text")
    assert len(times) == 3
    assert times == sorted(times)


def test_each_delta_arrives_with_the_read_that_brought_it():
    parts = [HEAD + ROLE, *_deltas(3), FINISH]
    found = Recording(0, list(enumerate(parts, 10)))
    assert arrivals(found, "text") == [11, 12, 13]
    assert first_delta(found) == pytest.approx(11e-9)


def test_an_argument_is_found_in_text_and_in_a_call():
    head = workload.opening("some key") + workload.CALL_HEAD
    as_text = [HEAD, _event({"content": head}), *_deltas(2), FINISH]
    assert arrivals(Recording(0, list(enumerate(as_text))), "arguments") == [2, 3]
    function = {"arguments": '{"path":"a","content":"W000'}
    chunk = {"choices": [{"delta": {"tool_calls": [{"index": 0, "function": function}]}}]}
    body = b"data: %s\n\n" % json.dumps(chunk).encode()
    as_call = [HEAD, b"%x\r\n%s\r\n" % (len(body), body), END]
    assert arrivals(Recording(0, list(enumerate(as_call))), "arguments") == [1]


def test_an_answer_that_is_an_error_is_told():
    with pytest.raises(Broken, match="503"):
        list(events([(0, b"HTTP/1.1 503 Busy\r\n\r\n{}")]))


def test_the_words_of_the_script_are_pieces_of_one_size():
    words = workload.words(1200)
    assert {len(word) for word in words} == {workload.PIECE}
    assert not any(word != word.rstrip() for word in words)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0:01.50", 1.5), ("01:02:03", 3723), ("2-00:00:01", 172801)],
)
def test_processor_times_of_ps(text, seconds):
    assert math.isclose(_clock(text), seconds)


# What is sent -----------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 41, 500])
def test_conversations_are_valid(count):
    body = {
        **workload.chat("m", workload.many_tools(7)),
        "messages": workload.conversation(count + 1),
    }
    request = parse_request(json.dumps(body).encode(), Limits())
    assert request.messages[-1].role == "user"
    assert len({tool["function"]["name"] for tool in body["tools"]}) == 7


def test_program_text_is_the_inside_of_a_json_string():
    assert len(json.loads(f'"{workload.code(1000)}"')) > 800
    assert all(len(json.loads(f'"{workload.code(size)}"')) for size in range(1, 200))
    assert json.loads(workload.records(1000))[0]["name"] == "Ada"


# Checks -----------------------------------------------------------------------------------------


def test_steps_are_counted_and_repeatable():
    body = workload.chat("m")
    counted = [steps(lambda: prompt(body)) for _ in range(3)]
    assert counted[1] == counted[2] > 10


def test_growth_tells_a_quadratic_loop():
    assert all(check.holds for check in growth("linear", lambda size: (size, 3 * size)))
    for counts in (lambda size: (size**2, size), lambda size: (size, size**2)):
        assert not all(check.holds for check in growth("quadratic", counts))


def test_a_prompt_without_tools_is_the_messages():
    body = workload.chat("m")
    assert prompt(body) == chatml_of(body)
    assert common("abcd", "abxd") == 2
    assert common("ab", "abc") == 2


def test_a_template_is_read_out_of_a_model_file(tmp_path):
    text = "{{ messages }} ünd".encode()
    value = (8).to_bytes(4, "little") + len(text).to_bytes(8, "little") + text
    path = tmp_path / "a.gguf"
    path.write_bytes(b"GGUF..." + TEMPLATE_KEY + value + b"rest")
    assert template_of(path) == text.decode()


# Tasks ------------------------------------------------------------------------------------------

TASKS = [
    pytest.param(task, id=f"{split}-{task.id}")
    for split in judge.SPLITS
    for task in judge.tasks(split)
]


def test_the_splits_share_no_task():
    by_split = [{task.id for task in judge.tasks(split)} for split in judge.SPLITS]
    assert not by_split[0] & by_split[1]
    assert sum(map(len, by_split)) == len(TASKS)
    asked = [json.dumps(param.values[0].messages) for param in TASKS]
    assert len({*asked}) == len(asked)


@pytest.mark.parametrize("task", TASKS)
def test_tasks_are_valid(task):
    assert task.kind in judge.KINDS
    parse_request(json.dumps(judge.body_of(task, "m")).encode(), Limits())
    told = [what for what in (task.calls, task.says, task.value) if what is not None]
    assert len(told) == 1
    for call in task.calls or ():
        for name in call["name"].split("|"):
            assert name in task.tools
            parameters = judge.tools()[name]["function"]["parameters"]["properties"]
            assert call.get("arguments", {}).keys() <= parameters.keys()


@pytest.mark.parametrize("task", TASKS)
def test_no_task_is_right_by_saying_nothing(task):
    assert not judge.right(task, [], "")


@pytest.mark.parametrize("tool", judge.tools().values(), ids=judge.tools())
def test_tools_have_schemas(tool):
    Draft202012Validator.check_schema(tool["function"]["parameters"])


def test_the_reported_split_has_every_kind():
    assert {task.kind for task in judge.tasks("reported")} == {*judge.KINDS}
    assert len(judge.tasks("reported")) >= 40


CITIES = judge.Task(
    "x",
    "several calls",
    (),
    tools=("get_weather",),
    calls=(
        {"name": "get_weather", "arguments": {"city": "北京|beijing"}},
        {"name": "get_weather", "arguments": {"city": "rome"}},
    ),
)
ROME, BEIJING = ("get_weather", '{"city": "Rome, Italy"}'), ("get_weather", '{"city": "Beijing"}')


@pytest.mark.parametrize(
    ("calls", "is_right"),
    [
        pytest.param([BEIJING, ROME], True, id="in order"),
        pytest.param([ROME, BEIJING], True, id="in another order"),
        pytest.param([ROME], False, id="one missing"),
        pytest.param([ROME, ROME], False, id="one twice"),
        pytest.param([ROME, BEIJING, ROME], False, id="one too many"),
        pytest.param([ROME, ("get_weather", '{"city": ["Beijing"]}')], False, id="against schema"),
        pytest.param([ROME, ("get_weather", '{"city": ')], False, id="no JSON"),
        pytest.param([ROME, ("weather", '{"city": "Beijing"}')], False, id="another tool"),
    ],
)
def test_calls_are_judged(calls, is_right):
    assert judge.right(CITIES, calls, "") is is_right


@pytest.mark.parametrize(
    ("text", "is_right"),
    [
        pytest.param("It is 18 degrees, or eighteen.", True, id="said"),
        pytest.param("It is cold.", False, id="not said"),
        pytest.param('{"name": "get_weather", "arguments": {"city": "18"}}', False, id="a call"),
    ],
)
def test_words_are_judged(text, is_right):
    task = judge.Task("x", "result", (), says=("18|eighteen", "degrees"))
    assert judge.right(task, [], text) is is_right
    assert not judge.right(task, [ROME], text)


def test_structured_answers_are_judged():
    task = judge.Task("x", "structured", (), value={"age": 31})
    assert judge.right(task, [], '{"age": 31.0}')
    assert not judge.right(task, [], '```json\n{"age": 31}\n```')


@pytest.mark.parametrize(
    ("expected", "value", "is_fit"),
    [
        pytest.param("a", "An apple", True, id="stands in it"),
        pytest.param(["17", "23"], "17 * 23", True, id="all"),
        pytest.param(["17", "23"], "17", False, id="not all"),
        pytest.param(12, 12.0, True, id="number"),
        pytest.param(12, "12", False, id="text is no number"),
        pytest.param(False, False, True, id="boolean"),
        pytest.param({"is": [1]}, [1], True, id="equal"),
        pytest.param("milk", [{"product": "Milk"}], True, id="inside a list"),
    ],
)
def test_arguments_are_judged(expected, value, is_fit):
    assert judge.fits(expected, value) is is_fit


# The plain baseline -----------------------------------------------------------------------------


@pytest.mark.parametrize("task", TASKS)
def test_plain_requests_are_text_alone(task):
    body = plain_body(judge.body_of(task, "m"))
    assert body.keys() == {"model", "messages"}
    assert all(message.keys() == {"role", "content"} for message in body["messages"])
    assert all(name in body["messages"][0]["content"] for name in task.tools)


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        pytest.param('{"name": "a", "arguments": {"x": 1}}', [("a", '{"x": 1}')], id="object"),
        pytest.param('```json\n{"name": "a"}\n```', [("a", "{}")], id="fenced"),
        pytest.param('[{"name": "a"}, {"name": "b"}]', [("a", "{}"), ("b", "{}")], id="list"),
        pytest.param('Sure: {"name": "a"}', [], id="words before"),
        pytest.param("3", [], id="no object"),
    ],
)
def test_plain_answers_are_parsed_naively(text, calls):
    assert plain_answer(text, tools=True) == (calls, "" if calls else text)
    assert plain_answer(text, tools=False) == ([], text)


# Scores -----------------------------------------------------------------------------------------

OUTCOMES = [
    Outcome("fence", "a", "one call", True, 1.0, 100, 1, 0, (ROME,), "", ("raw",)),
    Outcome("fence", "b", "no call", False, 3.0, 300, 0, 1, (), "你好", ("one", "two")),
    Outcome("native", "a", "one call", True, 2.0, 200, None, None),
]


def test_the_report_counts_right_answers_by_side_and_kind():
    text = report(OUTCOMES, ["fence", "native", "raw"], "reported")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line]
    assert ["fence", "1 of 2", "1", "0", "1", "200", "2"] in rows
    assert ["native", "1 of 1", "–", "–", "0", "200", "2"] in rows
    assert ["no call", "0/1", ""] in rows
    assert "raw" not in text
    assert report([], ["fence"], "reported") == "Nothing has been asked yet.\n"


def test_wrong_answers_are_kept_with_the_raw_replies():
    (case,) = map(json.loads, cases(OUTCOMES).splitlines())
    assert (case["task"], case["replies"], case["text"]) == ("b", ["one", "two"], "你好")


def test_an_answer_is_judged_anew_and_an_error_is_never_right():
    task = judge.Task("a", "no call", (), says=())
    outcome = Outcome("fence", "a", "no call", False, 1.0, 1, text="Hello")
    assert outcome.judged(task).right
    assert not Outcome("fence", "a", "no call", True, 1.0, 1, text=f"{FAILED}x").judged(task).right


def test_an_outcome_survives_its_json():
    for outcome in OUTCOMES:
        assert Outcome.of(json.loads(json.dumps(asdict(outcome)))) == outcome


# Every part -------------------------------------------------------------------------------------

PARTS = sorted(path.stem for path in Path(judge.__file__).parent.glob("[a-z]*.py"))


# Tool sets ----------------------------------------------------------------------------------------

TOOLSETS = toolsets()


@pytest.mark.parametrize("name", TOOLSETS)
def test_a_tool_set_is_one_that_a_client_could_send(name):
    tools = TOOLSETS[name]
    assert 10 <= len(tools) <= 30
    assert len({tool.name for tool in tools}) == len(tools)
    assert [check_schema(tool.parameters) for tool in tools] == [None] * len(tools)
    sized = size(name, tools, len)
    assert sized.in_json == 0
    assert sized.words < sized.signatures < sized.schemas


def test_tool_sets_hold_what_real_tools_do():
    text = json.dumps([tool.model_dump() for tools in TOOLSETS.values() for tool in tools])
    odd = (
        "oneOf",
        "propertyNames",
        "patternProperties",
        "nullable",
        "$ref",
        "prefixItems",
        "anyOf",
    )
    assert all(f'"{keyword}"' in text for keyword in (*odd, "dependentRequired", "not", "const"))
    assert "9007199254740991" in text


def test_sizes_of_tool_sets():
    assert words_of(
        {"description": "a", "b": [{"description": "c"}, 5], "d": {"description": 1}}
    ) == [
        "a",
        "c",
    ]
    both = total([Size("x", 1, 2, 3, 4, 0), Size("y", 1, 2, 3, 8, 1)])
    assert both == Size("all", 2, 4, 6, 12, 1)
    assert size_table([both], "characters").split("\n")[-1] == "| all | 2 | 4 | 6 | 12 | 0.50 |"


@pytest.mark.parametrize("part", PARTS)
def test_every_part_can_be_imported(part):
    """The benchmark of Lambda could not start: what it imports had moved, and no test ran it."""
    importlib.import_module(f"benchmarks.{part}")
