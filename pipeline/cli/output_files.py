"""Files that commands write: whole or not at all, and never over what they read."""

import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from pipeline.failure import CONFIGURATION, FAILED, Failure


def keep_apart(
    option: str,
    output: Path | None,
    *,
    rules: Iterable[Path] = (),
    read: Iterable[Path] = (),
) -> None:
    """Raise Failure where the output would be one of the rules, or of what else the command reads.

    `rules` and `read` are files and folders. A result from before may lie in a folder of rules.
    Whatever is YAML is left as it is: no command writes any, and people do.
    """
    if output is None:
        return
    from detections.rules.files import RULE_SUFFIXES

    for path in rules:
        if _same(output, path) or (_below(output, path) and output.suffix.lower() in RULE_SUFFIXES):
            raise _refusal(option, output, "its rules there")
    if output.suffix.lower() in RULE_SUFFIXES and output.is_file():
        said = f"{option} {output}: this file is there already, and may hold rules"
        raise Failure(f"{said}; name another file", CONFIGURATION)
    for path in read:
        if _same(output, path) or (_below(output, path) and output.exists()):
            raise _refusal(option, output, "that file")


def keep_new(folder: Path, hint: str = "name a new folder") -> None:
    """Raise Failure where something is there already, be it a link to nothing; or OSError, where no
    folder of that name can be, before long work is done for it. (`Path.exists` says no to that.)"""
    with suppress(FileNotFoundError):
        folder.lstat()
        raise Failure(f"{folder} is there already: {hint}", CONFIGURATION)


def write_whole(path: Path, data: bytes) -> None:
    """All of it or nothing, since half of it may be taken for a whole. Raises Failure.

    What a link leads to is written, and the link stays one. A file keeps its rights,
    and its owner where it can.
    """
    beside: Path | None = None
    try:
        real = _real(path)
        # A device or a pipe, which no path but this one may lead to; or what says what is wrong, as
        # a folder and a link in a circle do.
        if (path.exists() and not path.is_file()) or real.is_symlink():
            path.write_bytes(data)
            return
        beside = real.with_name(f".tapewatch.{os.getpid()}")  # with its own, it might be too long
        beside.touch()
        if real.exists():
            known = real.stat()
            with suppress(PermissionError):  # only root gives files to others
                os.chown(beside, known.st_uid, known.st_gid)
            shutil.copymode(real, beside)
        beside.write_bytes(data)
        beside.replace(real)
    except OSError as error:
        if beside is not None:
            with suppress(OSError):
                beside.unlink()
        raise Failure(f"can't write {path}: {error.strerror}", FAILED) from error


def _refusal(option: str, output: Path, what: str) -> Failure:
    said = f"{option} {output}: this command reads {what}; name another file"
    return Failure(said, CONFIGURATION)


def _same(output: Path, path: Path) -> bool:
    try:
        return path.is_file() and output.samefile(path)
    except OSError:
        return False


def _below(output: Path, folder: Path) -> bool:
    return folder.is_dir() and _real(output).is_relative_to(_real(folder))


def _real(path: Path) -> Path:
    """Without links but those in a circle, for which `resolve` has an error of its own."""
    return Path(os.path.realpath(path))
