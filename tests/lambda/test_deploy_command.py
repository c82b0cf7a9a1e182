"""``make deploy`` as the README has it, up to where an account is needed.

SAM CLI runs whole: the package goes to moto's S3, and what it asks of CloudFormation comes to a
fake that knows SAM's own bucket and refuses the change set, having read it. What would be made of
these parameters is told by ``Deployment`` from the template that was uploaded.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import boto3
import pytest

from tests.fake_ssm import ssm_server

from .cloudformation import Deployment, Refused  # noqa: TID252
from .package import ACCOUNT, PACKAGE, ROOT, SAM  # noqa: TID252
from .translation import translated  # noqa: TID252

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.skipif(not (SAM / "bin" / "sam").exists(), reason="no SAM CLI: make sam-tools"),
    pytest.mark.skipif(not PACKAGE.exists(), reason="nothing is built: make build"),
]

README = (ROOT / "README.md").read_text("utf-8")
BUCKET = "deploy"
NONE_GIVEN = "ANSWERS=no-file-of-anyone"
MANAGED = f"""<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">
<DescribeStacksResult><Stacks><member>
<StackName>aws-sam-cli-managed-default</StackName><StackStatus>CREATE_COMPLETE</StackStatus>
<CreationTime>2026-01-01T00:00:00Z</CreationTime>
<Tags><member><Key>ManagedStackSource</Key><Value>AwsSamCli</Value></member></Tags>
<Outputs><member><OutputKey>SourceBucket</OutputKey><OutputValue>{BUCKET}</OutputValue></member>
</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>"""
REFUSAL = """<ErrorResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><Error>
<Type>Sender</Type><Code>ValidationError</Code><Message>{}</Message></Error></ErrorResponse>"""


class CloudFormation(ThreadingHTTPServer):
    """Keeps the change sets that it is asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Call)
        self.change_sets: list[dict[str, str]] = []


class Call(BaseHTTPRequestHandler):
    server: CloudFormation

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        asked = dict(parse_qsl(body, keep_blank_values=True))
        if asked["Action"] == "CreateChangeSet":
            self.server.change_sets.append(asked)
            return self.answer(400, REFUSAL.format("This is as far as it goes."))
        if asked.get("StackName") == "aws-sam-cli-managed-default":
            return self.answer(200, MANAGED)
        return self.answer(
            400, REFUSAL.format(f"Stack with id {asked['StackName']} does not exist")
        )

    def answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


class Cloud:
    """S3 and CloudFormation, and the environment that leads there."""

    def __init__(self, storage: str, formation: CloudFormation) -> None:
        self.formation = formation
        self.environ = {
            **ACCOUNT,
            "PATH": os.environ["PATH"],
            "AWS_ENDPOINT_URL": storage,
            "AWS_ENDPOINT_URL_CLOUDFORMATION": f"http://127.0.0.1:{formation.server_port}",
            "SAM_CLI_TELEMETRY": "0",
        }
        self.s3 = boto3.client(
            "s3",
            endpoint_url=storage,
            region_name="eu-central-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        if BUCKET not in {bucket["Name"] for bucket in self.s3.list_buckets()["Buckets"]}:
            self.s3.create_bucket(
                Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
            )

    def asked(self) -> tuple[dict[str, str], Any]:
        """The parameters and the template of the only change set."""
        (change_set,) = self.formation.change_sets
        numbers = [key.split(".")[2] for key in change_set if key.endswith(".ParameterKey")]
        parameters = {
            change_set[f"Parameters.member.{n}.ParameterKey"]: change_set[
                f"Parameters.member.{n}.ParameterValue"
            ]
            for n in numbers
        }
        path = urlsplit(change_set["TemplateURL"]).path
        body = self.s3.get_object(Bucket=BUCKET, Key=path.rpartition("/")[2])["Body"].read()
        found = translated({"it": {"template": body.decode(), "lint": False}})
        return parameters, found["it"]["plain"]


@contextmanager
def clouds() -> Iterator[Cloud]:
    formation = CloudFormation()
    serving = threading.Thread(target=formation.serve_forever, daemon=True)
    serving.start()
    try:
        with ssm_server() as moto:
            cloud = Cloud("http://{}:{}".format(*moto.door.behind), formation)
            yield cloud
            cloud.s3.close()
    finally:
        formation.shutdown()
        formation.server_close()


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with clouds() as found:
        found.environ["HOME"] = str(tmp_path)
        yield found


def deploy_commands(*arguments: str) -> list[str]:
    """The shell commands of ``make deploy`` after the build."""
    environ = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
    done = subprocess.run(
        ["make", "--dry-run", "deploy", *arguments],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    (build,) = (n for n, line in enumerate(lines) if "sam build" in line)
    return lines[build + 1 :]


def run(commands: list[str], cloud: Cloud, answers: str = "") -> str:
    """Run them until the first fails, which is the last one; what they said."""
    said = ""
    for command in commands:
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=ROOT,
            env=cloud.environ,
            input=answers,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        said += done.stdout
    return said


def readme_command() -> str:
    (command,) = re.findall(r"^make deploy ARGS='--parameter-overrides.*$", README, re.M)
    return str(command)


def test_the_readmes_line_asks_nothing(cloud):
    _, _, arguments = shlex.split(readme_command())
    said = run(deploy_commands(arguments, NONE_GIVEN), cloud)
    assert "This is as far as it goes." in said
    assert not re.search(r"\[[yY]/[nN]\]", said)
    parameters, plain = cloud.asked()
    made = Deployment(plain, parameters).resources()
    variables = made["Bridge"]["Environment"]["Variables"]
    assert variables["TOOLBRIDGE_UPSTREAM_URL"] == "https://chat.example.com/v1"
    assert variables["TOOLBRIDGE_UPSTREAM_MODEL"] == "their-model"
    assert made["Bridge"]["Code"]["S3Bucket"] == "a-bucket"
    assert set(made) >= {"BridgeUrl", "Role", "Logs"}
    (change_set,) = cloud.formation.change_sets
    assert change_set["StackName"] == "toolbridge"
    assert change_set["Capabilities.member.1"] == "CAPABILITY_IAM"


def test_an_empty_value_takes_a_leftover_away(cloud):
    arguments = "ARGS=--parameter-overrides UpstreamKind=bedrock UpstreamModel=x "
    commands = deploy_commands(arguments + 'UpstreamUrl=\\"\\"', NONE_GIVEN)
    run(commands, cloud)
    parameters, plain = cloud.asked()
    assert parameters["UpstreamUrl"] == ""
    assert Deployment(plain, parameters).resources()
    with pytest.raises(Refused, match="Bedrock has no UpstreamUrl"):
        Deployment(plain, parameters | {"UpstreamUrl": "https://chat.example.com/v1"})


def test_what_guided_asks_is_kept_in_a_file_that_is_not_the_projects(cloud, tmp_path):
    before = (ROOT / "samconfig.toml").read_text("utf-8")
    mine = tmp_path / "samconfig.local.toml"
    commands = deploy_commands("ARGS=--guided", f"ANSWERS={mine}")
    said = run(commands, cloud, "\n\n\nhttps://mine.example.com/v1\n" + "\n" * 60)
    assert "Saved arguments to config file" in said, said
    assert (ROOT / "samconfig.toml").read_text("utf-8") == before
    assert "https://mine.example.com/v1" in mine.read_text("utf-8")
    assert "build_in_source" in mine.read_text("utf-8")
    # No question comes twice, and none has a default that stops the deployment.
    assert "authentication" not in said
    asked = re.findall(r"Parameter (\w+) \[", said)
    assert len(asked) == len(set(asked))
    # From then on it is what `make deploy` goes by.
    (again,) = deploy_commands(f"ANSWERS={mine}")
    assert str(mine) in again
