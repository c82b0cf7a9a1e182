"""The settings: one frozen value, read once from a mapping of environment variables and one file.

``TOOLBRIDGE_CONFIG`` names the file, a TOML one; ``bridge.toml`` is read when it is there. It holds
any number of models:

    [upstreams.house]              a table for each upstream; which keys it has depends on its kind
    [models."a-public-name"]       a table for each model
    [limits]                       of requests
    cors_origins = ["https://…"]   web pages that may call from a browser
    allowed_hosts = ["box.lan"]    names that the local server goes by

The variables of ``VARIABLES`` describe one model more, which wins over the file's model of that
name. With nothing configured at all, it is the embedded one. A fault names the file or variable,
the key and the reason, and never a value.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from bridge.configuration import Shape, Table, suggestion
from bridge.dialects import DIALECTS
from bridge.models import (
    ANY,
    DEFAULT_HOLD,
    DEFAULT_REPEAT_GUARD,
    MAX_NAME,
    THINKING_SUFFIX,
    Catalog,
    Model,
    is_name,
)
from bridge.server.environment import (
    DEFAULT_FILE,
    MODEL_NAMING,
    SINGLE,
    Environment,
    read_file,
    secret_variable,
)
from bridge.validation import Limits

if TYPE_CHECKING:
    from collections.abc import Mapping

EMBEDDED = "qwen2.5-coder-1.5b"
"""The public name of the embedded model, under which it is served beside an alias."""
EMBEDDED_TOKENS = 2048
"""Most tokens of one of its replies, unless configured: two minutes on two cores. A small model
that begins to repeat itself does not stop by itself."""
EMBEDDED_REPEAT_GUARD = 1
"""It answers a result by the very same call again, and measured better when it was told so."""
EMBEDDED_NAME = "qwen2.5-coder-1.5b-instruct"
"""Its publisher's."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the operator decides.

    ``upstreams`` are tables by name, read by the upstreams' own builder. ``concurrency`` is how
    many chat requests run at once, ``request_seconds`` the longest that one may take.
    ``allowed_hosts`` are names that the local server goes by, beside its own. ``keys_path``
    is where SSM has the keys, which are read anew after ``keys_ttl`` seconds; ``api_keys`` and
    ``upstream_keys`` are those of the environment.
    """

    models: tuple[Model, ...]
    upstreams: Mapping[str, Table]
    limits: Limits = field(default_factory=Limits)
    concurrency: int = 100
    request_seconds: float = 900.0
    cors_origins: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    keys_path: str | None = None
    keys_ttl: float = 60.0
    api_keys: tuple[str, ...] = field(default=(), repr=False)
    upstream_keys: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def catalog(self) -> Catalog:
        """The served models."""
        return Catalog(self.models)


class ModelShape(Shape):
    """The keys of a model; see ``Model``."""

    upstream: str = ""
    name: Annotated[str, Field(min_length=1)] | None = None
    dialect: str = "fence"
    tools: Literal["signatures", "json-schema"] = "signatures"
    thinking: bool = True
    hold: Annotated[int, Field(ge=0)] = DEFAULT_HOLD
    retries: Annotated[int, Field(ge=0, le=5)] = 1
    repeat_guard: Annotated[int, Field(ge=0, le=10)] = DEFAULT_REPEAT_GUARD
    opens_thinking: bool | None = None
    prefill: bool | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    images: Literal["refuse", "note", "pass"] = "refuse"
    owned_by: str = "toolbridge"


class LimitsShape(Shape):
    """The keys of ``[limits]``; see ``Limits`` and ``Settings``."""

    body_bytes: Annotated[int, Field(ge=1024)] = Limits().body_bytes
    tools: Annotated[int, Field(ge=1)] = Limits().tools
    nesting: Annotated[int, Field(ge=8, le=200)] = Limits().nesting
    messages: Annotated[int, Field(ge=1)] = Limits().messages
    concurrency: Annotated[int, Field(ge=1)] = 100
    request_seconds: Annotated[float, Field(gt=0)] = 900.0


Origin = Annotated[str, Field(pattern=r"^(\*|null|[a-z][a-z0-9+.-]*://[^/\s]+)$")]
HostName = Annotated[str, Field(pattern=r"^(\*|\.?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*)$")]
SEEING_KINDS = ("openai_text", "bedrock")
"""The kinds of upstreams that images can be handed to."""

Tables = Annotated[dict[str, dict[str, Any]], Field(default_factory=dict)]


class FileShape(Shape):
    """The keys at the top of the file."""

    upstreams: Tables
    models: Tables
    limits: Annotated[dict[str, Any], Field(default_factory=dict)]
    cors_origins: tuple[Origin, ...] = ()
    allowed_hosts: tuple[HostName, ...] = ()


class SharedShape(Shape):
    """Settings of the whole server."""

    cors_origins: tuple[Origin, ...]
    allowed_hosts: tuple[HostName, ...]
    keys_path: Annotated[str, Field(pattern=r"^(/[A-Za-z0-9_.-]+)+/?$")] | None = None
    keys_ttl: Annotated[float, Field(gt=0, le=3600)] = 60.0  # no longer than keys are kept


def read_settings(
    environ: Mapping[str, str], *, default_file: str | None = DEFAULT_FILE
) -> Settings:
    """What these variables, and the file they name, come to; raises ``SettingsError``.

    ``default_file`` is read when they name none and it is there.
    """
    environment = Environment(environ)
    file = read_file(environ, default_file)
    content = file.read(FileShape)
    upstreams = {name: file.below("upstreams").below(name) for name in content.upstreams}
    models = _models(file, upstreams, content.models)
    if environment.names_a_model or not (models or upstreams):
        upstreams[SINGLE], own = _environments(environment)
        models = own | {name: model for name, model in models.items() if name not in own}
    else:
        environment.refuse_model_settings()
    if not models:
        raise file.error("there are upstreams, but no model to serve", "models")
    _check_twins(file, models)
    limits = environment.over("limits", file.below("limits")).read(LimitsShape)
    written = content.model_dump(include={"cors_origins", "allowed_hosts"})
    shared = environment.over("shared", Table(written, file.path))
    rest = shared.read(SharedShape)
    return Settings(
        models=tuple(models.values()),
        upstreams=upstreams,
        limits=Limits(**limits.model_dump(include=set(Limits.__struct_fields__))),
        concurrency=limits.concurrency,
        request_seconds=limits.request_seconds,
        cors_origins=rest.cors_origins,
        allowed_hosts=rest.allowed_hosts,
        keys_path=rest.keys_path,
        keys_ttl=rest.keys_ttl,
        api_keys=environment.api_keys,
        upstream_keys=environment.upstream_keys(_secret_names(upstreams)),
    )


def _models(
    file: Table, upstreams: Mapping[str, Table], names: Mapping[str, Any]
) -> dict[str, Model]:
    tables = file.below("models")
    return {name: _model(name, tables.below(name), upstreams) for name in names}


def _model(public: str, table: Table, upstreams: Mapping[str, Table]) -> Model:
    shape = table.read(ModelShape)
    if not is_name(public) or " " in public:
        keys = ("id",) if "id" in table.names else ()
        fault = f"is no name for a model: printable, no spaces, at most {MAX_NAME} characters"
        raise table.error(fault, *keys)
    upstream = shape.upstream
    if not upstream and len(upstreams) == 1:
        upstream = next(iter(upstreams))
    if upstream not in upstreams:
        known = ", ".join(upstreams) or "none is configured"
        raise table.error(f"must name an upstream ({known})", "upstream")
    if shape.dialect not in DIALECTS:
        close = suggestion(shape.dialect, DIALECTS)
        raise table.error(f"must be one of {', '.join(DIALECTS)}{close}", "dialect")
    if public == ANY and shape.name is not None:
        raise table.error("cannot be given: every model keeps its own name", "name")
    kind = upstreams[upstream].values.get("kind", "openai_text")
    if shape.images == "pass" and kind not in SEEING_KINDS:
        told = " or ".join(SEEING_KINDS)
        raise table.error(f"can be 'pass' only for an upstream of kind {told}", "images")
    values = shape.model_dump(exclude={"upstream", "name"})
    return Model(id=public, upstream=upstream, name=shape.name or public, **values)


def _environments(environment: Environment) -> tuple[Table, dict[str, Model]]:
    """The upstream and the models that the environment describes: the embedded one, if nothing."""
    table = environment.table("upstream")
    kind = table.values.get("kind") or ("openai_text" if "url" in table.values else "llama")
    upstream = table.with_values(kind=kind, key=SINGLE)
    model = environment.table("model")
    public, name = model.values.get("id"), model.values.get("name")
    values = {key: value for key, value in model.values.items() if key not in MODEL_NAMING}
    served = [public or name or ANY]
    if kind == "llama":
        if name is not None:
            raise model.error("the embedded model has no other name upstream", "name")
        file, chosen = environment.model_path, table.values.get("embedded")
        if file and chosen:
            raise table.error("cannot be given beside TOOLBRIDGE_MODEL_PATH", "embedded")
        own, name = _embedded_names(chosen or file)
        served = [public, own] if public and public != own else [own]
        values = {"max_tokens": EMBEDDED_TOKENS, "repeat_guard": EMBEDDED_REPEAT_GUARD, **values}
    described = Table({**values, "name": name, "upstream": SINGLE}, names=model.names)
    return upstream, {each: _model(each, described, {SINGLE: upstream}) for each in served}


def _embedded_names(chosen: str | None) -> tuple[str, str]:
    """The public name of the embedded model and its own: a file is called as it is."""
    if chosen is None or chosen == EMBEDDED:
        return EMBEDDED, EMBEDDED_NAME
    name = PurePath(chosen.rpartition(":")[2]).name.removesuffix(".gguf")
    return name, name


def _check_twins(file: Table, models: Mapping[str, Model]) -> None:
    for name in models:
        base = models.get(name.removesuffix(THINKING_SUFFIX))
        if base is not None and base.id != name and base.thinking:
            raise file.error(
                f"is also the name of the thinking twin of '{base.id}', which has thinking = true",
                "models",
                name,
            )


def check_secrets(settings: Settings) -> None:
    """Raise ``SettingsError`` for a secret that a file names and no variable has."""
    for table in settings.upstreams.values():
        name = table.values.get("key")
        if isinstance(name, str) and name != SINGLE and name not in settings.upstream_keys:
            # The secret itself may stand in the place of its name, and looks like one.
            known = name == table.path[-1]
            variable = secret_variable(name if known else "<NAME>")
            how = ", <NAME> being what stands here, in capitals with '_' for '-', '.'"
            raise table.error(f"needs the variable {variable}{'' if known else how}", "key")


def _secret_names(upstreams: Mapping[str, Table]) -> list[str]:
    keys = [table.values.get("key") for table in upstreams.values()]
    return [key for key in keys if isinstance(key, str)]
