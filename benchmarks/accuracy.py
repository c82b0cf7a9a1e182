"""``python -m benchmarks.accuracy``: how often the answer to a task is right, and what it took.

Every task goes through the openai SDK. Without options, to the embedded model: in each dialect of
toolbridge; as ``plain``, a naive prompt; and to llama.cpp's own tool calling with the model's own
template (``native``), and with one other word in it (``native-tag``). With ``--base-url`` to any
server instead: by its own tool calling (``given``) and as ``plain``.

Answers are kept in ``.cache/accuracy.jsonl`` and not asked for twice, so that a run may be broken
off, or made one side at a time. Those of a dialect count as long as the core is what it was;
``--again`` forgets them all. They are judged anew each time. ``--write`` puts the table of the
reported tasks into ``ACCURACY.md``, and the replies that were got wrong into ``wrong.jsonl``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.judge import SPLITS, Call, body_of, tasks
from benchmarks.plain import plain_answer, plain_body
from benchmarks.processes import KEY, ROOT, python, started
from benchmarks.scores import FAILED, Outcome, cases, report
from benchmarks.sections import with_head
from benchmarks.tokens import model_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from openai import OpenAI

    from benchmarks.judge import Task

KEPT = ROOT / ".cache" / "accuracy.jsonl"
WRITTEN = Path(__file__).with_name("ACCURACY.md")
WRONG = Path(__file__).with_name("wrong.jsonl")

DIALECTS = ("fence", "raw", "hermes")
PLAIN, NATIVE, TAGGED, GIVEN = "plain", "native", "native-tag", "given"
SIDES = (*DIALECTS, PLAIN, NATIVE, TAGGED)
TAG = "function_call"
MAX_TOKENS = 500
PATIENCE = 900.0  # seconds, for one answer on a slow machine


@dataclass(frozen=True, slots=True)
class Served:
    """A server that a side asks: its base URL, its key, a model, and its record if it keeps one."""

    url: str
    key: str = KEY
    model: str = "embedded"
    record: Path | None = None


@dataclass(slots=True)
class Servers:
    """Starts what a side needs, and stops what it does not: a model takes a gigabyte."""

    model: str
    stack: ExitStack = field(default_factory=ExitStack)
    running: str = ""
    served: Served | None = None

    def of(self, side: str) -> Served:
        kind = side if side in (NATIVE, TAGGED) else "toolbridge"
        if self.served is None or kind != self.running:
            self.stack.close()
            self.running = kind
            self.served = self.stack.enter_context(self._start(kind))
        return self.served

    @contextmanager
    def _start(self, kind: str) -> Iterator[Served]:
        if kind != "toolbridge":
            tag = [TAG] if kind == TAGGED else []
            with started(python("-m", "benchmarks.native", self.model, *tag)) as server:
                yield Served(server.url)
            return
        with tempfile.TemporaryDirectory() as place:
            record = Path(place, "record.jsonl")
            command = python("-m", "benchmarks.recorded", self.model, str(record))
            with started(command, errors=sys.stderr.fileno()) as server:
                yield Served(server.url, record=record)


def ask(client: OpenAI, side: str, served: Served, task: Task) -> Outcome:
    """One task, once."""
    from openai import APIError

    model = side if side in DIALECTS else DIALECTS[0] if served.record else served.model
    body = body_of(task, f"{model}-thinking" if task.thinking and side in DIALECTS else model)
    if side == PLAIN:
        body = plain_body(body)
    begun = time.perf_counter()
    calls: list[Call] = []
    text, prompt_tokens = "", 0
    try:
        answer = client.chat.completions.create(**body, temperature=0, max_tokens=MAX_TOKENS)
    except APIError as error:
        text = f"{FAILED}{type(error).__name__}: {error.message}"
    else:
        message = answer.choices[0].message
        text, calls = message.content or "", _calls(message)
        prompt_tokens = answer.usage.prompt_tokens if answer.usage else 0
    if side == PLAIN:
        calls, text = plain_answer(text, tools=bool(task.tools))
    seconds = time.perf_counter() - begun
    reported = told(served)
    outcome = Outcome(
        side=side,
        task=task.id,
        kind=task.kind,
        right=False,
        seconds=seconds,
        prompt_tokens=prompt_tokens,
        near_misses=reported.get("near_misses"),
        re_asks=reported.get("re_asks"),
        calls=tuple(calls),
        text=text,
        replies=tuple(reported.get("replies", ())),
        version=version_of(side),
    )
    return outcome.judged(task)


def _calls(message: Any) -> list[Call]:
    calls = message.tool_calls or []
    return [(call.function.name, call.function.arguments) for call in calls]


def told(served: Served) -> dict[str, Any]:
    """What the record says of the latest request."""
    if served.record is None:
        return {}
    for _ in range(100):
        # It is written when the answer has left.
        if served.record.is_file() and (lines := served.record.read_text("utf-8").splitlines()):
            served.record.write_text("")
            record: dict[str, Any] = json.loads(lines[-1])
            return record
        time.sleep(0.02)
    raise RuntimeError("the server wrote no record")


def run(sides: Iterable[str], asked: list[Task], servers: Servers | Served) -> Iterator[Outcome]:
    """Every task on every side, in turn."""
    from openai import OpenAI

    for side in sides:
        for task in asked:
            served = servers if isinstance(servers, Served) else servers.of(side)
            with OpenAI(
                base_url=served.url, api_key=served.key, timeout=PATIENCE, max_retries=0
            ) as client:
                yield ask(client, side, served, task)


@cache
def version_of(side: str) -> str:
    """The core that an answer of that side depends on, as it was when this run began."""
    if side not in DIALECTS:
        return ""
    core = sorted([*ROOT.glob("bridge/*.py"), *ROOT.glob("bridge/dialects/*.py")])
    return hashlib.sha256(b"".join(path.read_bytes() for path in core)).hexdigest()[:16]


def kept(again: bool) -> dict[tuple[str, str], Outcome]:
    """The answers of earlier runs that still count, by side and task."""
    if again or not KEPT.is_file():
        return {}
    by_id = {task.id: task for split in SPLITS for task in tasks(split)}
    versions = {side: version_of(side) for side in (*SIDES, GIVEN)}
    outcomes = (Outcome.of(json.loads(line)) for line in KEPT.read_text("utf-8").splitlines())
    return {
        (outcome.side, outcome.task): outcome.judged(by_id[outcome.task])
        for outcome in outcomes
        if outcome.task in by_id and outcome.version == versions[outcome.side]
    }


def given() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="accuracy", description="Measure accuracy.")
    parser.add_argument("--split", choices=SPLITS, default="reported")
    parser.add_argument("--sides", nargs="+", choices=[*SIDES, GIVEN], metavar="SIDE")
    parser.add_argument("--tasks", nargs="+", metavar="ID", help="some tasks only, by their ids")
    parser.add_argument("--base-url", help="ask this server in place of the embedded model")
    parser.add_argument("--model", default="", help="its model")
    parser.add_argument("--key", default=KEY, help="its key")
    parser.add_argument("--again", action="store_true", help="forget the answers of earlier runs")
    parser.add_argument("--table", action="store_true", help="ask nothing, show what is kept")
    parser.add_argument("--write", action="store_true", help="write ACCURACY.md and wrong.jsonl")
    return parser.parse_args()


def main() -> int:
    options = given()
    sides = options.sides or ((GIVEN, PLAIN) if options.base_url else SIDES)
    asked = [task for task in tasks(options.split) if not options.tasks or task.id in options.tasks]
    # Answers of a server that is named here are not kept: another one may be named next.
    keep = not options.base_url
    outcomes = kept(options.again) if keep else {}
    if not options.table:
        _measure(options, sides, asked, outcomes, keep=keep)
    wanted = {task.id for task in asked}
    found = [
        outcome for (side, id_), outcome in outcomes.items() if side in sides and id_ in wanted
    ]
    text = report(found, sides, options.split)
    print(text)
    if options.write:
        WRITTEN.write_text(with_head(WRITTEN.read_text("utf-8"), text), encoding="utf-8")
        WRONG.write_text(cases(found), encoding="utf-8")
    return 0


def _measure(
    options: argparse.Namespace,
    sides: Iterable[str],
    asked: list[Task],
    outcomes: dict[tuple[str, str], Outcome],
    *,
    keep: bool,
) -> None:
    """Ask what has not been asked yet; ``outcomes`` grows by the answers."""
    path = model_file()
    if options.base_url is None and path is None:
        raise SystemExit("There is no model here: run `make serve` once, or give --base-url.")
    named = Served(options.base_url, options.key, options.model) if options.base_url else None
    servers = Servers(str(path))
    KEPT.parent.mkdir(exist_ok=True)
    with servers.stack:
        for side in sides:
            missing = [task for task in asked if (side, task.id) not in outcomes]
            for outcome in run([side], missing, named or servers):
                outcomes[side, outcome.task] = outcome
                print(outcome.line(), file=sys.stderr, flush=True)
                if keep:
                    with KEPT.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(asdict(outcome), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    raise SystemExit(main())
