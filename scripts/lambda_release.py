"""The Lambda package as a release carries it: a zip, templates that deploy it, and its hash.

``python scripts/lambda_release.py BUILT FOLDER`` zips what ``sam build`` made. The same files give
the same bytes, so that whoever builds it anew can compare.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

ROOT = Path(__file__).parent.parent
ZIP = "toolbridge-lambda.zip"
TEMPLATES = ("template.yaml", "instances.yaml")
SOURCE = "CodeUri: .\n"
LARGEST = 50_000_000
"""Bytes that Lambda takes in a zip."""


def zip_files(built: Path, archive: Path) -> None:
    """Zip a folder: sorted, with modes, without times."""
    with ZipFile(archive, "w", ZIP_DEFLATED, compresslevel=9) as opened:
        for path in sorted(path for path in built.rglob("*") if path.is_file()):
            entry = ZipInfo(path.relative_to(built).as_posix())
            entry.create_system = 3  # Unix, whose modes stand in the upper half
            entry.external_attr = (0o100755 if path.stat().st_mode & 0o100 else 0o100644) << 16
            entry.compress_type = ZIP_DEFLATED
            opened.writestr(entry, path.read_bytes())


def main(built: Path, folder: Path) -> int:
    """Make the folder anew and tell what is in it; 1 when Lambda would not take the zip."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    archive = folder / ZIP
    zip_files(built, archive)
    for name in TEMPLATES:
        text = (ROOT / name).read_text("utf-8")
        (folder / name).write_text(text.replace(SOURCE, f"CodeUri: {ZIP}\n"), "utf-8")
    shutil.copy(ROOT / "samconfig.toml", folder)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    (folder / "SHA256SUMS").write_text(f"{digest}  {ZIP}\n", "utf-8")
    size = archive.stat().st_size
    sys.stdout.write(f"{archive}: {size:,} bytes, for arm64 and x86_64\nsha256 {digest}\n")
    return int(size > LARGEST)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
