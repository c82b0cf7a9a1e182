"""``toolbridge keys``: the client keys and upstream secrets under one SSM path.

A client key is made here, stored as its hash and shown once: whoever can read the parameters
cannot use them. An upstream secret has to be stored as it is, so it is read from the terminal or
from standard input and never stands on a command line.
"""

from __future__ import annotations

import argparse
import getpass
import re
import secrets
import string
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from bridge.aws.parameters import CLIENTS, SALT, UPSTREAMS
from bridge.keys import hashed, usable

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    SSMClient = Any
    """boto3 makes its clients' methods when it runs."""

DEFAULT_PATH = "/toolbridge/prod"
KEY_PREFIX = "tb-"
KEY_LETTERS = 40
"""Of 62 letters and digits: 238 bits, more than the hash that stores them needs."""

NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
PATH = re.compile(r"(/[A-Za-z0-9_.-]+)+/?")


class Fault(Exception):
    """What is wrong, in one line for the terminal."""


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``keys`` and its actions; their ``run`` takes the namespace and gives the exit code."""
    keys = commands.add_parser("keys", help="client keys and upstream secrets in SSM")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--path", type=_path, default=DEFAULT_PATH, help="the SSM path (%(default)s)"
    )
    common.add_argument("--region", help="the AWS region, when the environment names none")
    actions = keys.add_subparsers(required=True, metavar="ACTION")

    def action(
        name: str, run: Callable[[SSMClient, argparse.Namespace], None], help_text: str
    ) -> argparse.ArgumentParser:
        parser = actions.add_parser(name, help=help_text, description=help_text, parents=[common])
        parser.set_defaults(run=lambda arguments: _run(run, arguments))
        return parser

    add = action("add", _add, "make a client key, store its hash, show it once")
    add.add_argument("--replace", action="store_true", help="make a new key for a known client")
    action("list", _list, "show the names and when they were last changed")
    revoke = action(
        "revoke",
        _revoke,
        "delete a client key; refused everywhere when the ttl is over (60 s by default)",
    )
    revoke.add_argument("--upstream", action="store_true", help="delete an upstream secret instead")
    secret = action(
        "set-upstream", _set_upstream, "store an upstream's key, read from the terminal"
    )
    for parser in (add, revoke, secret):
        parser.add_argument("name", type=_name, metavar="NAME")
    for parser in (add, secret):
        parser.add_argument("--kms-key", help="a KMS key of yours instead of the account's default")


def new_key() -> str:
    """A client key: easy to recognise in a leak scan, nothing in it that needs quoting."""
    alphabet = string.ascii_letters + string.digits
    return KEY_PREFIX + "".join(secrets.choice(alphabet) for _ in range(KEY_LETTERS))


def _run(
    action: Callable[[SSMClient, argparse.Namespace], None], arguments: argparse.Namespace
) -> int:
    try:
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError:
        return _failed("this command needs boto3: pip install 'toolbridge[aws]'")
    try:
        client = boto3.client("ssm", region_name=arguments.region)
        try:
            action(client, arguments)
        finally:
            client.close()
    except Fault as fault:
        return _failed(str(fault))
    except ClientError as exc:
        return _failed(exc.response["Error"].get("Message") or str(exc))
    except BotoCoreError as exc:
        return _failed(str(exc))
    return 0


def _add(client: SSMClient, arguments: argparse.Namespace) -> None:
    key = new_key()
    taken = f"client '{arguments.name}' has a key already: use another name, or --replace"
    _put(client, arguments, CLIENTS, hashed(key), replace=arguments.replace, taken=taken)
    _make_salt(client, arguments)
    _say(f"Key of client '{arguments.name}', shown only now:", error=True)
    _say(key)


def _make_salt(client: SSMClient, arguments: argparse.Namespace) -> None:
    """The deployment's salt, with its first key: see ``bridge.server.salt``. It stays as it is."""
    with suppress(Fault):
        _put(client, arguments, "", secrets.token_hex(32), name=SALT, replace=False, taken="")


def _set_upstream(client: SSMClient, arguments: argparse.Namespace) -> None:
    if sys.stdin.isatty():
        value = getpass.getpass(f"Key of upstream '{arguments.name}': ").strip()
    else:
        value = sys.stdin.readline().strip()
    if not usable(value):
        raise Fault("that is not a key: it must be printable ASCII without spaces")
    _put(client, arguments, UPSTREAMS, value, replace=True, taken="")
    _say(f"Stored the key of upstream '{arguments.name}'.", error=True)


def _put(
    client: SSMClient,
    arguments: argparse.Namespace,
    kind: str,
    value: str,
    *,
    replace: bool,
    taken: str,
    name: str | None = None,
) -> None:
    name = f"{arguments.path}/{kind}{name or arguments.name}"
    extra = {"KeyId": arguments.kms_key} if arguments.kms_key else {}
    try:
        client.put_parameter(
            Name=name, Value=value, Type="SecureString", Overwrite=replace, **extra
        )
    except client.exceptions.ParameterAlreadyExists:
        raise Fault(taken) from None


def _list(client: SSMClient, arguments: argparse.Namespace) -> None:
    pages = client.get_paginator("get_parameters_by_path").paginate(
        Path=arguments.path, Recursive=True, WithDecryption=False
    )
    rows = []
    for parameter in (found for page in pages for found in page["Parameters"]):
        name = parameter["Name"].removeprefix(arguments.path + "/")
        for kind, word in ((CLIENTS, "client"), (UPSTREAMS, "upstream")):
            if name.startswith(kind):
                changed = parameter["LastModifiedDate"].astimezone().strftime("%Y-%m-%d %H:%M")
                rows.append((word, name.removeprefix(kind), changed))
    for word, name, changed in sorted(rows):
        _say(f"{word:<9} {name:<24} {changed}")
    if not rows:
        _say(f"No keys under {arguments.path}.", error=True)


def _revoke(client: SSMClient, arguments: argparse.Namespace) -> None:
    kind, word = (UPSTREAMS, "upstream") if arguments.upstream else (CLIENTS, "client")
    try:
        client.delete_parameter(Name=f"{arguments.path}/{kind}{arguments.name}")
    except client.exceptions.ParameterNotFound:
        raise Fault(f"there is no {word} '{arguments.name}' under {arguments.path}") from None
    _say(f"Deleted the key of {word} '{arguments.name}'.", error=True)


def _path(text: str) -> str:
    if not PATH.fullmatch(text):
        raise argparse.ArgumentTypeError("an SSM path looks like /toolbridge/prod")
    return text.rstrip("/")


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise argparse.ArgumentTypeError("a name has 1 to 64 letters, digits, '.', '_' or '-'")
    return text


def _say(line: str, *, error: bool = False) -> None:
    """Results go to standard output, so that they can be piped; the rest to standard error."""
    stream = sys.stderr if error else sys.stdout
    stream.write(line + "\n")


def _failed(message: str) -> int:
    _say(f"toolbridge keys: {message}", error=True)
    return 1
