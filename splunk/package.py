"""The app as Splunk installs it: `python -m splunk.package [FILE]`. Same files, same bytes."""

import gzip
import io
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from splunk.build import APP

#: In the archive every file has this time: 2026-01-01 in UTC.
_TIME = 1_767_225_600
_OUTPUT = Path(__file__).resolve().parents[1] / "var" / "splunk"
#: Scripts of a modular alert are run.
_EXECUTABLE = ("bin/",)
_LEFT_OUT = ("__pycache__", ".pyc", "local", "local.meta")


def version() -> str:
    """The app's version, from its manifest."""
    manifest = msgspec.json.decode((APP / "app.manifest").read_bytes())
    return str(manifest["info"]["id"]["version"])


def packed() -> bytes:
    """The archive: gzip of a tar in the order of names, without times, owners or names of ours."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, path in sorted(_contents()):
            archive.addfile(*_member(path, name))
    squeezed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=squeezed, mtime=_TIME) as stream:
        stream.write(plain.getvalue())
    return squeezed.getvalue()


def _contents() -> Iterator[tuple[str, Path]]:
    """Everything of the app by its name in the archive, folders too."""
    for path in (APP, *APP.rglob("*")):
        name = path.relative_to(APP.parent).as_posix()
        if not any(name.endswith(end) or f"/{end}/" in name for end in _LEFT_OUT):
            yield name, path


def _member(path: Path, name: str) -> tuple[tarfile.TarInfo, io.BytesIO | None]:
    member = tarfile.TarInfo(name)
    member.mtime = _TIME
    if path.is_dir():
        member.type, member.mode = tarfile.DIRTYPE, 0o755
        return member, None
    content = path.read_bytes()
    inside = path.relative_to(APP).as_posix()
    member.size = len(content)
    member.mode = 0o755 if inside.startswith(_EXECUTABLE) else 0o644
    return member, io.BytesIO(content)


def main(arguments: list[str]) -> int:
    target = Path(arguments[0]) if arguments else _OUTPUT / f"tapewatch-{version()}.tar.gz"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(packed())
    print(target)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
