"""The output ``Try``: the command that a deployment gives out answers as it stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .cloudformation import Deployment  # noqa: TID252
from .package import SAM  # noqa: TID252
from .translation import TEMPLATES, translated  # noqa: TID252

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(not (SAM / "bin" / "sam").exists(), reason="no SAM CLI")

NETWORK = {"Subnets": "subnet-0a1b2c3d", "SecurityGroups": "sg-0a1b2c3d"}
OWN = {"UpstreamUrl": "https://chat.example.com/v1", "UpstreamModel": "their/model:1.5b"}
CONFIG = """
[upstreams.demo]
kind = "scripted"
file = "script.toml"
[models."their/model:1.5b"]
[models."a-name"]
"""


@pytest.fixture(scope="module")
def plain() -> dict[str, Any]:
    asked = {name: {"template": text, "lint": False} for name, text in TEMPLATES.items()}
    return {name: found["plain"] for name, found in translated(asked).items()}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Function URL, for which the local server stands."""
    place = tmp_path_factory.mktemp("serve")
    (place / "script.toml").write_text('cycle = true\nreplies = ["Hello from here."]\n', "utf-8")
    (place / "bridge.toml").write_text(CONFIG, "utf-8")
    environ = {name: value for name, value in os.environ.items() if "TOOLBRIDGE" not in name}
    process = subprocess.Popen(
        [Path(sys.executable).with_name("toolbridge"), "serve", "--port", "0"],
        cwd=place,
        env={**environ, "TOOLBRIDGE_API_KEYS": "tb-alice", "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout
    try:
        for line in process.stdout:
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                yield found[0] + "/"
                return
    finally:
        process.terminate()
        process.communicate(timeout=20)


def tried(command: str) -> str:
    environ = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    done = subprocess.run(
        ["sh", "-c", command],
        env={**environ, "KEY": "tb-alice"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize(
    ("given", "model"),
    [(OWN, "their/model:1.5b"), (OWN | {"PublicName": "a-name"}, "a-name")],
)
def test_a_model_that_is_named_is_asked(plain, url, name, given, model):
    if name == "instances.yaml":
        given = given | NETWORK
    outputs = Deployment(plain[name], given).outputs(**{"BridgeUrl.FunctionUrl": url})
    assert outputs["BaseUrl"] == f"{url}v1"
    answer = tried(outputs["Try"])
    assert f'"model":"{model}"' in answer
    assert "Hello from here." in answer
    assert answer.rstrip().endswith("data: [DONE]")


@pytest.mark.parametrize(
    "given", [{"UpstreamKind": "file"}, {"UpstreamUrl": "https://chat.example.com/v1"}]
)
def test_where_none_is_named_the_models_are_listed(plain, url, given):
    outputs = Deployment(plain["template.yaml"], given).outputs(**{"BridgeUrl.FunctionUrl": url})
    assert '"id":"a-name"' in tried(outputs["Try"])


def test_an_api_has_its_stage_in_the_url(plain):
    outputs = Deployment(plain["template.yaml"], OWN | {"Front": "api"}).outputs(Api="abc123")
    base = "https://abc123.execute-api.eu-central-1.amazonaws.com/prod/v1"
    assert outputs["BaseUrl"] == base
    assert outputs["Try"].startswith(f"curl -N {base}/chat/completions ")
