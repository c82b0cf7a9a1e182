"""The shape of the tree, held by machine: arrows, budgets, names and what a commit may contain."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "bridge"
SOURCES = sorted(PACKAGE.rglob("*.py")) + sorted(ROOT.glob("*.py"))
CORE = [
    path
    for path in [*PACKAGE.glob("*.py"), *(PACKAGE / "dialects").glob("*.py")]
    if path.name != "cli.py"
]

# The budgets are 250 and 40 lines. A tenth more is let pass; what is longer still, for a reason,
# stands below with its own bound.
MAX_FILE_LINES = 275
MAX_FUNCTION_LINES = 44
LONGER: dict[str, int] = {  # each is one machine, whose states are read best on one page
    "bridge/block.py": 305,
    "bridge/calls.py": 280,
    "bridge/decoder.py": 292,
    "bridge/dialects/near_miss.py": 308,
    "bridge/scanner.py": 290,
}

CORE_IMPORTS = {"bridge", "msgspec", "pydantic", "pydantic_core", "re2"}
# Standard modules that reach out of the process, wait, or look at its clock, dice or surroundings.
IMPURE = {
    *("asyncio", "concurrent", "contextvars", "multiprocessing", "signal", "threading"),
    *("http", "os", "pathlib", "shutil", "socket", "ssl", "subprocess", "sys", "tempfile"),
    *("logging", "random", "secrets", "time", "uuid"),
}


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), named(path))


def each(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", [pytest.param(path, id=named(path)) for path in paths])


def test_imports_point_one_way():
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def imported(tree: ast.Module) -> Iterator[str]:
    """The top-level names of every module imported, wherever in the file it is."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]


@each(CORE)
def test_the_core_only_computes(path: Path):
    allowed = CORE_IMPORTS | (sys.stdlib_module_names - IMPURE)
    assert set(imported(tree_of(path))) <= allowed


def test_importing_the_package_costs_nothing():
    code = "import sys; before = set(sys.modules); import bridge; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    assert done.stdout.decode().split() == ["bridge"]


@each(SOURCES)
def test_files_keep_their_budget(path: Path):
    lines = path.read_text("utf-8").count("\n")
    assert lines <= LONGER.get(named(path), MAX_FILE_LINES)


@each(SOURCES)
def test_functions_keep_their_budget(path: Path):
    over = {
        node.name: length
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1)
        > LONGER.get(f"{named(path)}:{node.name}", MAX_FUNCTION_LINES)
    }
    assert not over


def test_every_allowance_is_needed():
    for place, bound in LONGER.items():
        name, _, function = place.partition(":")
        source = (ROOT / name).read_text("utf-8")
        assert f"def {function}(" in source if function else source.count("\n") > MAX_FILE_LINES
        assert bound > (MAX_FUNCTION_LINES if function else MAX_FILE_LINES)


@each([path for path in SOURCES if "__all__" in path.read_text("utf-8")])
def test_all_is_true(path: Path):
    name = named(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    module = importlib.import_module(name)
    assert len(set(module.__all__)) == len(module.__all__)
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


VAGUE = re.compile(
    r"helper|manager|utils?(?![a-z])|enhanced|improved|^_*process_|handle_stuff", re.I
)


def names_in(tree: ast.Module) -> Iterator[str]:
    """Every name that the file itself gives: of definitions, arguments and variables."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


@each([*SOURCES, *sorted((ROOT / "tests").rglob("*.py"))])
def test_names_say_what_a_thing_is(path: Path):
    given = {name for name in names_in(tree_of(path)) if not name.startswith("test_")} | {path.stem}
    assert {name for name in given if VAGUE.search(name)} == set()


def committed() -> list[Path]:
    """Every file of the project: what git tracks, or would if asked to add."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


# Where packages come from is the business of the machine that installs them.
PLACES = re.compile(
    r"--(?:extra-)?index-url|--find-links|--trusted-host|file:///"
    r"|\bpypi\.org\b|\bpythonhosted\.org\b|\bnpmjs\.(?:org|com)\b|\bdeb\.debian\.org\b"
)


def occurrences(pattern: re.Pattern[str]) -> list[str]:
    """Where in all committed files a pattern stands, but for the lines that define it."""
    return [
        f"{named(path)}: {match[0]}"
        for path in committed()
        if path != Path(__file__)
        for match in pattern.finditer(path.read_bytes().decode("utf-8", "replace"))
    ]


def test_commits_name_no_package_registry():
    assert occurrences(PLACES) == []


# A machine's own folders, and addresses that mean something on one network only. Those that are
# set aside for examples, and loopback, may stand anywhere.
MACHINES = re.compile(
    r"(?<![\w.$~{}:/-])/(?:root|work|home|Users|mnt|srv)/\w"
    r"|\b(?:10|127(?!\.0\.0\.1\b))(?:\.[0-9]{1,3}){3}\b"
    r"|\b172\.(?:1[6-9]|2[0-9]|3[01])(?:\.[0-9]{1,3}){2}\b"
    r"|\b(?:192\.168|169\.254|100\.(?:6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7]))(?:\.[0-9]{1,3}){2}\b"
    r"|\bf(?:e80|[cd][0-9a-f]{2}):[0-9a-f:]+"
)
EXAMPLES = {  # of text that looks like an address, or a place
    "tests/test_patterns.py: 192.168.0.255",
    "tests/test_scrubbed.py: 10.0.0.7",
    "tests/test_scrubbed.py: /srv/m",
}


def test_commits_name_no_machine():
    assert set(occurrences(MACHINES)) <= EXAMPLES


def test_what_names_a_machine_is_seen():
    for text in ("/home/me/x", "'/root/x'", "at 10.0.0.7", "192.168.1.2", "fe80::1", "127.0.0.2"):
        assert MACHINES.search(text)
    for text in (
        "https://h/home/x",
        "$HOME/work/x",
        "/workspace",
        "127.0.0.1",
        "192.0.2.1",
        "1.10.0",
    ):
        assert not MACHINES.search(text)


def test_the_tests_behind_each_promise_exist():
    promises = (ROOT / "SECURITY.md").read_text("utf-8")
    named_tests = re.findall(r"`(tests/[^`]+)`", promises)
    assert len(named_tests) > 8
    assert [name for name in named_tests if not (ROOT / name).is_file()] == []


def test_locks_pin_every_package_by_hash():
    locks = [ROOT / "requirements.txt", *(ROOT / "requirements").glob("*.txt")]
    for lock in locks:
        entries = re.split(r"\n(?=[a-z0-9])", lock.read_text("utf-8"))[1:]
        assert entries
        assert [
            entry for entry in entries if "==" not in entry or "--hash=sha256:" not in entry
        ] == []


@pytest.mark.parametrize(
    "name", ["requirements.txt", *("requirements/local.txt", "requirements/serve.txt")]
)
def test_locks_agree(name):
    """Whatever is installed beside the tests is what the tests ran on."""
    pins = re.compile(r"^([a-z0-9-]+==\S+)", re.M)
    dev, other = (
        {*pins.findall((ROOT / lock).read_text("utf-8"))} for lock in ("requirements/dev.txt", name)
    )
    known = {pin.partition("==")[0] for pin in dev}
    assert {pin for pin in other if pin.partition("==")[0] in known} <= dev
