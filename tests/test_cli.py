"""The command line: it explains itself, it says what is wrong, it serves and it stops clean."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from bridge import __version__
from bridge.cli import main
from bridge.models import Model
from bridge.report import RequestReport
from bridge.server.local import base_url, greeting, listen, request_line
from bridge.server.variables import VARIABLES

ROOT = Path(__file__).parent.parent
COMMAND = [sys.executable, "-c", "import sys; from bridge.cli import main; sys.exit(main())"]
SCRIPT = """
replies = [["Hello", {delay = 0.7, text = ", world"}]]
"""
CONFIG = """
[upstreams.play]
kind = "scripted"
file = "replies.toml"
[models.m]
"""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """A place and an environment of our own."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("TOOLBRIDGE_")]:
        monkeypatch.delenv(name)
    (tmp_path / "replies.toml").write_text(SCRIPT)
    (tmp_path / "play.toml").write_text(CONFIG)


def test_help_loads_no_library():
    code = (
        "import sys; from bridge.cli import parser; parser().format_help();"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    heavy = {
        "fastapi",
        "starlette",
        "pydantic",
        "httpx",
        "uvicorn",
        "boto3",
        "aws_lambda_powertools",
    }
    assert not heavy & set(done.stdout.split())


@pytest.mark.parametrize("command", ["serve", "check"])
def test_help_explains_every_setting(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])
    assert stopped.value.code == 0
    told = " ".join(capsys.readouterr().out.split())
    for variable in VARIABLES:
        assert variable.name in told
        assert variable.meaning in told
        assert variable.default in told
        if variable.option is not None:
            assert f" {variable.option} " in told


def test_the_version(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"toolbridge {__version__}\n"


def test_a_command_is_needed(capsys):
    with pytest.raises(SystemExit) as stopped:
        main([])
    assert stopped.value.code == 2
    assert "COMMAND" in capsys.readouterr().err


def test_the_keys_command_is_there(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["keys", "--help"])
    assert stopped.value.code == 0
    assert "revoke" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "environ", "told"),
    [
        pytest.param(
            [],
            {},
            "qwen2.5-coder-1.5b and qwen2.5-coder-1.5b-thinking: qwen2.5-coder-1.5b-instruct of"
            " default (llama)\nkeys: one, made at the start\n",
            id="nothing",
        ),
        pytest.param(
            ["--upstream", "http://h/v1", "--model", "theirs", "--public", "ours"],
            {"TOOLBRIDGE_API_KEYS": "canary", "TOOLBRIDGE_UPSTREAM_URL": "http://other"},
            "ours and ours-thinking: theirs of default (openai_text)\nkeys: of the environment\n",
            id="options",
        ),
        pytest.param(
            ["--config", "play.toml", "--thinking", "no"],
            {"TOOLBRIDGE_THINKING": "", "TOOLBRIDGE_MODEL": "own", "TOOLBRIDGE_KEYS_PATH": "/a/b"},
            "own: qwen2.5-coder-1.5b-instruct of default (llama)\n"
            "qwen2.5-coder-1.5b: qwen2.5-coder-1.5b-instruct of default (llama)\n"
            "m and m-thinking: m of play (scripted)\nkeys: in SSM under /a/b\n",
            id="file",
        ),
    ],
)
def test_check_tells_what_would_be_served(arguments, environ, told, monkeypatch, capsys):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert main(["check", *arguments]) == 0
    assert capsys.readouterr().out == told


WRONG = [
    pytest.param(["--hold", "much"], "TOOLBRIDGE_HOLD: should be a valid integer", id="option"),
    pytest.param(["--config", "none.toml"], "none.toml: No such file", id="file"),
    pytest.param(["--upstream", "h/v1"], "TOOLBRIDGE_UPSTREAM_URL: must be a URL", id="url"),
    pytest.param(["--kind", "scripted"], "file: is needed", id="kind"),
]


@pytest.mark.parametrize("command", ["check", "serve"])
@pytest.mark.parametrize(("arguments", "words"), WRONG)
def test_what_is_wrong_is_one_line(command, arguments, words, capsys):
    extra = ["--port", "0"] if command == "serve" else []
    assert main([command, *extra, *arguments]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert words in told.err
    assert told.err.startswith("toolbridge: ")
    assert told.err.count("\n") == 1


def test_a_secret_that_is_missing_is_told(tmp_path, capsys):
    (tmp_path / "bridge.toml").write_text('[upstreams.a]\nurl="http://h"\nkey="a"\n[models.m]')
    assert main(["check"]) == 1
    assert "needs the variable TOOLBRIDGE_UPSTREAM_KEY_A" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["serve", "check"])
@pytest.mark.parametrize("port", ["x", "70000", "-1", "٨", "0" * 5000 + "1"])
def test_a_port_is_a_number(port, command, capsys):
    assert main([command, f"--port={port}"]) == 1
    assert "TOOLBRIDGE_PORT: must be a number of at most 65535" in capsys.readouterr().err


def test_a_port_that_is_taken(capsys):
    with listen("127.0.0.1", "0") as taken:
        port = taken.getsockname()[1]
        assert main(["serve", "--config", "play.toml", "--port", str(port)]) == 1
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in capsys.readouterr().err


def test_a_host_that_no_name_can_be(capsys):
    assert main(["serve", "--config", "play.toml", "--port", "0", "--host", "ü..b"]) == 1
    assert "TOOLBRIDGE_HOST: is no name of a host" in capsys.readouterr().err


def test_what_is_wrong_with_the_whole_is_told_in_one_piece(capsys):
    environ = ["--kind", "llama", "--model-path", "none.gguf", "--port", "0"]
    assert main(["serve", *environ]) == 1
    told = capsys.readouterr().err
    assert "none.gguf" in told
    assert ": :" not in told


@contextmanager
def served(*arguments: str, **environ: str):
    """The running command and what it told at the start; it is stopped by Ctrl-C at the end."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environ}
    command = [*COMMAND, "serve", "--config", "play.toml", "--port", "0", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
    ) as process:
        try:
            output = process.stdout
            assert output is not None
            # An empty line ends the greeting, the end of the output a failed start.
            told = "".join(iter(lambda: output.readline().lstrip("\n"), ""))
            assert told, process.communicate()[1]
            yield process, told
        finally:
            process.kill()


def stopped(process: subprocess.Popen[str], sign=signal.SIGINT) -> tuple[str, str]:
    process.send_signal(sign)
    return process.communicate(timeout=120)


def test_serve_tells_how_to_use_it_and_stops_clean():
    with served() as (process, told):
        (url,) = re.findall(r"Serving  (http://127\.0\.0\.1:\d+/v1)\n", told)
        (key,) = re.findall(r"Key      (tb-\w{40}), made for this run", told)
        assert "Models   m, m-thinking\n" in told
        line = shlex.split(told.split("Try      ")[1])
        headers = dict(line[i + 1].split(": ") for i, word in enumerate(line) if word == "-H")
        answer = httpx.post(line[1], headers=headers, content=line[line.index("-d") + 1])
        assert answer.json()["choices"][0]["message"]["content"] == "Hello, world"
        assert httpx.get(f"{url}/models").status_code == 401

        finished = []
        with httpx.stream(
            "POST",
            f"{url}/chat/completions",
            headers={"Authorization": f"Bearer {key}"},
            json={"model": "m", "stream": True, "messages": [{"role": "user", "content": "x"}]},
        ) as response:
            texts = response.iter_text()
            seen = next(texts)
            stopping = threading.Thread(target=lambda: finished.append(stopped(process)))
            stopping.start()
            seen += "".join(texts)
        stopping.join(10)
    ((_, errors),) = finished
    assert seen.endswith("data: [DONE]\n\n")
    assert process.returncode == 0
    assert errors.count("POST /v1/chat/completions 200") == 2
    assert errors.count("GET /v1/models 401") == 1
    assert "Traceback" not in errors
    assert key not in errors


def test_sigterm_is_an_order_and_no_failure():
    """uvicorn raised it once more when all was done, and the process seemed to have been killed."""
    with served() as (process, _):
        _, errors = stopped(process, signal.SIGTERM)
    assert process.returncode == 0
    assert "Traceback" not in errors


def test_a_key_of_the_environment_is_not_written_to_a_pipe():
    with served(TOOLBRIDGE_API_KEYS="canary,other") as (process, told):
        assert "Bearer $TOOLBRIDGE_API_KEYS" in told
        output = stopped(process)
    assert "canary" not in told + "".join(output)


def test_a_web_page_does_not_reach_it_by_a_name_of_its_own():
    """DNS rebinding: the page's name leads here, so that the browser lets it read the answer."""
    environ = {"TOOLBRIDGE_API_KEYS": "0000"}
    with served("--allowed-hosts", "box.lan,.test", **environ) as (process, told):
        (url,) = re.findall(r"Serving  (\S+)\n", told)
        headers = {"Authorization": "Bearer 0000"}
        statuses = {
            host: httpx.get(f"{url}/models", headers={"Host": host, **headers}).status_code
            for host in ("evil.example:8002", "localhost", "127.0.0.1", "box.lan:1", "a.test")
        }
        stopped(process)
    assert [*statuses.values()] == [403, 200, 200, 200, 200]


def test_an_upstream_that_is_down_does_not_stop_the_start():
    """Its models cannot be listed, but it may come up later."""
    with listen("127.0.0.1", "0") as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
    with served("--upstream", url) as (process, told):
        assert "Models   m, m-thinking\n" in told
        assert "cannot be listed now" in stopped(process)[1]


def test_the_greeting_is_short():
    models = [Model(id=f"m{number}", upstream="u", name="n") for number in range(12)]
    assert "m9 and 2 more\n" in greeting("http://h/v1", models, "k", "")
    assert "Models   none listed\n" in greeting("http://h/v1", [], "k", "")


def test_a_request_as_one_line():
    report = RequestReport("req_1", "POST", "/v1/chat/completions", "client-1", "m", stream=True)
    report.status, report.total, report.first_text = 200, 2.345, 0.5
    report.prompt_tokens, report.completion_tokens, report.estimated_tokens = 10, 5, True
    report.calls, report.re_asks = 2, 1
    assert request_line(report) == (
        "POST /v1/chat/completions 200 2.35s client=client-1 model=m stream=True first=0.50s"
        " tokens=10+5~ calls=2 re_asks=1 id=req_1"
    )
    assert request_line(RequestReport("r", "GET", "/healthz", status=200)) == (
        "GET /healthz 200 0.00s id=r"
    )


def test_what_a_caller_wrote_is_no_field_of_the_log():
    report = RequestReport("r", "GET", 'a b="c"', model="m status=500", status=404)
    assert request_line(report) == (r'GET "a b=\"c\"" 404 0.00s model="m status=500" id=r')


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_an_address_of_ipv6():
    with listen("::1", "0") as listening:
        assert re.fullmatch(r"http://\[::1\]:\d+/v1", base_url(listening))
