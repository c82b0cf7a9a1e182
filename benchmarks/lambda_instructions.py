"""Instructions of a cold start up to its first answer, counted by valgrind: no clock, no noise.

The package that ``sam build`` made is run as Lambda runs it, with its event waiting; what one
answer takes, and the process's end, is in the figure. Needs valgrind.

    python -m benchmarks.lambda_instructions
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from contextlib import ExitStack
from typing import TYPE_CHECKING

from benchmarks.lambda_processes import FakeRuntimeAPI, Place, RuntimeProcess, event, package
from benchmarks.lambda_start import FASTAPI, KEY, compiled_sdk, replied, settings
from tests.fake_ssm import ssm_server
from tests.upstream_thread import upstream

if TYPE_CHECKING:
    from collections.abc import Mapping

COUNTING = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")
BY_POWERTOOLS = {"AWS_USE_FIPS_ENDPOINT": "false"}
"""Of which AWS's client makes something, so that it is asked."""
SNAP_START = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}
SECONDS = 300.0


def counted(output: str) -> float:
    """Millions of instructions."""
    found = re.search(r"Collected : (\d+)", output)
    if found is None:
        raise RuntimeError(output)
    return int(found[1]) / 1e6


def imported(place: Place, modules: str) -> float:
    """A bare Python that imports these."""
    ran = subprocess.run(
        [*COUNTING, package.python(), "-c", f"import {modules}"],
        cwd=place.package,
        env=place.environment({"PYTHONHASHSEED": "0"}),
        check=True,
        capture_output=True,
        text=True,
    )
    return counted(ran.stderr)


def started(place: Place, env: Mapping[str, str], *, restored: bool = True) -> float:
    """A start, its first answer and its end; or only up to the snapshot."""
    command = [*COUNTING, package.python(), "-m", "bridge.aws.runtime"]
    more = {"AWS_LAMBDA_LOG_FORMAT": "JSON", "PYTHONHASHSEED": "0", **env}
    with FakeRuntimeAPI() as api:
        invocation = api.invoke(event("chat_stream"), seconds=SECONDS)
        api.restore_status = 200 if restored else 418
        api.restore()
        with RuntimeProcess(
            api,
            "handler.handler",
            cwd=place.package,
            command=command,
            env=place.environment(more),
        ) as running:
            if restored:
                invocation.wait(SECONDS)
                api.fail_polls(500)
            running.process.wait(SECONDS)
            return counted(running.output)


def tell(what: str, millions: float, least: float | None = None) -> float:
    """Print a line at once: each takes a minute."""
    print(f"{millions:8,.0f} million, {millions / (least or millions):.2f} x  {what}", flush=True)
    return millions


def main() -> int:
    """Count and print."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        ssm = stack.enter_context(ssm_server())
        ssm.put("clients/example", KEY)
        ssm.put("upstreams/default", "sk-the-upstreams-own")
        source = stack.enter_context(upstream(replied))
        place = Place(package.PACKAGE, compiled_sdk(folder))
        keyed, plain = settings(ssm, source.url), settings(None, source.url)
        least = tell("`import fastapi`", imported(place, FASTAPI))
        tell("keys of the environment", started(place, plain), least)
        tell("keys of SSM, one signed request", started(place, keyed), least)
        tell("keys of SSM, through powertools", started(place, {**keyed, **BY_POWERTOOLS}), least)
        frozen = started(place, {**keyed, **SNAP_START}, restored=False)
        whole = started(place, {**keyed, **SNAP_START})
        tell("what SnapStart leaves of it", whole - frozen, least)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
