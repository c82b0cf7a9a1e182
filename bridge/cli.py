"""``toolbridge``: serve, check, keys.

    toolbridge serve     a local server, by default of the embedded model
    toolbridge check     what the configuration would serve, or what is wrong with it
    toolbridge keys …    the keys of a deployment, in AWS SSM

Every option stands for an environment variable and wins over it. Libraries are imported by the
command that uses them, so that ``--help`` answers at once.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge import __version__
from bridge.aws import keys_command
from bridge.server.variables import VARIABLES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from socket import socket

    from bridge.keys import KeyStore
    from bridge.server.hosts import Hosts
    from bridge.server.settings import Settings
    from bridge.upstream.base import Upstream

INTERRUPTED = 128 + 2
"""As shells tell of a command that Ctrl-C ended."""

HOST, PORT = "TOOLBRIDGE_HOST", "TOOLBRIDGE_PORT"
DEFAULT_PORT = "8002"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the result is the exit status."""
    given = parser().parse_args(arguments)
    try:
        status: int = given.run(given)
    except KeyboardInterrupt:
        # Before uvicorn took over: while a model was fetched, say.
        return INTERRUPTED
    return status


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="toolbridge",
        description="Tool calling for chat models that only speak text, as an OpenAI-compatible"
        " server.",
    )
    top.add_argument("--version", action="version", version=f"toolbridge {__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for name, run, description in (
        ("serve", serve, "Serve the API on this machine."),
        ("check", check, "Say what the configuration would serve, or what is wrong with it."),
    ):
        command = commands.add_parser(
            name,
            help=description,
            description=description,
            epilog=_without_option(),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.set_defaults(run=run)
        for variable in VARIABLES:
            if variable.option is not None:
                command.add_argument(
                    variable.option,
                    dest=variable.name,
                    metavar="…",
                    help=f"{variable.meaning} (default: {variable.default}; ${variable.name})",
                )
    keys_command.register(commands)
    return top


def _without_option() -> str:
    lines = ["environment variables without an option:"]
    for variable in VARIABLES:
        if variable.option is None:
            default = f" (default: {variable.default})" if variable.default else ""
            lines.append(f"  {variable.name}\n      {variable.meaning}{default}")
    return "\n".join(lines)


def _environ(given: argparse.Namespace) -> dict[str, str]:
    """The environment, with the options laid over it."""
    options = {
        variable.name: value
        for variable in VARIABLES
        if (value := getattr(given, variable.name, None)) is not None
    }
    return {**os.environ, **options}


@dataclass(frozen=True, slots=True)
class Keys:
    """Where keys come from, what the operator is shown of them, and what is done at the start."""

    store: KeyStore
    shown: str
    note: str = ""
    startup: tuple[Callable[[], Awaitable[None]], ...] = ()


def check(given: argparse.Namespace) -> int:
    """Read the configuration and tell what it comes to; 1 and the reason when it is wrong."""
    from bridge.configuration import SettingsError
    from bridge.server.local import port_of
    from bridge.server.settings import read_settings
    from bridge.upstream.build import read_upstream

    try:
        environ = _environ(given)
        settings = read_settings(environ)
        port_of(environ.get(PORT) or DEFAULT_PORT)
        kinds = {name: read_upstream(table).kind for name, table in settings.upstreams.items()}
        _keys(settings)
    except SettingsError as error:
        return _failed(str(error))
    for model in settings.models:
        twin = f" and {model.twin().id}" if model.thinking else ""
        print(f"{model.id}{twin}: {model.name} of {model.upstream} ({kinds[model.upstream]})")
    source = f"in SSM under {settings.keys_path}" if settings.keys_path else "of the environment"
    count = len(settings.api_keys)
    print(f"keys: {source}" if count or settings.keys_path else "keys: one, made at the start")
    return 0


def serve(given: argparse.Namespace) -> int:
    """Serve until Ctrl-C; 1 and the reason when it cannot begin."""
    from bridge.configuration import SettingsError
    from bridge.server.hosts import Hosts
    from bridge.server.local import listen, log_to_stderr, names_of
    from bridge.server.salt import local_salt
    from bridge.server.settings import read_settings
    from bridge.upstream.build import build_upstreams

    log_to_stderr()
    environ = _environ(given)
    host, port = environ.get(HOST) or "127.0.0.1", environ.get(PORT) or DEFAULT_PORT
    try:
        settings = read_settings(environ)
        keys = _keys(settings, local_salt(environ))
        # Before the model, which may take minutes to fetch: a taken port is told at once.
        listening = listen(host, port)
        with listening:
            upstreams = build_upstreams(settings.upstreams, keys.store, environ)
            names = Hosts([*settings.allowed_hosts, *names_of(host)])
            return _serve(settings, upstreams, keys, listening, names)
    except SettingsError as error:
        return _failed(str(error))


def _serve(
    settings: Settings,
    upstreams: Mapping[str, Upstream],
    keys: Keys,
    listening: socket,
    hosts: Hosts,
) -> int:
    from bridge.errors import BridgeError
    from bridge.server.app import create_app
    from bridge.server.local import base_url, greeting, log_request, run
    from bridge.server.local import logger as log
    from bridge.server.models_list import served

    catalog = settings.catalog

    async def greet() -> None:
        try:
            models = await served(catalog, upstreams)
        except BridgeError as error:
            # It may come up later; what is configured by name is served at once.
            log.warning("the upstream's models cannot be listed now: %s", error.message)
            models = catalog.listed()
        print(greeting(base_url(listening), models, keys.shown, keys.note), flush=True)

    startup = [*keys.startup, greet]
    app = create_app(
        settings, catalog, upstreams, keys.store, report=log_request, startup=startup, hosts=hosts
    )
    return 0 if run(app, listening) else 1


def _keys(settings: Settings, salt: bytes = b"") -> Keys:
    """The key store that the settings ask for; raises ``SettingsError``."""
    if settings.keys_path is not None:
        from bridge.aws.key_reader import ssm_reader
        from bridge.aws.parameters import ParameterKeys

        parameters = ParameterKeys(ssm_reader(settings.keys_path), ttl=settings.keys_ttl)
        return Keys(parameters, "$KEY", f", any in {settings.keys_path}", (parameters.start,))
    from bridge.server.auth import EnvironmentKeys
    from bridge.server.settings import check_secrets

    check_secrets(settings)
    made = () if settings.api_keys else (keys_command.new_key(),)
    store = EnvironmentKeys(settings.api_keys or made, settings.upstream_keys, salt)
    if made:
        return Keys(store, made[0], ", made for this run: TOOLBRIDGE_API_KEYS chooses one")
    # A terminal belongs to the operator; anything else may be a log that others read.
    return Keys(store, settings.api_keys[0] if sys.stdout.isatty() else "$TOOLBRIDGE_API_KEYS")


def _failed(message: str) -> int:
    print(f"toolbridge: {message}", file=sys.stderr)
    return 1
