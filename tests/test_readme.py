"""The README's commands work: each is run, or held against what it speaks of."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bridge import cli
from bridge.configuration import Table
from bridge.server.settings import read_settings
from bridge.server.variables import VARIABLES
from bridge.upstream.build import read_upstream

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.M | re.S)
LOCAL = "http://127.0.0.1:8002"

# What needs an account, and so cannot run here.
ELSEWHERE = {"aws", "sam"}

# What the model behind the README's requests writes, in the order of the README.
SCRIPT = """
cycle = true
replies = [
    '''```tool_call
{"name": "get_weather", "arguments": {"city": "北京"}}
```''',
    "<think>Nothing to look up.</think>No tool is needed.",
    '''```tool_call
{"name": "get_weather", "arguments": {"city": "Paris"}}
```''',
    "It is 18 °C in Paris, with light rain.",
]
"""
CONFIG = """
[upstreams.demo]
kind = "scripted"
file = "script.toml"
[models."claude-sonnet-4.6"]
upstream = "demo"
"""


def commands(text: str) -> list[str]:
    lines = text.replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


COMMANDS = [command for kind, text in BLOCKS if kind == "sh" for command in commands(text)]


def split(command: str) -> tuple[dict[str, str], list[str]]:
    """The variables set in front of a command, and its words."""
    words = shlex.split(command, comments=True)
    assigned = {}
    while re.match(r"[A-Z_]+=", words[0]):
        name, _, assigned[name] = words.pop(0).partition("=")
    return assigned, words


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The base URL of `toolbridge serve` with a scripted upstream, as its own process."""
    place = tmp_path_factory.mktemp("serve")
    (place / "script.toml").write_text(SCRIPT, "utf-8")
    (place / "bridge.toml").write_text(CONFIG, "utf-8")
    environ = {name: value for name, value in os.environ.items() if "TOOLBRIDGE" not in name}
    process = subprocess.Popen(
        [Path(sys.executable).with_name("toolbridge"), "serve", "--port", "0"],
        cwd=place,
        env={**environ, "TOOLBRIDGE_API_KEYS": "0000", "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout
    try:
        seen = ""
        for line in process.stdout:
            seen += line
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                yield found[0]
                return
        pytest.fail(f"toolbridge serve ended:\n{seen}")
    finally:
        process.terminate()
        process.communicate(timeout=120)


def test_every_block_is_of_a_kind_that_is_tested():
    assert {kind for kind, _ in BLOCKS} <= {"sh", "python", "toml", "json"}


def test_every_command_is_known():
    known = {"make", "curl", ".venv/bin/toolbridge"} | ELSEWHERE
    assert {split(command)[1][0] for command in COMMANDS} <= known


@pytest.mark.parametrize("command", [c for c in COMMANDS if split(c)[1][0] == "make"])
def test_make_targets_exist(command):
    assigned, words = split(command)
    assert assigned.keys() <= {variable.name for variable in VARIABLES}
    # The make that runs the tests would hand its own flags and variables on.
    environ = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
    done = subprocess.run(
        [*words, "--dry-run"], cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        if "toolbridge serve" in line:
            cli.parser().parse_args(shlex.split(line)[1:])


@pytest.mark.parametrize("command", [c for c in COMMANDS if "toolbridge" in split(c)[1][0]])
def test_toolbridge_commands_parse(command, capsys):
    _, words = split(command)
    try:
        cli.parser().parse_args(words[1:])
    except SystemExit as exit_:
        assert exit_.code == 0, capsys.readouterr().err


def run_local(command: list[str], server: str) -> str:
    environ = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    done = subprocess.run(
        [word.replace(LOCAL, server) for word in command],
        capture_output=True,
        env=environ,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_requests_are_answered_as_told(server):
    """In the order of the README: a call, a streamed answer without thinking, the SDK's loop."""
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    curls = [words for _, words in map(split, COMMANDS) if words[0] == "curl"]
    first, second, *_ = [words for words in curls if LOCAL in " ".join(words)]

    answer = run_local(first, server)
    assert '"tool_calls"' in answer
    assert "get_weather" in answer
    assert "北京" in answer

    answer = run_local(second, server)
    assert answer.rstrip().endswith("data: [DONE]")
    assert "No tool is needed." in "".join(re.findall(r'"content":"(.*?)"', answer))
    assert "Nothing to look up" not in answer

    code = next(text for kind, text in BLOCKS if kind == "python")
    answer = run_local([sys.executable, "-c", code], server)
    assert answer == "It is 18 °C in Paris, with light rain.\n"


@pytest.mark.parametrize("text", [text for kind, text in BLOCKS if kind == "toml"])
def test_the_configuration_is_right(text, tmp_path):
    path = tmp_path / "bridge.toml"
    path.write_text(text, "utf-8")
    settings = read_settings({"TOOLBRIDGE_CONFIG": str(path)})
    assert settings.models
    assert all(read_upstream(Table(table.values)).kind for table in settings.upstreams.values())


def test_the_variables_and_their_defaults_are_right():
    rows = re.findall(r"^\| `(TOOLBRIDGE_\w+)` \| .* \| (.*) \|$", README, re.M)
    defaults = {variable.name: variable.default for variable in VARIABLES}
    assert rows
    assert dict(rows) == {name: defaults[name] for name, _ in rows}


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.stem)
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    named = re.findall(r"`((?:bridge|tests|benchmarks)/[\w/.]+)`", page.read_text("utf-8"))
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []
