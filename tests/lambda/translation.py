"""The templates, as SAM's translator makes CloudFormation of them."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .package import ROOT, SAM  # noqa: TID252

if TYPE_CHECKING:
    from collections.abc import Mapping

TEMPLATES = {name: (ROOT / name).read_text("utf-8") for name in ("template.yaml", "instances.yaml")}
ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "SAM_CLI_TELEMETRY": "0"}


def run(*command: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command in the checkout, with no account and no settings of a user."""
    return subprocess.run(
        command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False, **options
    )


def translated(asked: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What ``lint_template`` finds in each."""
    script = Path(__file__).with_name("lint_template.py")
    done = run(SAM / "bin" / "python", script, input=json.dumps(asked))
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
