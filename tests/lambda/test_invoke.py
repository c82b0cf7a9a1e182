"""``make invoke``: what an operator sees, and when."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tests.fake_upstream import Hang, chunk, sse
from tests.upstream_thread import upstream

from .package import PACKAGE, ROOT  # noqa: TID252

COMMAND = (sys.executable, "-m", "tests.lambda.invoke")
ENV = {name: value for name, value in os.environ.items() if not name.startswith("TOOLBRIDGE_")}
built = pytest.mark.skipif(not PACKAGE.exists(), reason="nothing is built: make build")


def invoke(event: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, event], cwd=ROOT, env=ENV | env, capture_output=True, text=True, check=False
    )


@built
def test_a_stream_is_shown_as_it_comes():
    with upstream(lambda _: sse(chunk(content="So far"), Hang())) as model:
        env = {
            "TOOLBRIDGE_UPSTREAM_URL": f"{model.url}/v1",
            "TOOLBRIDGE_MODEL": "claude-sonnet-4.6",
        }
        with subprocess.Popen(
            [*COMMAND, "events/chat_stream.json"], cwd=ROOT, env=ENV | env, stdout=subprocess.PIPE
        ) as running:
            told = running.stdout.readline()
            while b"So far" not in told:
                line = running.stdout.readline()
                assert line, told
                told += line
            assert told.startswith(b"HTTP/1.1 200\n")
            # The model has not ended yet, and so the answer has not.
            assert running.poll() is None
            running.send_signal(signal.SIGINT)


@built
def test_the_scripted_answer_is_whole():
    done = invoke("events/chat_stream.json")
    assert done.returncode == 0
    assert done.stdout.endswith("data: [DONE]\n\n")


@built
def test_a_configuration_that_is_wrong_is_told():
    done = invoke("events/chat.json", TOOLBRIDGE_UPSTREAM_URL="chat.example.com")
    assert done.returncode == 1
    assert "TOOLBRIDGE_UPSTREAM_URL" in done.stderr


@pytest.mark.parametrize(
    ("event", "words"),
    [
        pytest.param("events/nope.json", "No such file", id="missing"),
        pytest.param("events", "Is a directory", id="folder"),
        pytest.param("README.md", "is no JSON", id="no JSON"),
    ],
)
def test_an_event_that_cannot_be_read_is_told_in_words(event, words):
    done = invoke(event)
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr
