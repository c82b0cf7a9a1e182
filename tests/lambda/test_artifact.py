"""What ``sam build`` made, under the emulator: the bytes that Lambda would run.

Bare Python 3.13 with Lambda's SDK, keys from moto's SSM, an upstream over real HTTP, every file of
``events/``; started by the wrapper, and as ``sam local`` does.
"""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
import time
import zipfile
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from bridge.keys import hashed
from tests import fake_bedrock
from tests.fake_ssm import DENIED, PATH, SSM, environment, ssm_server
from tests.fake_upstream import Answer, Hang, Pause, Reset, chat, chunk, sse
from tests.upstream_thread import upstream

from .fake_runtime_api import FakeRuntimeAPI, until  # noqa: TID252
from .package import ACCOUNT, BUILT, PACKAGE, ROOT, SAM, function, runtime  # noqa: TID252

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.fake_upstream import FakeUpstream, Request

    from .emulator import Answer as Raw  # noqa: TID252
    from .emulator import Emulator  # noqa: TID252

pytestmark = pytest.mark.skipif(not PACKAGE.exists(), reason="nothing is built: make build")

KEY, SECRET = "tb-an-example-key-for-events-only", "sk-the-upstreams-own"
MODEL = "claude-sonnet-4.6"
CITY = json.dumps({"city": "北京"}, ensure_ascii=False)


def replied(request: Request) -> Answer:
    """What the upstream's model writes: a call when asked with tools, else words."""
    said = json.dumps(request.json(), ensure_ascii=False)
    last = request.json()["messages"][-1]["content"]
    if "18 °C" in said:
        return chat("It is 18 °C", " in Beijing.")
    if "fail midway" in last:
        return sse(chunk(content="So far"), Reset())
    if "hang" in last:
        return sse(chunk(content="So far"), Hang())
    if "slowly" in last:
        steps = [step for n in range(10) for step in (Pause(0.1), chunk(content=f"word{n} "))]
        return sse(*steps, chunk(finish="stop"))
    if "get_weather" not in said:
        return chat("Hello", " from", " Lambda.")
    thought = "<think>A secret thought.</think>" if "think" in said else ""
    opening = re.search(r"```tool_call [a-z]+[ -][a-z]+", said)
    call = f'{{"name": "get_weather", "arguments": {CITY}}}'
    return chat(thought, opening[0] if opening else "```tool_call", "\n", call, "\n```")


def event(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "events" / f"{name}.json").read_text("utf-8"))
    return found


def asking(text: str, *, stream: bool = True, **more: Any) -> dict[str, Any]:
    body = {"model": MODEL, "stream": stream, "messages": [{"role": "user", "content": text}]}
    return event("chat") | {"body": json.dumps(body | more)}


@pytest.fixture(scope="module")
def ssm():
    with ssm_server() as server:
        yield server


@pytest.fixture
def keys(ssm: SSM):
    ssm.clear()
    ssm.put("clients/example", hashed(KEY))
    ssm.put("clients/other", "tb-some-other-client")
    ssm.put("upstreams/default", SECRET)
    ssm.door.answer = None
    return ssm


@pytest.fixture
def model():
    with upstream(replied) as server:
        yield server


def settings(keys: SSM, model: FakeUpstream | None = None, **more: str) -> dict[str, str]:
    """The variables as the template sets them."""
    found = {
        **environment(keys.door),
        "TOOLBRIDGE_KEYS_PATH": PATH,
        "TOOLBRIDGE_KEYS_TTL": "60",
        "TOOLBRIDGE_UPSTREAM_KIND": "openai_text",
        "TOOLBRIDGE_UPSTREAM_URL": "" if model is None else f"{model.url}/v1",
        "TOOLBRIDGE_UPSTREAM_MODEL": "their-name",
        "TOOLBRIDGE_MODEL": MODEL,
        "TOOLBRIDGE_THINKING": "true",
        "TOOLBRIDGE_DIALECT": "fence",
        "TOOLBRIDGE_ALTERNATION": "true",
        "POWERTOOLS_METRICS_DISABLED": "false",
    }
    return found | more


class Reply:
    """An answer as a client sees it, whichever way it came."""

    def __init__(self, answer: Raw, *, streamed: bool) -> None:
        assert answer.streamed == streamed, answer.raw
        if streamed:
            self.head, self.body = answer.prelude, answer.body
        else:
            self.head = json.loads(answer.raw)
            body = self.head["body"]
            encoded = self.head["isBase64Encoded"]
            self.body = base64.b64decode(body) if encoded else body.encode()
        self.status = self.head["statusCode"]
        self.headers: Mapping[str, str] = self.head["headers"]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def data(self) -> list[str]:
        events = self.body.decode().split("\n\n")
        return [each.removeprefix("data: ") for each in events if each.startswith("data: ")]

    @property
    def chunks(self) -> list[dict[str, Any]]:
        return [json.loads(each) for each in self.data if each != "[DONE]"]

    @property
    def text(self) -> str:
        deltas = [each["choices"][0]["delta"] for each in self.chunks if each.get("choices")]
        return "".join(delta.get("content") or "" for delta in deltas)


def lines(running: Emulator) -> list[dict[str, Any]]:
    """The JSON lines that tell of requests."""
    found = re.findall(r'^\{.*"message":"request".*\}$', running.output, re.M)
    return [json.loads(each) for each in found]


@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "sam local"])
def test_every_event_is_answered(keys: SSM, model: FakeUpstream, streamed: bool) -> None:
    env = settings(keys, model)
    if not streamed:
        # There keys are the environment's.
        env |= {"TOOLBRIDGE_API_KEYS": KEY, "TOOLBRIDGE_UPSTREAM_KEY": SECRET}
    with function(env, streamed=streamed) as running:

        def reply(name: str) -> Reply:
            return Reply(running.invoke(event(name)), streamed=streamed)

        for name in ("chat", "base64"):
            answer = reply(name)
            assert answer.status == 200
            assert answer.json["choices"][0]["message"]["content"] == "Hello from Lambda."
            assert answer.json["model"] == MODEL

        answer = reply("chat_stream")
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.text == "Hello from Lambda."
        assert answer.chunks[-1]["usage"]["total_tokens"] > 0
        assert answer.data[-1] == "[DONE]"

        (choice,) = reply("tools").json["choices"]
        (call,) = choice["message"]["tool_calls"]
        assert choice["finish_reason"] == "tool_calls"
        assert call["function"]["name"] == "get_weather"
        assert json.loads(call["function"]["arguments"]) == {"city": "北京"}

        assert reply("tool_result").text == "It is 18 °C in Beijing."

        answer = reply("thinking")
        assert answer.data[-1] == "[DONE]"
        assert "secret thought" not in answer.body.decode()
        assert "get_weather" in answer.body.decode()

        assert {each["id"] for each in reply("models").json["data"]} == {
            MODEL,
            f"{MODEL}-thinking",
        }

        answer = reply("bad_key")
        assert (answer.status, answer.json["error"]["code"]) == (401, "invalid_api_key")

        assert {each.headers["authorization"] for each in model.requests} == {f"Bearer {SECRET}"}
        assert {each.json()["model"] for each in model.requests} == {"their-name"}
        # All of it over one connection, and nothing secret or said in the log.
        assert model.connections == 1
        for secret in (KEY, SECRET, "Say hello", "Hello from", "北京"):
            assert secret not in running.output


def test_one_line_a_request(keys: SSM, model: FakeUpstream) -> None:
    with function(settings(keys, model)) as running:
        answers = [Reply(running.invoke(event("chat")), streamed=True) for _ in range(2)]
        refused = Reply(running.invoke(event("bad_key")), streamed=True)
        first, second, third = lines(running)
    assert first["request_id"] == answers[0].headers["x-request-id"]
    assert (first["client"], first["model"], first["status"]) == ("example", MODEL, 200)
    assert (first["cold_start"], second["cold_start"]) == (True, False)
    assert 0 < first["first_text"] <= first["total"]
    assert first["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "toolbridge"
    assert (third["request_id"], third["status"]) == (refused.headers["x-request-id"], 401)
    assert "client" not in third


def test_request_ids_are_lambdas(keys: SSM, model: FakeUpstream) -> None:
    with FakeRuntimeAPI() as api, runtime(api, settings(keys, model)):
        invocation = api.invoke(event("chat")).wait()
        assert invocation.prelude["headers"]["x-request-id"] == invocation.id


def test_each_piece_arrives_when_the_model_writes_it(keys: SSM, model: FakeUpstream) -> None:
    with FakeRuntimeAPI() as api, runtime(api, settings(keys, model)):
        api.invoke(event("chat")).wait()
        invocation = api.invoke(asking("Count slowly.")).wait()
        times = [at for at, data in invocation.chunks if b"word" in data]
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert len(times) == 10
        assert all(0.03 < gap < 0.3 for gap in gaps), gaps
        assert 0.7 < times[-1] - times[0] < 1.3
        assert model.connections == 1


def test_sixty_four_streams_in_one_process(keys: SSM, model: FakeUpstream) -> None:
    env = settings(keys, model, AWS_LAMBDA_MAX_CONCURRENCY="64")
    with FakeRuntimeAPI() as api, runtime(api, env):
        api.invoke(event("chat")).wait()
        invocations = [api.invoke(asking("Count slowly.")) for _ in range(64)]
        began = time.monotonic()
        answers = [each.wait() for each in invocations]
        took = time.monotonic() - began
    for answer in answers:
        assert answer.prelude["headers"]["x-request-id"] == answer.id
        deltas = [
            json.loads(line[6:])["choices"][0]["delta"].get("content") or ""
            for line in answer.body.decode().splitlines()
            if line.startswith("data: {") and '"choices":[{' in line
        ]
        assert "".join(deltas) == "".join(f"word{n} " for n in range(10))
    # One takes a second, all one after the other a minute.
    assert took < 5


@pytest.mark.parametrize("count", [1, 8])
def test_streams_that_lambda_ends_say_so(keys: SSM, model: FakeUpstream, count: int) -> None:
    env = settings(keys, model, AWS_LAMBDA_MAX_CONCURRENCY=str(count))
    with FakeRuntimeAPI() as api, runtime(api, env) as running:
        answers = [api.invoke(asking("Please hang.")) for _ in range(count)]
        until(lambda: all(b"So far" in answer.raw for answer in answers))
        running.process.send_signal(signal.SIGTERM)
        for answer in answers:
            events = answer.wait().body.decode().split("\n\n")
            last = [each for each in events if each.startswith("data: ")][-1]
            assert json.loads(last.removeprefix("data: "))["error"]["code"] == "out_of_time"
            assert answer.whole
        assert running.process.wait(20) == 0
        told = re.findall(r'"error": ?"(\w+)"', running.output)
        assert told == ["cancelled"] * count


def test_a_key_that_is_revoked_or_added_between_two_invocations(
    keys: SSM, model: FakeUpstream
) -> None:
    with function(settings(keys, model, TOOLBRIDGE_KEYS_TTL="1")) as running:
        assert Reply(running.invoke(event("chat")), streamed=True).status == 200
        keys.delete("clients/example")
        time.sleep(1.1)
        assert Reply(running.invoke(event("chat")), streamed=True).status == 401
        keys.put("clients/again", KEY)
        time.sleep(1.1)
        assert Reply(running.invoke(event("chat")), streamed=True).status == 200


def test_ssm_that_is_throttled_then_back(keys: SSM, model: FakeUpstream) -> None:
    with function(settings(keys, model, TOOLBRIDGE_KEYS_TTL="1")) as running:
        assert Reply(running.invoke(event("chat")), streamed=True).status == 200
        keys.door.answer = DENIED
        time.sleep(1.1)
        assert Reply(running.invoke(event("chat")), streamed=True).status == 200
        assert "keys not read" in running.output
        keys.door.answer = None


def test_without_keys_nobody_is_let_in(keys: SSM, model: FakeUpstream) -> None:
    keys.door.answer = DENIED
    with function(settings(keys, model)) as running:
        refused = Reply(running.invoke(event("chat")), streamed=True)
        assert (refused.status, refused.json["error"]["code"]) == (503, "keys_unavailable")
        assert int(refused.headers["retry-after"]) >= 1
        keys.door.answer = None
        time.sleep(1.1)
        assert Reply(running.invoke(event("chat")), streamed=True).status == 200


def test_an_upstream_that_dies_midway(keys: SSM, model: FakeUpstream) -> None:
    with function(settings(keys, model)) as running:
        reply = Reply(running.invoke(asking("Please fail midway.")), streamed=True)
        assert reply.status == 200
        assert reply.text == "So far"
        assert reply.chunks[-1]["error"]["code"] == "upstream_cut"
        assert "[DONE]" not in reply.data
        assert Reply(running.invoke(event("chat")), streamed=True).status == 200


def test_an_upstream_that_is_silent_past_the_deadline(keys: SSM, model: FakeUpstream) -> None:
    with function(settings(keys, model), seconds=8) as running:
        assert Reply(running.invoke(event("chat")), streamed=True).status == 200
        began = time.monotonic()
        reply = Reply(running.invoke(asking("Please hang.")), streamed=True)
        assert time.monotonic() - began < 8
        assert reply.text == "So far"
        assert reply.chunks[-1]["error"]["code"] == "out_of_time"
        assert "[DONE]" not in reply.data
        assert Reply(running.invoke(event("chat")), streamed=True).status == 200


def test_a_request_of_five_megabytes(keys: SSM, model: FakeUpstream) -> None:
    text = "x" * 5_000_000
    with function(settings(keys, model)) as running:
        reply = Reply(running.invoke(asking(text, stream=False)), streamed=True)
    assert reply.json["choices"][0]["message"]["content"] == "Hello from Lambda."
    assert text in model.requests[-1].body.decode()


def test_bedrock_by_the_sdk_that_lambda_brings(keys: SSM) -> None:
    with fake_bedrock.bedrock_server() as bedrock:
        bedrock.script = lambda exchange: exchange.stream(
            fake_bedrock.text("Hello "),
            fake_bedrock.text("from Bedrock."),
            fake_bedrock.stop(),
            fake_bedrock.usage(11, 4),
        )
        env = settings(
            keys,
            TOOLBRIDGE_UPSTREAM_KIND="bedrock",
            TOOLBRIDGE_UPSTREAM_MODEL="eu.amazon.nova-lite-v1:0",
            TOOLBRIDGE_ALTERNATION="",
            AWS_ENDPOINT_URL_BEDROCK_RUNTIME=bedrock.url,
        )
        with function(env) as running:
            reply = Reply(running.invoke(event("chat_stream")), streamed=True)
    assert reply.text == "Hello from Bedrock."
    assert reply.chunks[-1]["usage"]["total_tokens"] == 15
    assert reply.data[-1] == "[DONE]"


def test_a_configuration_that_is_wrong_fails_the_start_in_words(keys: SSM) -> None:
    with function(settings(keys, TOOLBRIDGE_UPSTREAM_URL="chat.example.com")) as running:
        answer = running.invoke(event("chat"))
    assert not answer.streamed
    assert "TOOLBRIDGE_UPSTREAM_URL" in json.loads(answer.raw)["errorMessage"]


def test_the_package_holds_what_runs_and_no_more() -> None:
    files = {str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*") if path.is_file()}
    top = {name.partition("/")[0] for name in files}
    assert {"handler.py", "stream.sh", "bridge"} <= top
    assert not top & {"tests", "events", "benchmarks", "boto3", "bin", ".venv", "pyproject.toml"}
    assert not [name for name in files if "/tests/" in name or "llama" in name]
    assert not files & {"bridge/cli.py", "bridge/aws/keys_command.py"}
    assert os.access(PACKAGE / "stream.sh", os.X_OK)
    sources = {name for name in files if name.endswith(".py")}
    compiled = {re.sub(r"__pycache__/(.*)\.cpython-313\.pyc$", r"\1.py", name) for name in files}
    assert sources <= compiled
    native = [name for name in files if name.endswith(".so")]
    assert {re.search(r"cpython-313-(\w+)-linux", name)[1] for name in native} == {
        "x86_64",
        "aarch64",
    }


def test_the_zip_that_is_uploaded(keys: SSM, model: FakeUpstream, tmp_path: Path) -> None:
    s3 = {"AWS_ENDPOINT_URL": "http://{}:{}".format(*keys.door.behind), **ACCOUNT}
    bucket = boto3.client(
        "s3",
        endpoint_url=s3["AWS_ENDPOINT_URL"],
        region_name="eu-central-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    bucket.create_bucket(
        Bucket="deploy", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    command: list[str | Path] = [SAM / "bin" / "sam", "package", "--s3-bucket", "deploy"]
    command += ["--template-file", BUILT / "template.yaml"]
    command += ["--output-template-file", tmp_path / "packaged.yaml"]
    env = {**s3, "PATH": os.environ["PATH"], "HOME": str(tmp_path), "SAM_CLI_TELEMETRY": "0"}
    subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True)
    packaged = (tmp_path / "packaged.yaml").read_text("utf-8")
    found = re.search(r"^  Bridge:\n.*?CodeUri: s3://deploy/(\w+)", packaged, re.M | re.S)
    assert found, packaged
    archive = tmp_path / "function.zip"
    bucket.download_file("deploy", found[1], str(archive))
    bucket.close()
    assert archive.stat().st_size < 12_000_000
    unzipped(archive, tmp_path / "task")
    with function(settings(keys, model), package=tmp_path / "task") as running:
        reply = Reply(running.invoke(event("chat_stream")), streamed=True)
    assert reply.text == "Hello from Lambda."


def unzipped(archive: Path, folder: Path) -> None:
    """Unzip as Lambda does: with the files' modes, and nothing to be written to."""
    with zipfile.ZipFile(archive) as opened:
        for entry in opened.infolist():
            made = opened.extract(entry, folder)
            os.chmod(made, (entry.external_attr >> 16) & 0o555 or 0o755)  # noqa: PTH101
