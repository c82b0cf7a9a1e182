"""A start that is frozen, and two environments that are copies of it."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any

import pytest

from bridge.keys import hashed
from tests.fake_ssm import PATH, SSM, environment, ssm_server
from tests.fake_upstream import FakeUpstream, chat
from tests.upstream_thread import upstream

from .fake_runtime_api import FakeRuntimeAPI, until  # noqa: TID252
from .runtime_process import RuntimeProcess, event  # noqa: TID252

if TYPE_CHECKING:
    from pathlib import Path

    from .fake_runtime_api import Invocation  # noqa: TID252

ALICE, BOB = "tb-alice-0123456789", "tb-bob-0123456789"
SNAP_START = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}

# A fork shares its parent's epoll; select has nothing to share.
SELECTING = """
import asyncio, selectors, sys
class Policy(asyncio.DefaultEventLoopPolicy):
    def new_event_loop(self):
        return asyncio.SelectorEventLoop(selectors.SelectSelector())
asyncio.set_event_loop_policy(Policy())
from bridge.aws.runtime.__main__ import main
main()
"""


@pytest.fixture(scope="module")
def ssm():
    with ssm_server() as server:
        yield server


@pytest.fixture
def model():
    call = '```tool_call\n{"name": "f", "arguments": {}}\n```'
    with upstream(lambda _: chat(call)) as server:
        yield server


def asked(key: str) -> dict[str, Any]:
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    message = {"role": "user", "content": "Call it."}
    body = json.dumps({"model": "m", "messages": [message], "tools": [tool]})
    made = event("/v1/chat/completions", method="POST", body=body)
    headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
    return made | {"headers": {**made["headers"], **headers}}


def settings(ssm: SSM, model: FakeUpstream) -> dict[str, str]:
    return {
        **SNAP_START,
        **environment(ssm.door),
        "TOOLBRIDGE_KEYS_PATH": PATH,
        "TOOLBRIDGE_UPSTREAM_URL": f"{model.url}/v1",
        "TOOLBRIDGE_MODEL": "m",
    }


def keyed(ssm: SSM, name: str, key: str) -> None:
    ssm.clear()
    ssm.put(f"clients/{name}", hashed(key))
    ssm.put("upstreams/default", "sk-upstream-0123456789")


def test_two_copies_share_no_id_no_key_and_no_connection(
    api: FakeRuntimeAPI, ssm: SSM, model: FakeUpstream
) -> None:
    keyed(ssm, "alice", ALICE)
    ssm.door.calls = 0
    env = settings(ssm, model)
    command = [sys.executable, "-c", SELECTING]
    with RuntimeProcess(api, "cloned.handler", command=command, env=env) as runtime:
        until(lambda: api.frozen == 2)
        assert ssm.door.calls == 1
        assert api.polls == []
        # Long after: another client, and whoever was let in then is not let in now.
        keyed(ssm, "bob", BOB)
        api.restore()
        until(lambda: api.waiting == 2)
        assert ssm.door.calls == 3
        assert model.connections == 0
        refused = [api.invoke(asked(ALICE)) for _ in range(2)]
        assert [each.wait().prelude["statusCode"] for each in refused] == [401] * 2
        until(lambda: api.waiting == 2)
        answers = [api.invoke(asked(BOB)) for _ in range(10)]
        told = [each.wait().json for each in answers]
        until(lambda: api.waiting == 2)
        output = runtime.output
        api.fail_polls(500)
    ids = [each["id"] for each in told]
    calls = [each["choices"][0]["message"]["tool_calls"][0]["id"] for each in told]
    assert len({*ids, *calls}) == 20
    restored = re.findall(r"^restored (\S+) (\S+)$", output, re.M)
    assert len(restored) == 2
    for one, other in zip(*restored, strict=True):
        assert one != other
    # Both have answered, each over a connection of its own; each first one waited for its restore.
    assert model.connections == 2
    assert output.count('"cold_start":true') == 2


def an_app(folder: Path, hooks: str) -> None:
    (folder / "app.py").write_text(
        "import asyncio, sys\n"
        "from mangum import Mangum\n"
        "from starlette.applications import Starlette\n"
        "from bridge.aws.runtime import snapstart\n"
        f"{hooks}\n"
        "handler = Mangum(Starlette())\n"
    )


def started(api: FakeRuntimeAPI, folder: Path, hooks: str) -> RuntimeProcess:
    an_app(folder, hooks)
    return RuntimeProcess(api, "app.handler", cwd=folder, env=SNAP_START)


HOOKS = """
def say(what):
    return lambda: print(what, flush=True)
async def later():
    await asyncio.sleep(0)
    print("later", flush=True)
snapstart.before_snapshot += [say("first before"), say("last before")]
snapstart.after_restore += [later, say("last after")]
"""


def test_hooks_run_in_the_order_of_awss_runtimes(api: FakeRuntimeAPI, tmp_path: Path) -> None:
    with started(api, tmp_path, HOOKS) as runtime:
        until(lambda: api.frozen == 1)
        assert runtime.output.split("\n") == ["last before", "first before", ""]
        api.restore()
        assert api.invoke(event("/")).wait().prelude["statusCode"] == 404
        assert runtime.output.split("\n")[2:4] == ["later", "last after"]


THEIRS = """
import types
theirs = types.ModuleType("snapshot_restore_py")
theirs.get_before_snapshot = lambda: [(print, ("their before",), {"flush": True})]
theirs.get_after_restore = lambda: [(print, ("their after",), {"flush": True})]
sys.modules["snapshot_restore_py"] = theirs
"""


def test_hooks_given_to_awss_module_are_run_too(api: FakeRuntimeAPI, tmp_path: Path) -> None:
    with started(api, tmp_path, THEIRS) as runtime:
        api.restore()
        api.invoke(event("/")).wait()
        assert runtime.output.split("\n")[:2] == ["their before", "their after"]


@pytest.mark.parametrize(
    ("hooks", "status", "kind"),
    [
        pytest.param(
            "snapstart.before_snapshot.append(lambda: 1 / 0)",
            64,
            "Runtime.BeforeSnapshotError",
            id="before",
        ),
        pytest.param(
            "snapstart.after_restore.append(lambda: 1 / 0)",
            65,
            "Runtime.AfterRestoreError",
            id="after",
        ),
        pytest.param(
            "snapstart.RESTORE_SECONDS = 0.1\n"
            "snapstart.after_restore.append(lambda: asyncio.sleep(60))",
            65,
            "Runtime.AfterRestoreError",
            id="longer than Lambda gives it",
        ),
    ],
)
def test_a_hook_that_fails_ends_the_process_as_awss_runtimes_do(
    api: FakeRuntimeAPI, tmp_path: Path, hooks: str, status: int, kind: str
) -> None:
    with started(api, tmp_path, hooks) as runtime:
        api.restore()
        assert runtime.process.wait(20) == status
    ((headers, fault),) = api.init_errors + api.restore_errors
    assert (fault["errorType"], headers["lambda-runtime-function-error-type"]) == (kind, kind)
    assert bool(api.restore_errors) == (status == 65)
    assert api.polls == []


def test_a_start_that_is_no_snapshot_asks_for_no_restore(api: FakeRuntimeAPI) -> None:
    with RuntimeProcess(api, env={"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"}):
        api.invoke(event("/echo")).wait()
        assert api.frozen == 0


def test_keys_that_cannot_be_read_after_a_restore_are_waited_for_by_the_first_request(
    api: FakeRuntimeAPI, ssm: SSM, model: FakeUpstream
) -> None:
    keyed(ssm, "alice", ALICE)
    with RuntimeProcess(api, "handler.handler", env=settings(ssm, model)) as runtime:
        until(lambda: api.frozen == 1)
        assert ALICE not in runtime.output
        api.restore()
        told: Invocation = api.invoke(asked(ALICE)).wait()
        assert told.prelude["statusCode"] == 200


def test_a_restore_that_lambda_refuses_ends_the_process(
    api: FakeRuntimeAPI, tmp_path: Path
) -> None:
    api.restore_status = 403
    with started(api, tmp_path, "") as runtime:
        api.restore()
        assert runtime.process.wait(20) == 1
        assert "The runtime ends: /restore/next: 403" in runtime.output
    assert api.polls == []
