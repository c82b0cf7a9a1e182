"""``toolbridge keys`` with AWS's own client against moto's server."""

from __future__ import annotations

import argparse
import asyncio
import io
import re

import pytest

from bridge.aws.key_reader import ssm_reader
from bridge.aws.keys_command import new_key, register
from bridge.aws.parameters import ParameterKeys
from bridge.keys import hashed
from tests.fake_ssm import DENIED, PATH, SSM, environment, ssm_server


@pytest.fixture(scope="module")
def running():
    with ssm_server() as server:
        yield server


@pytest.fixture
def ssm(running: SSM, monkeypatch: pytest.MonkeyPatch):
    for name, value in environment(running.door).items():
        monkeypatch.setenv(name, value)
    running.clear()
    running.door.answer = None
    return running


def keys(*arguments: str) -> int:
    parser = argparse.ArgumentParser(prog="toolbridge")
    register(parser.add_subparsers(required=True))
    parsed = parser.parse_args(["keys", *arguments, "--path", PATH + "/"])
    return int(parsed.run(parsed))


def client_of(key: str) -> str | None:
    client = asyncio.run(ParameterKeys(ssm_reader(PATH)).clients()).match(key)
    return client.name if client else None


def test_an_added_key_is_shown_once_and_stored_as_its_hash(
    ssm: SSM, capsys: pytest.CaptureFixture[str]
) -> None:
    assert keys("add", "alice") == 0
    key = capsys.readouterr().out.strip()
    assert re.fullmatch(r"tb-[A-Za-z0-9]{40}", key)
    assert ssm.value("clients/alice") == hashed(key)
    assert client_of(key) == "alice"


def test_the_first_key_makes_the_deployments_salt_and_no_other_changes_it(
    ssm: SSM, capsys: pytest.CaptureFixture[str]
) -> None:
    assert keys("add", "alice") == 0
    salt = ssm.value("salt")
    assert re.fullmatch(r"[0-9a-f]{64}", salt)
    assert keys("add", "bob") == 0
    assert ssm.value("salt") == salt
    assert salt not in capsys.readouterr().err


def test_a_known_client_keeps_its_key_unless_told(
    ssm: SSM, capsys: pytest.CaptureFixture[str]
) -> None:
    assert keys("add", "alice") == 0
    first = capsys.readouterr().out.strip()
    assert keys("add", "alice") == 1
    assert "--replace" in capsys.readouterr().err
    assert client_of(first) == "alice"
    assert keys("add", "alice", "--replace") == 0
    second = capsys.readouterr().out.strip()
    assert client_of(first) is None
    assert client_of(second) == "alice"


def test_a_revoked_key_is_gone(ssm: SSM, capsys: pytest.CaptureFixture[str]) -> None:
    keys("add", "alice")
    assert keys("revoke", "alice") == 0
    assert ssm.names() == [f"{PATH}/salt"]
    assert keys("revoke", "alice") == 1
    assert f"there is no client 'alice' under {PATH}" in capsys.readouterr().err


def test_list_shows_names_and_dates_and_no_values(
    ssm: SSM, capsys: pytest.CaptureFixture[str]
) -> None:
    ssm.put("clients/alice", "tb-alice")
    ssm.put("upstreams/house", "sk-secret")
    ssm.put("unrelated", "x")
    assert keys("list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [["client", "alice"], ["upstream", "house"]]
    assert all(re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d$", line) for line in lines)
    ssm.clear()
    assert keys("list") == 0
    assert capsys.readouterr().out == ""


def test_an_upstream_secret_comes_from_standard_input(
    ssm: SSM, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("sk-secret\n"))
    assert keys("set-upstream", "house") == 0
    assert ssm.value("upstreams/house") == "sk-secret"
    said = capsys.readouterr()
    assert "sk-secret" not in said.out + said.err
    monkeypatch.setattr("sys.stdin", io.StringIO("sk-rotated\n"))
    assert keys("set-upstream", "house") == 0
    assert ssm.value("upstreams/house") == "sk-rotated"
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    assert keys("set-upstream", "house") == 1
    assert keys("revoke", "house", "--upstream") == 0
    assert ssm.names() == []


@pytest.mark.parametrize(
    "arguments", [("add", "a/b"), ("add", "alice bob"), ("revoke", ""), ("add",), ()]
)
def test_a_wrong_command_line_is_refused(arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit):
        keys(*arguments)


def test_what_aws_says_is_one_line(ssm: SSM, capsys: pytest.CaptureFixture[str]) -> None:
    ssm.door.answer = DENIED
    assert keys("add", "alice") == 1
    assert capsys.readouterr().err == "toolbridge keys: not authorized\n"


def test_no_region_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    assert keys("list") == 1
    assert "region" in capsys.readouterr().err


def test_no_two_keys_are_alike() -> None:
    assert len({new_key() for _ in range(100)}) == 100
