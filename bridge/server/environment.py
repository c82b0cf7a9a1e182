"""The environment variables as tables, and the configuration file as another."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.configuration import SettingsError, Table, suggestion
from bridge.keys import fault_of_key
from bridge.server.variables import PREFIX, UPSTREAM_KEY, VARIABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CONFIG = "TOOLBRIDGE_CONFIG"
DEFAULT_FILE = "bridge.toml"
API_KEYS = "TOOLBRIDGE_API_KEYS"
MODEL_PATH = "TOOLBRIDGE_MODEL_PATH"
MODEL_NAMING = {"id", "name"}
SINGLE = "default"
"""The name of the upstream, and of its secret, that the environment describes."""


class Environment:
    """What a mapping of variables says; empty ones count as absent.

    Raises ``SettingsError`` for a variable of ours that is not known: a typing error would
    otherwise serve something else than was meant.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = {
            name: value.strip()
            for name, value in environ.items()
            if name.startswith(PREFIX) and value.strip()
        }
        known = {variable.name for variable in VARIABLES}
        for name in self._environ:
            if name not in known and not name.startswith(f"{UPSTREAM_KEY}_"):
                raise SettingsError(f"{name}: unknown variable{suggestion(name, known)}")

    def table(self, table: str) -> Table:
        """The variables that belong to a table."""
        values: dict[str, Any] = {}
        names: dict[str, str] = {}
        for variable in VARIABLES:
            if variable.table == table:
                names[variable.key] = variable.name
                if (value := self._environ.get(variable.name)) is not None:
                    values[variable.key] = _listed(value) if variable.many else value
        return Table(values, names=names)

    def over(self, table: str, other: Table) -> Table:
        """The other table, with the variables of ``table`` laid over it."""
        own = self.table(table)
        names = {key: own.names[key] for key in own.values}
        return Table({**other.values, **own.values}, other.path, names)

    @property
    def names_a_model(self) -> bool:
        """Whether the variables describe a model of their own."""
        own = self.table("model").values.keys() & MODEL_NAMING
        return bool(own or self.table("upstream").values)

    def refuse_model_settings(self) -> None:
        """Raise ``SettingsError`` if a variable says how a model is served that is not there."""
        model = self.table("model")
        for key in model.values:
            raise model.error("there is no model of the environment for it to apply to", key)

    @property
    def model_path(self) -> str | None:
        """The file that runs in place of the embedded model."""
        return self._environ.get(MODEL_PATH)

    @property
    def api_keys(self) -> tuple[str, ...]:
        """The client keys; raises ``SettingsError`` for one that no client could send."""
        keys = _listed(self._environ.get(API_KEYS, ""))
        for number, key in enumerate(keys, start=1):
            if (fault := fault_of_key(key)) is not None:
                raise SettingsError(f"{API_KEYS}: key {number} {fault}")
        return tuple(keys)

    def upstream_keys(self, names: Iterable[str]) -> dict[str, str]:
        """The secrets of these names, where the variables have them."""
        keys = {name: self._environ.get(secret_variable(name), "") for name in names}
        return {name: key for name, key in keys.items() if key}


def secret_variable(name: str) -> str:
    """The variable that holds the secret of that name."""
    if name == SINGLE:
        return UPSTREAM_KEY
    return f"{UPSTREAM_KEY}_{name.upper().replace('-', '_').replace('.', '_')}"


def read_file(environ: Mapping[str, str], default: str | None = DEFAULT_FILE) -> Table:
    """The file that the environment names, or the default one where it exists.

    Raises ``SettingsError`` when it cannot be read.
    """
    named = environ.get(CONFIG, "").strip()
    path = Path(named or default or os.devnull)
    if not named and not path.is_file():
        return Table({}, (default or DEFAULT_FILE,))
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        # Of TOML or of UTF-8; both name the place and not what stands there.
        raise SettingsError(f"{path}: {error}") from None
    return Table(content, (str(path),))


def _listed(value: str) -> list[str]:
    return [item.strip() for item in value.split(",") if item.strip()]
