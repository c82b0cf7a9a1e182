"""Every command of the README's chapter on deployment, as far as it goes without an account.

``HOW_FAR`` says how far that is, and what runs it; a command that is not in it fails.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.fake_ssm import PATH, REGION

from .package import ACCOUNT, PACKAGE, ROOT, SAM  # noqa: TID252
from .test_deploy_command import Cloud, cloud, deploy_commands, run  # noqa: F401, TID252
from .test_sam_local import answered, sam_local  # noqa: TID252

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [
    pytest.mark.skipif(not (SAM / "bin" / "sam").exists(), reason="no SAM CLI: make sam-tools"),
    pytest.mark.skipif(not PACKAGE.exists(), reason="nothing is built: make build"),
]

README = (ROOT / "README.md").read_text("utf-8")
CHAPTER = README.partition("\n## Deploy\n")[2].partition("\n## ")[0]
COMMANDS = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```$", CHAPTER, re.M | re.S)
    for line in block.splitlines()
]
AS_FAR = "This is as far as it goes."


def parts(command: str) -> tuple[dict[str, str], list[str]]:
    """The variables set before a command, and its words."""
    words = shlex.split(command)
    assigned = {}
    while re.match(r"[A-Z_]+=", words[0]):
        name, _, assigned[name] = words.pop(0).partition("=")
    return assigned, words


def shell(command: str, cloud: Cloud, answers: str = "") -> str:  # noqa: F811
    environ = {**cloud.environ, "PATH": f"{SAM / 'bin'}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=ROOT,
        env=environ,
        input=answers,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return done.stdout


def dry_run(command: str, _: Cloud) -> None:
    environ = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
    subprocess.run(
        [*shlex.split(command), "--dry-run"], cwd=ROOT, env=environ, capture_output=True, check=True
    )


def up_to_the_container(command: str, _: Cloud) -> None:
    variables, words = parts(command)
    given = sam_local(*words[3:], shell=variables)
    if variables:
        environment = given["environment"]
        assert {name: environment[name] for name in variables} == variables
    else:
        assert answered(given).status == 200


def whole(command: str, cloud: Cloud) -> None:  # noqa: F811
    environ = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
    del cloud
    done = subprocess.run(
        shlex.split(command), cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "data: [DONE]" in done.stdout


def with_moto(command: str, cloud: Cloud) -> None:  # noqa: F811
    command = command.replace("/toolbridge/prod", PATH)
    environ = {**ACCOUNT, "AWS_ENDPOINT_URL": cloud.environ["AWS_ENDPOINT_URL"]}
    environ |= {"PATH": os.environ["PATH"], "AWS_REGION": REGION}
    words = shlex.split(command)
    if "revoke" in words:
        add = [*words[:2], "add", *words[3:]]
        subprocess.run(add, cwd=ROOT, env=environ, capture_output=True, check=False)
    done = subprocess.run(
        words,
        cwd=ROOT,
        env=environ,
        input="sk-theirs\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def up_to_the_change_set(command: str, cloud: Cloud) -> None:  # noqa: F811
    _, _, *arguments = shlex.split(command)
    assert AS_FAR in run(deploy_commands(*arguments, "ANSWERS=no-file-of-anyone"), cloud)


def prebuilt_up_to_the_change_set(command: str, cloud: Cloud) -> None:  # noqa: F811
    built = shell(f".venv/bin/python scripts/lambda_release.py {PACKAGE} dist/lambda", cloud)
    assert "sha256" in built
    assert AS_FAR in shell(command, cloud)


def up_to_the_stack(command: str, cloud: Cloud) -> None:  # noqa: F811
    assert "does not exist" in shell(command, cloud, "y\n" * 4)


def nothing_more(_: str, __: Cloud) -> None:
    """Nothing is left to be run."""


HOW_FAR: dict[str, Callable[[str, Cloud], None]] = {
    r"make install sam-tools": dry_run,  # what this test runs in was made by it
    r"sam build": nothing_more,  # these tests run on what it built
    r"(TOOLBRIDGE_\w+=\S+ )*sam local invoke .*": up_to_the_container,
    r"make invoke .*": whole,
    r"\.venv/bin/toolbridge keys .*": with_moto,
    r"make deploy .*": up_to_the_change_set,
    r"make package": dry_run,  # test_prebuilt runs what it runs
    r"sam deploy .*": prebuilt_up_to_the_change_set,
    r"sam (list|delete) .*": up_to_the_stack,
    r"aws logs tail .*": nothing_more,  # the AWS CLI is none of our tools
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_goes_as_far_as_it_can(command, cloud):  # noqa: F811
    (go,) = (go for pattern, go in HOW_FAR.items() if re.fullmatch(pattern, command))
    go(command, cloud)
