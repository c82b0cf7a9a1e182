"""What `sam build` does with a bridge.toml, and what a deployment says that finds none."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from bridge.server.settings import read_settings

from .package import PACKAGE, ROOT, function  # noqa: TID252
from .test_artifact import event  # noqa: TID252

if TYPE_CHECKING:
    from pathlib import Path

ENVIRONMENT = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
GOOD = '[upstreams.house]\nurl = "https://chat.example.com/v1"\n[models.a-name]\n'


def make(*arguments: str) -> str:
    """What ``make`` would run, or says when it is refused."""
    done = subprocess.run(
        ["make", "--dry-run", *arguments],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.replace("\\\n", " ")


def packaged(text: str, folder: Path) -> tuple[str, bool]:
    """What the build says of such a file, and whether it is in the package."""
    file, package = folder / "mine.toml", folder / "package"
    file.write_text(text, "utf-8")
    package.mkdir()
    recipe = make("build-Bridge", f"CONFIG={file}", f"ARTIFACTS_DIR={package}")
    lines = [line for line in recipe.splitlines() if str(file) in line]
    said = ""
    for line in lines:
        done = subprocess.run(
            ["sh", "-c", line], cwd=ROOT, capture_output=True, text=True, check=True
        )
        said += done.stdout
    return said, (package / "bridge.toml").exists()


def test_the_shipped_file_configures_nothing_and_stays_here(tmp_path):
    assert packaged((ROOT / "bridge.toml").read_text("utf-8"), tmp_path) == ("", False)


def test_one_that_can_run_on_lambda_goes_along(tmp_path):
    assert packaged(GOOD, tmp_path) == ("", True)
    assert (tmp_path / "package" / "bridge.toml").read_text("utf-8") == GOOD


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(
            '[upstreams.here]\nkind = "llama"\n[models."*"]\n',
            "upstreams.here.kind: the embedded model does not run on Lambda",
            id="made-for-make-serve",
        ),
        pytest.param(
            '[upstreams.play]\nkind = "scripted"\nfile = "x.toml"\n[models.m]\n',
            "upstreams.play.kind: a script of replies",
            id="scripted",
        ),
        pytest.param("[upstreams.x]\nurl = 'x'\n[models.m]\n", "upstreams.x.url", id="no-url"),
        pytest.param(GOOD + 'dialekt = "raw"\n', "did you mean 'dialect'?", id="unknown-key"),
        pytest.param('[upstreams.house]\nurl = "https://x/v1"\n', "no model to serve", id="none"),
        pytest.param("[upstreams", "mine.toml", id="no-toml"),
        pytest.param("[limits]\ntools = 4\n", "embedded model does not run", id="limits-alone"),
    ],
)
def test_any_other_stays_here_and_the_build_says_why(tmp_path, text, words):
    said, there = packaged(text, tmp_path)
    assert words in said
    assert "The package is made without it." in said
    assert not there


def test_make_deploy_refuses_a_file_that_is_not_in_the_package(tmp_path):
    commands = make(
        "deploy",
        "ARGS=--parameter-overrides UpstreamKind=file",
        f"PACKAGE={tmp_path}",
        "-o",
        "build",
    ).splitlines()
    (guard,) = (line for line in commands if "bridge.toml" in line)

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(["sh", "-c", guard], capture_output=True, text=True, check=False)

    refused = run()
    assert refused.returncode == 1
    assert "UpstreamKind=file needs upstreams and models in a bridge.toml" in refused.stderr
    (tmp_path / "bridge.toml").write_text(GOOD, "utf-8")
    assert run().returncode == 0


def test_other_kinds_are_not_asked_for_it(tmp_path):
    overrides = "ARGS=--parameter-overrides UpstreamUrl=https://x/v1"
    assert "bridge.toml" not in make("deploy", overrides, f"PACKAGE={tmp_path}", "-o", "build")


def test_a_file_that_lies_there_is_read_only_if_it_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bridge.toml").write_text(GOOD + '[models."*"]\nupstream = "house"\n', "utf-8")
    environ = {"TOOLBRIDGE_UPSTREAM_URL": "https://y/v1", "TOOLBRIDGE_MODEL": "mine"}
    names = {model.id for model in read_settings(environ, default_file=None).models}
    assert names == {"mine"}
    assert {model.id for model in read_settings(environ).models} == {"mine", "a-name", "*"}


@pytest.mark.skipif(not PACKAGE.exists(), reason="nothing is built: make build")
@pytest.mark.parametrize(
    ("variables", "words"),
    [
        pytest.param({"TOOLBRIDGE_CONFIG": "bridge.toml"}, "bridge.toml: No such file", id="file"),
        pytest.param({}, "the embedded model does not run on Lambda", id="nothing"),
    ],
)
def test_a_start_that_must_fail_says_why(variables, words):
    with function({"TOOLBRIDGE_API_KEYS": "tb-alice", **variables}) as running:
        assert words in running.invoke(event("chat")).raw.decode()
