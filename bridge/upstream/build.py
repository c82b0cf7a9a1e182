"""From the configuration to upstreams: the one place that knows every kind.

Each kind is a shape, the keys that its table may have, and makes the upstream. What it takes is
imported when it is made: the embedded model's library is no part of a deployment that calls a
vendor.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path  # noqa: TC003  pydantic reads it from the shapes
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec.structs import replace
from pydantic import Field

from bridge.configuration import Shape, suggestion
from bridge.turns import Capabilities
from bridge.upstream import fields  # noqa: TC001  pydantic reads them from the shapes
from bridge.upstream.timing import DEFAULT_TIMEOUTS, Timeouts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.configuration import Table
    from bridge.keys import KeyStore
    from bridge.upstream.base import Secret, Upstream


def build_upstreams(
    tables: Mapping[str, Table], keys: KeyStore, environ: Mapping[str, str]
) -> dict[str, Upstream]:
    """The upstreams by name; raises ``SettingsError``.

    ``keys`` is asked for an upstream's key each time one is needed. ``environ`` says where files
    are kept. The embedded model is fetched and loaded here, which blocks.
    """
    return {name: _built(table, keys, environ) for name, table in tables.items()}


def read_upstream(table: Table) -> Kind:
    """The table as its kind's shape; raises ``SettingsError``."""
    name = str(table.values.get("kind", "openai_text"))
    if name not in KINDS:
        raise table.error(f"must be one of {', '.join(KINDS)}{suggestion(name, KINDS)}", "kind")
    return table.read(KINDS[name])


def _built(table: Table, keys: KeyStore, environ: Mapping[str, str]) -> Upstream:
    shape = read_upstream(table)
    secret = partial(keys.upstream, shape.key) if shape.key is not None else None
    try:
        return shape.make(secret, environ)
    except (ImportError, ValueError, RuntimeError) as error:
        # A missing extra, a script that cannot be read, a model that cannot be had.
        raise table.error(str(error)) from error


class TimeoutShape(Shape):
    """Seconds; see ``Timeouts``."""

    connect: fields.Seconds = DEFAULT_TIMEOUTS.connect
    first_byte: fields.Seconds = DEFAULT_TIMEOUTS.first_byte
    silence: fields.Seconds = DEFAULT_TIMEOUTS.silence


class Kind(Shape, defer_build=True):
    """What every kind's table may hold. ``key`` is the name of a secret.

    Of all kinds, the validators of those in use are built.
    """

    kind: str = ""
    key: fields.SecretName | None = None

    def make(self, secret: Secret | None, environ: Mapping[str, str]) -> Upstream:
        """The upstream; raises ``ImportError``, ``ValueError`` or ``RuntimeError`` in words."""
        raise NotImplementedError


class RemoteKind(Kind):
    """A kind that is reached over a network, where a request may fail and be tried again."""

    timeouts: TimeoutShape = TimeoutShape()
    attempts: Annotated[int, Field(ge=1, le=5)] = 2

    def limits(self) -> Timeouts:
        """The time limits."""
        return Timeouts(**self.timeouts.model_dump())

    def retried(self, upstream: Upstream) -> Upstream:
        """The upstream, tried again when a request fails before its first piece."""
        from bridge.upstream.retrying import Retrying

        return Retrying(upstream, attempts=self.attempts)


class OpenAITextKind(RemoteKind):
    """``openai_text``: what the server behind the URL can do is for the operator to say."""

    url: fields.BaseURL
    headers: fields.Headers
    prefill: bool = False
    alternation: bool = True
    system: bool = True
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    extra_body: fields.Body
    prefill_body: fields.Body

    def make(self, secret: Secret | None, environ: Mapping[str, str]) -> Upstream:
        """A client of its own for each upstream."""
        from bridge.upstream.http_reply import new_client
        from bridge.upstream.openai_text import OpenAIText

        upstream = OpenAIText(
            new_client(),
            self.url,
            secret,
            capabilities=Capabilities(self.prefill, self.alternation, self.system),
            headers=self.headers,
            timeouts=self.limits(),
            max_tokens_field=self.max_tokens_field,
            extra_body=self.extra_body,
            prefill_body=self.prefill_body,
        )
        return self.retried(upstream)


class UIStreamKind(RemoteKind):
    """``ui_stream``: the body is the operator's own template."""

    url: fields.URL
    headers: fields.Headers
    body: fields.Body
    key_header: fields.HeaderName = "Authorization"
    system: Literal["role", "merge"] = "role"
    alternation: bool = True
    conversation: str | None = None
    names: tuple[str, ...] = ()

    def make(self, secret: Secret | None, environ: Mapping[str, str]) -> Upstream:
        """As above."""
        from bridge.upstream.http_reply import new_client
        from bridge.upstream.ui_stream import DEFAULT_TEMPLATE, UIStream

        upstream = UIStream(
            new_client(),
            self.url,
            secret,
            template=self.body or DEFAULT_TEMPLATE,
            headers=self.headers,
            key_header=self.key_header,
            system=self.system,
            alternation=self.alternation,
            conversation=self.conversation,
            names=self.names,
            timeouts=self.limits(),
        )
        return self.retried(upstream)


class BedrockKind(RemoteKind):
    """``bedrock``: by the IAM role of this process, so ``key`` is not used."""

    region: str | None = None
    prefill: bool = False

    def make(self, secret: Secret | None, environ: Mapping[str, str]) -> Upstream:
        """A client of boto3, which AWS's runtime has and the extra ``aws`` installs."""
        from botocore.exceptions import BotoCoreError

        from bridge.upstream.bedrock import CAPABILITIES, Bedrock, bedrock_client

        try:
            client = bedrock_client(self.region, self.limits())
        except BotoCoreError as error:
            raise ValueError(str(error)) from error
        capabilities = replace(CAPABILITIES, prefill=self.prefill)
        return self.retried(Bedrock(client, capabilities=capabilities, timeouts=self.limits()))


class LlamaKind(Kind):
    """``llama``: the embedded model, another one chosen as ``embedded``, or a file as ``path``."""

    path: Path | None = None
    embedded: str | None = None
    slots: Annotated[int, Field(ge=1, le=64)] = 2
    context: Annotated[int, Field(ge=512)] = 8192
    threads: Annotated[int, Field(ge=1)] | None = None

    def make(self, secret: Secret | None, environ: Mapping[str, str]) -> Upstream:
        """Fetch the model if it is not here yet, and load it."""
        from bridge.upstream.llama import Llama
        from bridge.upstream.llama_choice import fetch_chosen, name_of
        from bridge.upstream.llama_fetch import fetch
        from bridge.upstream.llama_model import DEFAULT_MODEL

        if self.embedded is None:
            name, file = DEFAULT_MODEL.name, fetch(environ, path=self.path)
        elif self.path is None:
            name, file = name_of(self.embedded), fetch_chosen(environ, self.embedded)
        else:
            raise ValueError("'path' and 'embedded' cannot both be given")
        return Llama.load(
            file,
            name=name,
            slots=self.slots,
            context=self.context,
            threads=self.threads,
        )


class ScriptedKind(Kind):
    """``scripted``: replays the replies of a file."""

    file: Path

    def make(self, secret: Secret | None, environ: Mapping[str, str]) -> Upstream:
        """Read the script."""
        from bridge.upstream.scripted import Scripted

        return Scripted.from_file(self.file)


KINDS: dict[str, type[Kind]] = {
    "openai_text": OpenAITextKind,
    "ui_stream": UIStreamKind,
    "bedrock": BedrockKind,
    "llama": LlamaKind,
    "scripted": ScriptedKind,
}
"""By the name that ``kind`` has in the configuration."""
