"""Nothing secret and nothing that was said is in the log of the local server, or in an error.

As a user has it: a process, its output in a pipe, an upstream over real HTTP.
"""

from __future__ import annotations

import itertools
import re
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests import canaries
from tests.canaries import BAD_BODIES, BAD_KEYS, CHAT, CLIENT_KEY, KEYED, MARK, SCENES
from tests.upstream_thread import upstream

ROOT = Path(__file__).parent.parent
SERVE = ["-c", "import sys; from bridge.cli import main; sys.exit(main())", "serve", "--port", "0"]
BROKEN = ["-m", "tests.broken_server"]
PATIENCE = 120
"""Seconds for what a busy machine does in a few."""


@contextmanager
def served(command: list[str], log: Path, **environ: str):
    """The server's URL; its output is in ``log`` when it has ended."""
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **environ}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *command], cwd=log.parent, env=env, stdout=output, stderr=output
        )
        try:
            while not (found := re.search(r"http://127\.0\.0\.1:\d+", log.read_text())):
                assert process.poll() is None, log.read_text()
            yield found[0]
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE)


def asked(url: str, name: str, stream: bool) -> None:
    body = canaries.body_of(name, stream=stream)
    response = httpx.post(url + CHAT, content=body, headers=KEYED, timeout=PATIENCE)
    assert canaries.leaks_of(response.status_code, response.content) == [], name
    status = response.status_code
    if stream and status == 200 and 'data: {"error"' in response.text:
        status = 502  # a fault that showed when the answer had begun
    assert status in SCENES[name].statuses, (name, response.text)


HANGING = [name for name in SCENES if name.startswith("silent")]
ANSWERED = [name for name in SCENES if name not in HANGING]


@contextmanager
def served_for(seconds: int, log: Path, upstream_url: str):
    """The server's URL, where a request may take so long."""
    environ = {
        "TOOLBRIDGE_API_KEYS": CLIENT_KEY,
        "TOOLBRIDGE_UPSTREAM_URL": f"{upstream_url}/v1",
        "TOOLBRIDGE_UPSTREAM_KEY": canaries.UPSTREAM_KEY,
        "TOOLBRIDGE_MODEL": canaries.MODEL,
        "TOOLBRIDGE_REQUEST_SECONDS": str(seconds),
    }
    with served(SERVE, log, **environ) as url:
        yield url


def all_asked(url: str, names: list[str]) -> int:
    """How many requests these scenes are."""
    talks = list(itertools.product([url], names, [True, False]))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(asked, *zip(*talks, strict=True)))
    return len(talks)


def test_nothing_that_is_said_is_logged(tmp_path):
    log, impatient = tmp_path / "log", tmp_path / "impatient"
    with upstream(canaries.answer_of) as up:
        with served_for(600, log, up.url) as url:
            sent = all_asked(url, ANSWERED) + refused(url) + left(url)
        with served_for(2, impatient, up.url) as url:
            sent += all_asked(url, HANGING)
        seen = " ".join(f"{request.headers} {request.body!r}" for request in up.requests)
    for part in ("prompt", "system", "description", "parameter", "argument", "result", "upstream"):
        assert f"{MARK}-{part}" in seen, "the marks did not go all the way"
    told = log.read_text() + impatient.read_text()
    assert MARK not in told
    assert len(re.findall(r" (?:INFO|WARNING) (?:POST|GET) ", told)) == sent


def refused(url: str) -> int:
    """Requests that are no good; how many lines they make."""
    for body in BAD_BODIES:
        response = httpx.post(url + CHAT, content=body, headers=KEYED, timeout=PATIENCE)
        assert response.status_code == 400, body
        assert canaries.leaks_of(response.status_code, response.content) == []
    for headers in BAD_KEYS:
        response = httpx.post(url + CHAT, content=BAD_BODIES[-1], headers=headers, timeout=PATIENCE)
        assert response.status_code == 401, headers
        assert canaries.leaks_of(response.status_code, response.content) == []
    for query in (f"?api_key={CLIENT_KEY}", f"?key={MARK}"):
        response = httpx.post(
            url + CHAT + query, content=BAD_BODIES[-1], headers=canaries.HEADERS, timeout=PATIENCE
        )
        assert response.status_code == 401
        assert canaries.leaks_of(response.status_code, response.content) == []
    return len(BAD_BODIES) + len(BAD_KEYS) + 2


def left(url: str) -> int:
    """What is no HTTP, and a client that goes in the middle of its answer."""
    place = httpx.URL(url)
    for data in (f"{MARK}\r\n\r\n", f"POST {CHAT} HTTP/1.1\r\n{MARK}"):
        with socket.create_connection((place.host, place.port or 0)) as raw:
            raw.sendall(data.encode())
    body = canaries.body_of("silent-midway", stream=True)
    with httpx.stream(
        "POST", url + CHAT, content=body, headers=KEYED, timeout=PATIENCE
    ) as response:
        next(response.iter_bytes())
    return 1


@pytest.mark.parametrize("when", ["at-once", "midway", "at-the-end", "in-a-task", "in-the-report"])
def test_an_exception_that_nobody_expected_is_told_without_its_words(tmp_path, when):
    log = tmp_path / "log"
    with served([*BROKEN, when], log) as url:
        for stream in (False, True):
            body = canaries.body_of("answer", stream=stream)
            response = httpx.post(url + CHAT, content=body, headers=KEYED, timeout=PATIENCE)
            assert canaries.leaks_of(response.status_code, response.content) == []
    told = log.read_text()
    assert MARK not in told
    assert "RuntimeError" in told
