"""``sam build && sam local invoke``, as shipped.

SAM CLI's own code makes the environment that its container would get (``run_sam_local``). The built
package then runs with exactly that under Lambda's emulator, which is what the container holds.
Where a Docker engine is, the real command runs as well.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bridge.aws.sam_local import EVENTS_KEY, EVENTS_MODEL
from tests.upstream_thread import upstream

from .emulator import Emulator, find_rie  # noqa: TID252
from .package import ACCOUNT, BUILT, PACKAGE, ROOT, SAM, python  # noqa: TID252
from .test_artifact import Reply, event, replied  # noqa: TID252

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = [
    pytest.mark.skipif(not (SAM / "bin" / "sam").exists(), reason="no SAM CLI: make sam-tools"),
    pytest.mark.skipif(not PACKAGE.exists(), reason="nothing is built: make build"),
]

EVENTS = sorted(path.stem for path in (ROOT / "events").glob("*.json"))
SHELL = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "SAM_CLI_TELEMETRY": "0"}
ON_LAMBDA = {"AWS_SAM_LOCAL": "true", "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/27/[$LATEST]0123abcd"}
README = (ROOT / "README.md").read_text("utf-8")


def sam_local(*options: str | Path, shell: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What ``sam local invoke`` would have started a container with."""
    done = subprocess.run(
        [SAM / "bin" / "python", Path(__file__).with_name("run_sam_local.py"), "invoke", *options],
        cwd=ROOT,
        env={**SHELL, **(shell or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    given: dict[str, Any] = json.loads(done.stdout)
    return given


def container(given: Mapping[str, Any]) -> Emulator:
    """What the container would hold: the emulator, the wrapper before Lambda's own runtime."""
    command: list[str | Path] = [PACKAGE / "stream.sh", python(), "-m", "awslambdaric"]
    image = {"PYTHONPATH": str(SAM / "runtime"), "PYTHONDONTWRITEBYTECODE": "1"}
    return Emulator(
        [*command, given["handler"]], {**image, **given["environment"]}, PACKAGE, find_rie(SAM)
    )


def answered(given: Mapping[str, Any]) -> Reply:
    with container(given) as running:
        return Reply(running.invoke(given["event"]), streamed=False)


def test_a_function_is_found_without_its_name_and_runs_on_this_machine():
    given = sam_local("-e", "events/chat.json")
    assert given["function"] == "Bridge"
    assert Path(given["code"]) == PACKAGE
    assert given["architecture"] == "x86_64"
    assert given["event"] == event("chat")
    assert given["environment"]["AWS_SAM_LOCAL"] == "true"


@pytest.mark.parametrize("name", EVENTS)
def test_every_event_is_answered_without_another_argument(name):
    reply = answered(sam_local("-e", f"events/{name}.json"))
    if name == "bad_key":
        assert reply.status == 401
        return
    assert reply.status == 200
    match name:
        case "models":
            assert {m["id"] for m in reply.json["data"]} == {
                EVENTS_MODEL,
                f"{EVENTS_MODEL}-thinking",
            }
        case "tools":
            (call,) = reply.json["choices"][0]["message"]["tool_calls"]
            assert json.loads(call["function"]["arguments"]) == {"city": "北京"}
        case "thinking":
            assert '"tool_calls"' in reply.body.decode()
        case "chat_stream" | "tool_result":
            assert "This reply is scripted" in reply.text
            assert reply.data[-1] == "[DONE]"
        case _:
            content = reply.json["choices"][0]["message"]["content"]
            assert content.endswith("This reply is scripted: no upstream is configured.")


@pytest.fixture
def model():
    with upstream(replied) as server:
        yield server


def own(url: str) -> dict[str, str]:
    return {
        "TOOLBRIDGE_UPSTREAM_URL": f"{url}/v1",
        "TOOLBRIDGE_UPSTREAM_MODEL": "their-name",
        "TOOLBRIDGE_UPSTREAM_KEY": "sk-mine",
        "TOOLBRIDGE_MODEL": EVENTS_MODEL,
    }


@pytest.mark.parametrize("way", ["parameter-overrides", "env-vars", "shell"])
def test_ones_own_upstream(model, tmp_path, way):
    variables = own(model.url)
    shell, options = None, []
    match way:
        case "parameter-overrides":
            options = [
                "--parameter-overrides",
                f"UpstreamUrl={model.url}/v1 UpstreamModel=their-name PublicName={EVENTS_MODEL}",
            ]
        case "env-vars":
            file = tmp_path / "mine.json"
            file.write_text(json.dumps({"Bridge": variables}), "utf-8")
            options = ["--env-vars", str(file)]
        case "shell":
            shell = variables
    reply = answered(sam_local("-e", "events/chat.json", *options, shell=shell))
    assert reply.status == 200
    assert reply.json["choices"][0]["message"]["content"] == "Hello from Lambda."
    (request,) = model.requests
    assert request.json()["model"] == "their-name"
    key = None if way == "parameter-overrides" else "Bearer sk-mine"
    assert request.headers.get("authorization") == key


def test_ones_own_client_keys_shut_the_events_out(model):
    shell = own(model.url) | {"TOOLBRIDGE_API_KEYS": "another-key"}
    assert answered(sam_local("-e", "events/chat.json", shell=shell)).status == 401


def test_bedrock_is_asked_itself():
    given = sam_local(
        "-e", "events/models.json", "--parameter-overrides", "UpstreamKind=bedrock UpstreamModel=x"
    )
    assert {each["id"] for each in answered(given).json["data"]} == {"x", "x-thinking"}


def lambdas(given: Mapping[str, Any], **more: str) -> Emulator:
    """The package with the same variables of the template, but those that only Lambda sets."""
    bare = {"PYTHONPATH": str(SAM / "runtime"), "PYTHONDONTWRITEBYTECODE": "1"}
    environment = {**bare, **given["environment"], **ACCOUNT, **ON_LAMBDA, **more}
    command: list[str | Path] = [PACKAGE / "stream.sh", python(), "/var/runtime/bootstrap.py"]
    environment["_HANDLER"] = given["handler"]
    return Emulator(command, environment, PACKAGE, find_rie(SAM))


def test_on_lambda_no_script_answers_even_if_told_that_it_is_local():
    with lambdas(sam_local("-e", "events/chat.json")) as running:
        answer = running.invoke(event("chat"))
    assert json.loads(answer.raw)["errorMessage"] == "TOOLBRIDGE_UPSTREAM_URL: is needed"


def test_on_lambda_the_key_of_the_events_lets_nobody_in(model):
    """Not even if it stands in the variables: keys come from SSM alone, which is not there."""
    given = sam_local("-e", "events/chat.json", shell=own(model.url))
    nowhere = {"AWS_ENDPOINT_URL_SSM": "http://127.0.0.1:9", "TOOLBRIDGE_API_KEYS": EVENTS_KEY}
    with lambdas(given, **nowhere) as running:
        reply = Reply(running.invoke(event("chat")), streamed=True)
    assert (reply.status, reply.json["error"]["code"]) == (503, "keys_unavailable")
    assert model.requests == []


@functools.cache
def docker() -> bool:
    """Whether a Docker engine answers."""
    try:
        done = subprocess.run(["docker", "info"], capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


@pytest.mark.skipif(not docker(), reason="no Docker engine answers")
def test_the_real_command_in_docker():
    shell = {**os.environ, "SAM_CLI_TELEMETRY": "0"}
    command = [SAM / "bin" / "sam", "local", "invoke", "-e", "events/chat.json"]
    done = subprocess.run(
        command, cwd=ROOT, env=shell, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["statusCode"] == 200, done.stderr
    assert "This reply is scripted" in answer["body"]


def test_what_is_built_is_one_function():
    assert [path.name for path in BUILT.iterdir() if path.is_dir()] == ["Bridge"]
