"""The served models, as data.

A model is what a caller names in ``model``: an upstream, the upstream's own name for it, and how
the two are spoken to. Each base model ``m`` also exists as ``m-thinking`` unless it says no.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec.structs import replace

from bridge.errors import ModelNotFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

THINKING_SUFFIX = "-thinking"
ANY = "*"
"""The name under which all models of an upstream are passed through."""

MAX_NAME = 256
"""Characters of a public name. It stands in every chunk of an answer."""

MAX_SHOWN = 100
"""Characters of an unknown name that the error repeats."""

DEFAULT_HOLD = 2048
"""Characters of a block of calls that are held until it is whole: a second or two of writing."""

DEFAULT_REPEAT_GUARD = 2
"""Equal results of equal calls in a row after which one more is a loop, and not yet polling."""


class Model(msgspec.Struct, frozen=True):
    """One served model.

    ``upstream`` names a configured upstream, ``name`` is the model's name there. ``hold`` is in
    characters; 0 streams every call from its first character. ``repeat_guard`` asks again when the
    very same call follows that has brought the same result so many times in a row; 0 never does.
    ``opens_thinking``: whether the model's own template opens its thinking, so that replies start
    inside it; None: not known, so that the twin holds a reply that begins without a tag until
    something tells. ``images``: what becomes of those in a request; see ``bridge.images``.
    ``think`` is set on the twin only.
    """

    id: str
    upstream: str
    name: str
    dialect: str = "fence"
    tools: Literal["signatures", "json-schema"] = "signatures"
    thinking: bool = True
    hold: int = DEFAULT_HOLD
    retries: int = 1
    repeat_guard: int = DEFAULT_REPEAT_GUARD
    opens_thinking: bool | None = None
    prefill: bool | None = None
    max_tokens: int | None = None
    images: Literal["refuse", "note", "pass"] = "refuse"
    owned_by: str = "toolbridge"
    think: bool = False

    def twin(self) -> Model:
        """The derived thinking model."""
        return replace(self, id=self.id + THINKING_SUFFIX, think=True)


def is_name(name: str) -> bool:
    """Whether a model may be called so."""
    return bool(name) and name.isprintable() and len(name) <= MAX_NAME


def not_found(name: str) -> ModelNotFound:
    """The error for a name that no model has."""
    shown = name[:MAX_SHOWN] + "…" * (len(name) > MAX_SHOWN)
    return ModelNotFound(f"The model '{shown}' does not exist.", param="model")


class Catalog:
    """The configured models by public name, in the operator's order."""

    def __init__(self, models: Iterable[Model]) -> None:
        self.models: Mapping[str, Model] = {model.id: model for model in models}

    def find(self, name: str) -> Model:
        """The model a request names; raises ``ModelNotFound``."""
        if (model := self.models.get(name)) and name != ANY:
            return model
        base_name = name.removesuffix(THINKING_SUFFIX)
        base = self.models.get(base_name)
        if base is not None and base_name != name and base.thinking and base_name != ANY:
            return base.twin()
        if base is None and (passed := self.passed_through(name)) is not None:
            return passed
        raise not_found(name)

    def passed_through(self, name: str) -> Model | None:
        """The model of that name behind ``[models."*"]``, if the operator passes models through."""
        pattern = self.models.get(ANY)
        if pattern is None or name == ANY or name.endswith(THINKING_SUFFIX * 2):
            return None
        if not is_name(name):
            return None
        base_name = name.removesuffix(THINKING_SUFFIX)
        base = replace(pattern, id=base_name, name=base_name)
        if base_name == name:
            return base
        return base.twin() if pattern.thinking else None

    def listed(self, upstream_names: Iterable[str] = ()) -> list[Model]:
        """Every served model with its twin; ``upstream_names`` are those behind ``*``."""
        pattern = self.models.get(ANY)
        bases = [model for model in self.models.values() if model.id != ANY]
        if pattern is not None:
            known = {model.id for model in bases}
            bases += [
                replace(pattern, id=name, name=name)
                for name in upstream_names
                if name not in known and is_name(name)
            ]
        return [
            model for base in bases for model in ([base, base.twin()] if base.thinking else [base])
        ]
