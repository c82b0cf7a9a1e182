"""``make bench-lambda``: how the package that ``sam build`` made starts, answers and weighs.

It is run as Lambda runs it, by its wrapper, on a bare Python 3.13, against a server that speaks the
Runtime API; keys come from moto's SSM, replies from a scripted upstream over real HTTP. Every start
of a round follows the one before it, so a ratio compares what was measured side by side.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import tempfile
import zipfile
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.cost import of_request
from benchmarks.figures import Limit, Row, Sample, results, sample, table
from benchmarks.lambda_processes import (
    WARM,
    FakeRuntimeAPI,
    Place,
    Start,
    cold,
    event,
    floor,
    healthz,
    imported,
    package,
    peak,
    started,
    warm,
    with_little_cpu,
)
from benchmarks.lambda_report import machine, write_section
from tests.fake_ssm import PATH, SSM, environment, ssm_server
from tests.fake_upstream import Pause, chat, chunk, sse
from tests.upstream_thread import upstream

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.fake_upstream import Answer, Request

KEY = "tb-an-example-key-for-events-only"
FASTAPI = "fastapi"
LIBRARIES = "fastapi, mangum, httpx, aws_lambda_powertools.utilities.parameters"
FAR = 0.1
"""Seconds to an SSM that is far away."""


def settings(ssm: SSM | None, url: str) -> dict[str, str]:
    """The variables as the template sets them; without SSM, a key of the environment."""
    keys = {"TOOLBRIDGE_API_KEYS": KEY}
    if ssm is not None:
        keys = {**environment(ssm.door), "TOOLBRIDGE_KEYS_PATH": PATH}
    return {
        **keys,
        "TOOLBRIDGE_UPSTREAM_KIND": "openai_text",
        "TOOLBRIDGE_UPSTREAM_URL": f"{url}/v1",
        "TOOLBRIDGE_UPSTREAM_MODEL": "their-name",
        "TOOLBRIDGE_MODEL": "claude-sonnet-4.6",
        "TOOLBRIDGE_THINKING": "true",
        "TOOLBRIDGE_DIALECT": "fence",
    }


STARTS_WITH_KEYS = "startup=[keys.start] if isinstance(keys, ParameterKeys) else []"
TAKE_YOUR_TIME = "Take your time."
WAIT = 1.0
"""Seconds that an upstream takes which is told so."""
SLOW = 9
"""Such requests."""
BILLED = f"billed for a chat ({SLOW})"
LATER = "later"
"""The module whose handler leaves the keys to the first request."""


def places(built: Path, folder: Path) -> dict[str, Place]:
    """The package with and without its bytecode, beside an SDK with and without."""
    compiled, source = compiled_sdk(folder), folder / "source"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(built, source, ignore=ignored)
    handler = (built / "handler.py").read_text("utf-8")
    if STARTS_WITH_KEYS not in handler:
        raise RuntimeError("the handler starts in another way now")
    later = folder / "later"
    shutil.copytree(built, later)
    (later / f"{LATER}.py").write_text(handler.replace(STARTS_WITH_KEYS, "startup=[]"), "utf-8")
    sdk_source = folder / "sdk-source"
    shutil.copytree(package.SAM / "runtime", sdk_source, ignore=ignored)
    return {
        "built": Place(built, compiled),
        "sdk source": Place(built, sdk_source),
        "source": Place(source, compiled),
        "later": Place(later, compiled),
    }


def compiled_sdk(folder: str | Path) -> Path:
    """AWS's SDK as Lambda brings it, with bytecode."""
    compiled = Path(folder) / "sdk"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(package.SAM / "runtime", compiled, ignore=ignored)
    subprocess.run(
        [package.python(), "-m", "compileall", "-q", "-j", "0", compiled],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return compiled


def starts(where: Mapping[str, Place], ssm: SSM, url: str, rounds: int) -> dict[str, list[Start]]:
    found: dict[str, list[Start]] = defaultdict(list)
    built, keyed = where["built"], settings(ssm, url)
    for _ in range(rounds + 1):
        found["fastapi"].append(imported(built, FASTAPI))
        found["keys of the environment"].append(cold(built, settings(None, url)))
        found["ssm"].append(cold(built, keyed))
        found["libraries"].append(imported(built, LIBRARIES))
        ssm.door.delay = FAR
        found["ssm far"].append(cold(built, keyed))
        ssm.door.delay = 0.0
        found["sdk source"].append(cold(where["sdk source"], keyed))
        found["source"].append(cold(where["source"], keyed))
    # The first round reads from the disk.
    return {name: values[1:] for name, values in found.items()}


def start_rows(found: Mapping[str, list[Start]]) -> list[Row]:
    def clock(name: str) -> Sample:
        return sample(each.poll for each in found[name])

    def cpu(name: str) -> Sample:
        return sample(each.cpu for each in found[name])

    def byte(name: str) -> Sample:
        return sample(each.byte for each in found[name])

    alone, libraries = "`import fastapi`", "importing the libraries"
    goal = Limit(at_most=1.3)
    plain = "keys of the environment"
    return [
        Row(f"first poll, {plain}", clock(plain), "ms", alone, clock("fastapi"), goal),
        Row(f"first poll, {plain}, CPU", cpu(plain), "ms", alone, cpu("fastapi"), goal),
        Row("first poll, keys of SSM", clock("ssm"), "ms", alone, clock("fastapi"), goal),
        Row("first poll, keys of SSM, CPU", cpu("ssm"), "ms", alone, cpu("fastapi"), goal),
        Row("first poll, keys of SSM", clock("ssm"), "ms", libraries, clock("libraries")),
        Row("first poll, keys of SSM, CPU", cpu("ssm"), "ms", libraries, cpu("libraries")),
        Row(
            f"first poll, SSM {FAR * 1000:.0f} ms away",
            clock("ssm far"),
            "ms",
            "near",
            clock("ssm"),
        ),
        Row("first poll, SDK without bytecode", clock("sdk source"), "ms", "with", clock("ssm")),
        Row("first poll, package without bytecode", clock("source"), "ms", "with", clock("ssm")),
        Row("first byte of the first invocation", byte("ssm"), "ms", "first poll", clock("ssm")),
    ]


def share_row(where: Mapping[str, Place], ssm: SSM, url: str, rounds: int) -> Row:
    """Whether the keys are better read at the start, or by the first request."""
    found: dict[str, list[float]] = defaultdict(list)
    ssm.door.delay = FAR
    for _ in range(rounds + 1):
        for handler in ("handler", LATER):
            env = settings(ssm, url)
            found[handler].append(with_little_cpu(where["later"], env, f"{handler}.handler"))
    ssm.door.delay = 0.0
    at_start, later = (sample(found[handler][1:]) for handler in ("handler", LATER))
    what = "first byte with 256 MB's share of a processor after the start, keys read at the start"
    return Row(what, at_start, "ms", "keys read by the first request", later, Limit(at_most=1))


def warm_rows(place: Place, env: Mapping[str, str]) -> list[Row]:
    with (
        floor(place) as least_api,
        FakeRuntimeAPI() as api,
        started(place, api, env) as running,
    ):
        talk = event("chat_stream")
        last = [api.invoke(talk).wait() for _ in range(10)][-1]
        tenth = sample([(last.chunks[0].at - last.began) * 1000])
        resident = sample([peak(running.process.pid)])
        kinds = {"floor": (least_api, healthz()), "health": (api, healthz()), "chat": (api, talk)}
        found = warm(kinds, WARM)
        slow = warm({"slow": (api, waiting())}, SLOW)["slow"].whole
        api.invoke(large()).wait()
        most = sample([peak(running.process.pid)])
    bare, health, chats = found["floor"], found["health"], found["chat"]
    own, own_chat = health.whole.less(bare.whole), chats.byte
    least = "Runtime API alone"
    under = Limit(at_most=3, of_ratio=False, unit="ms")
    room = Limit(at_most=128, of_ratio=False, unit="MB")
    return [
        Row("first byte of the tenth invocation", tenth, "ms", least, sample([bare.byte.median])),
        Row(f"first byte of a warm chat ({WARM})", own_chat, "ms", least, bare.byte),
        Row(
            f"a warm `/healthz` until the next poll ({WARM})", health.whole, "ms", least, bare.whole
        ),
        Row("the same, over the Runtime API alone", own, "ms", least, bare.whole, under),
        Row(
            f"billed for a chat ({SLOW})",
            slow,
            "ms",
            "its upstream's time",
            sample([1000 * WAIT] * SLOW),
        ),
        Row("peak memory, ten invocations", resident, "MB", "goal", sample([128]), room),
        Row("peak memory, with a request of 5 MB", most, "MB", "goal", sample([128]), room),
    ]


def waiting() -> dict[str, Any]:
    """A chat whose upstream takes its time."""
    asked: dict[str, Any] = event("chat_stream")
    message = {"role": "user", "content": TAKE_YOUR_TIME}
    body = {"model": "claude-sonnet-4.6", "stream": True, "messages": [message]}
    asked["body"] = json.dumps(body)
    return asked


def replied(request: Request) -> Answer:
    """The upstream's answer, in two texts with its time between them if it is to take that."""
    if TAKE_YOUR_TIME not in request.body.decode():
        return chat("Hello", " from", " Lambda.")
    first, second = chunk(content="Hello"), {**chunk(content=" again."), "usage": None}
    return sse(first, Pause(WAIT), second, chunk(finish="stop"))


def large() -> dict[str, Any]:
    """A chat of 5 MB."""
    asked: dict[str, Any] = event("chat")
    message = {"role": "user", "content": "x" * 5_000_000}
    asked["body"] = json.dumps({"model": "claude-sonnet-4.6", "messages": [message]})
    return asked


def priced(rows: Iterable[Row]) -> str:
    """What Lambda asks for a chat, by the time that was measured."""
    billed = next(row.figure.median for row in rows if row.what == BILLED) / 1000
    million = of_request(billed, 256) * 1e6
    return (
        f"A chat whose upstream takes {WAIT:g} s is billed {billed:.3f} s (measured with a whole "
        f"processor, where 256 MB have a seventh): at 256 MB on arm64 "
        f"${million:.2f} a million such requests, the start of an environment not counted."
    )


def zip_row(built: Path) -> Row:
    with tempfile.TemporaryFile() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(built.rglob("*")):
                archive.write(path, path.relative_to(built))
        size = sample([file.tell() / 1e6])
    goal = Limit(at_most=12, of_ratio=False, unit="MB")
    return Row("the zip", size, "MB", "goal", sample([12]), goal)


def imports(place: Place, url: str) -> list[tuple[str, str, str]]:
    """What the imports of a start take by themselves, by top-level package; the ten dearest."""
    code = f"import handler, {LIBRARIES.rpartition(' ')[2]}"
    env = place.environment(settings(None, url))
    command = [package.python(), "-X", "importtime", "-c", code]
    best: dict[str, int] = {}
    for _ in range(5):
        ran = subprocess.run(
            command, cwd=place.package, env=env, check=True, capture_output=True, text=True
        )
        taken: dict[str, int] = defaultdict(int)
        for own, name in re.findall(r"^import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)", ran.stderr, re.M):
            taken[name.partition(".")[0]] += int(own)
        if not best or sum(taken.values()) < sum(best.values()):
            best = taken
    total = sum(best.values())
    ranked = sorted(best.items(), key=lambda item: -item[1])[:10]
    lines = [(f"`{name}`", f"{own / 1000:.1f}", f"{own / total:.0%}") for name, own in ranked]
    return [*lines, ("all", f"{total / 1000:.1f}", "")]


NOTE = """\
The package that `sam build` made, by its wrapper on a bare Python 3.13, against a server that \
speaks the Runtime API, with its event waiting; keys from moto's SSM, replies from a scripted \
upstream over HTTP. A first poll is counted from the start of the process, a baseline's imports \
from the same to their end, with the package's own files. *The libraries* are FastAPI, Mangum, \
httpx and powertools' parameters with boto3. AWS's SDK, which Lambda brings, has bytecode here \
unless said otherwise. Whether Lambda's has was not found out.

The start waits for SSM on purpose: whatever a first request needs is cheapest while Lambda gives \
the start its CPU, and the first byte needs the keys whenever they are read. `/healthz` asks \
neither keys nor upstream: what it takes is the runtime, Mangum, FastAPI and the line in the \
log."""


def main() -> int:
    """Measure, print, and write the section."""
    parser = argparse.ArgumentParser(prog="make bench-lambda", description=__doc__)
    parser.add_argument("--package", type=Path, default=package.PACKAGE)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--no-write", action="store_true", help="only print")
    given = parser.parse_args()
    built = given.package.resolve()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ssm = stack.enter_context(ssm_server())
        ssm.put("clients/example", KEY)
        ssm.put("upstreams/default", "sk-the-upstreams-own")
        source = stack.enter_context(upstream(replied))
        where = places(built, folder)
        rows = start_rows(starts(where, ssm, source.url, given.rounds))
        rows.append(share_row(where, ssm, source.url, given.rounds))
        rows += warm_rows(where["built"], settings(ssm, source.url))
        dear = imports(where["built"], source.url)
    rows.append(zip_row(built))
    shares = table(("package", "ms", "share"), dear)
    parts = [
        NOTE,
        results(rows),
        priced(rows),
        "Where imports spend their own time (`-X importtime`, the best of 5):",
    ]
    text = "\n\n".join([*parts, shares, machine()])
    print(text)
    if not given.no_write:
        write_section("Lambda", text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
