"""Which model runs embedded: one known by name, a GGUF file of the operator's, or one on the hub.

    qwen2.5-coder-0.5b                  a name of ``MODELS``
    /models/some-model.gguf             a file, taken as it is
    someone/some-repository:file.gguf   a file of a repository on the Hugging Face hub

A file on the hub is fetched once and checked against the SHA-256 that the hub states for it; the
known ones against the one that stands here.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.upstream.llama_fetch import PATH_VARIABLE, cache_folder, fetch, remembered, tell
from bridge.upstream.llama_model import MODELS, HubFile, ModelFile, ModelUnavailable, SourceFailed
from bridge.upstream.llama_sources import from_hub, hub_model

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.upstream.llama_model import Say

_HUB = re.compile(
    r"(?P<repository>[\w.-]+/[\w.-]+):(?P<file>(?:\w[\w.-]*/)*\w[\w.-]*\.gguf)", re.ASCII
)


def choose(text: str) -> ModelFile | HubFile | Path:
    """What these words of the operator's name; raises ``ModelUnavailable``."""
    if (known := MODELS.get(text)) is not None:
        return known
    if found := _HUB.fullmatch(text):
        return HubFile(found["repository"], found["file"])
    if text.endswith(".gguf"):
        return Path(text)
    raise ModelUnavailable(
        f"There is no embedded model '{text}': it is one of {', '.join(MODELS)}, the path of a "
        "GGUF file, or repository:file of the Hugging Face hub."
    )


def name_of(text: str) -> str:
    """The chosen model's own name: a file is called as it is."""
    choice = choose(text)
    if isinstance(choice, ModelFile):
        return choice.name
    return Path(choice.file if isinstance(choice, HubFile) else choice).stem


def fetch_chosen(
    environ: Mapping[str, str],
    text: str,
    *,
    say: Say = tell,
    look_up: Callable[[HubFile], ModelFile] = hub_model,
) -> Path:
    """The path of the chosen model's file; see ``fetch``. Raises ``ModelUnavailable``."""
    choice = choose(text)
    if isinstance(choice, Path):
        return fetch(environ, path=choice, say=say)
    if isinstance(choice, ModelFile):
        # The variable of a path is not heeded: whoever names a model wants that one.
        return fetch(_without_path(environ), model=choice, say=say)
    kept = cache_folder(environ) / choice.kept_as
    if remembered(kept):
        return kept
    try:
        model = look_up(choice)
    except SourceFailed as failure:
        raise ModelUnavailable(f"The model could not be fetched. {failure}") from failure
    return fetch(_without_path(environ), model=model, sources=(from_hub,), say=say)


def _without_path(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name != PATH_VARIABLE}
