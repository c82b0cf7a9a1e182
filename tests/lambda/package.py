"""The package that ``sam build`` made, run as Lambda runs it: bare Python 3.13 and its SDK."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from .emulator import Emulator, find_rie  # noqa: TID252
from .runtime_process import RuntimeProcess  # noqa: TID252

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .fake_runtime_api import FakeRuntimeAPI  # noqa: TID252

ROOT = Path(__file__).parents[2]
BUILT = ROOT / ".aws-sam" / "build"
PACKAGE = BUILT / "Bridge"
SAM = ROOT / os.environ.get("TOOLBRIDGE_SAM", ".sam")
"""The environment that has SAM CLI, and in ``runtime`` what Lambda brings beside a package."""

ACCOUNT = {
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@cache
def python() -> str:
    """An interpreter of Lambda's version; raises ``CalledProcessError``."""
    found = subprocess.run(
        [ROOT / "scripts" / "find-python", "3.13"], check=True, capture_output=True, text=True
    )
    return found.stdout.strip()


def runtime(
    api: FakeRuntimeAPI, env: Mapping[str, str], *, package: Path = PACKAGE
) -> RuntimeProcess:
    """The package by its wrapper, against a Runtime API that says when each chunk came."""
    bare = {"PYTHONPATH": str(SAM / "runtime"), "PYTHONDONTWRITEBYTECODE": "1"}
    return RuntimeProcess(
        api,
        "handler.handler",
        cwd=package,
        command=[str(package / "stream.sh"), python(), "/var/runtime/bootstrap.py"],
        env={**bare, **ACCOUNT, **env},
    )


def function(
    env: Mapping[str, str], *, package: Path = PACKAGE, streamed: bool = True, seconds: int = 30
) -> Emulator:
    """The package under the emulator: by its wrapper, or as ``sam local`` starts it."""
    start = ["/var/runtime/bootstrap.py"] if streamed else ["-m", "awslambdaric", "handler.handler"]
    lambdas = {
        "_HANDLER": "handler.handler",
        "AWS_LAMBDA_EXEC_WRAPPER": "/var/task/stream.sh",
        "AWS_LAMBDA_FUNCTION_NAME": "Bridge",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(seconds),
        "AWS_LAMBDA_LOG_FORMAT": "JSON",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        # As on /var/task, nothing is written beside the code.
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "PYTHONPATH": str(SAM / "runtime"),
    }
    if not streamed:
        lambdas |= {"AWS_SAM_LOCAL": "true", "AWS_LAMBDA_LOG_STREAM_NAME": "$LATEST"}
    command: list[str | Path] = [package / "stream.sh", python(), *start]
    return Emulator(command, {**lambdas, **ACCOUNT, **env}, package, find_rie(SAM))
