"""What `make package` makes: a zip that deploys with SAM CLI alone."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from .package import PACKAGE, ROOT, SAM, function  # noqa: TID252
from .test_artifact import Reply, event, unzipped  # noqa: TID252
from .test_deploy_command import BUCKET, Cloud, cloud  # noqa: F401, TID252
from .test_sam_local import sam_local  # noqa: TID252

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.skipif(not (SAM / "bin" / "sam").exists(), reason="no SAM CLI: make sam-tools"),
    pytest.mark.skipif(not PACKAGE.exists(), reason="nothing is built: make build"),
]


def released(built: Path, folder: Path) -> str:
    script = ROOT / "scripts" / "lambda_release.py"
    done = subprocess.run(
        [sys.executable, script, built, folder], capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist") / "lambda"
    released(PACKAGE, folder)
    return folder


def test_it_tells_the_hash_and_the_size(release, tmp_path):
    said = released(PACKAGE, tmp_path / "again")
    archive = (release / "toolbridge-lambda.zip").read_bytes()
    digest = hashlib.sha256(archive).hexdigest()
    assert f"{len(archive):,} bytes, for arm64 and x86_64" in said
    assert f"sha256 {digest}" in said
    check = ["sha256sum", "--check", "SHA256SUMS"]
    assert subprocess.run(check, cwd=release, check=False, capture_output=True).returncode == 0


def test_the_same_files_give_the_same_bytes(release, tmp_path):
    copied = tmp_path / "copied"
    shutil.copytree(PACKAGE, copied)
    for path in copied.rglob("*"):
        os.utime(path, (1, 1))
    released(copied, tmp_path / "again")
    name = "toolbridge-lambda.zip"
    assert (tmp_path / "again" / name).read_bytes() == (release / name).read_bytes()


def test_it_runs_as_it_is(release, tmp_path):
    task = tmp_path / "task"
    unzipped(release / "toolbridge-lambda.zip", task)
    shell = sam_local("-e", "events/chat.json")["environment"]
    with function(shell, package=task, streamed=False) as running:
        assert Reply(running.invoke(event("chat")), streamed=False).status == 200


@pytest.mark.parametrize("template", ["template.yaml", "instances.yaml"])
def test_it_deploys_without_a_build(release, cloud: Cloud, template):  # noqa: F811
    more = "Subnets=subnet-0a1b2c3d SecurityGroups=sg-0a1b2c3d" if "inst" in template else ""
    command = [SAM / "bin" / "sam", "deploy", "--template-file", template, "--parameter-overrides"]
    command += shlex.split(f"UpstreamUrl=https://chat.example.com/v1 {more}")
    done = subprocess.run(
        command,
        cwd=release,
        env=cloud.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert "This is as far as it goes." in done.stdout
    archive = (release / "toolbridge-lambda.zip").read_bytes()
    stored = cloud.s3.list_objects_v2(Bucket=BUCKET)["Contents"]
    assert len(archive) in {each["Size"] for each in stored}
    same = [
        each["Key"]
        for each in stored
        if cloud.s3.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read() == archive
    ]
    assert len(same) == 1
