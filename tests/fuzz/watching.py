"""Runs many cases, and keeps those that fail, or never come to an end."""

import argparse
import random
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType

#: One case: what it was made of, by name, and what to do with it.
Case = tuple[Mapping[str, bytes], Callable[[], None]]
_SECONDS = 20


class Endless(Exception):
    """A case takes longer than any should."""


def watch(
    make: Callable[[random.Random], Case], count: int, seed: int, *, keep: Path | None = None
) -> list[str]:
    """Run cases. Gives a traceback for each that failed; its files are kept where `keep` says."""
    failures: list[str] = []
    before = signal.signal(signal.SIGALRM, _ring)
    try:
        for number in range(count):
            files, run = make(random.Random(f"{seed}/{number}"))
            signal.alarm(_SECONDS)
            try:
                run()
            except Exception:
                failures.append(f"case {number} of seed {seed}\n{traceback.format_exc()}")
                if keep is not None:
                    _keep(keep / f"{seed}-{number}", files)
            finally:
                signal.alarm(0)
    finally:
        signal.signal(signal.SIGALRM, before)
    return failures


def main(make: Callable[[random.Random], Case], noun: str, *, per_case: int = 1) -> None:
    """The command: says what failed, and exits with 1 if anything did."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    keep = Path(tempfile.mkdtemp(prefix="tapewatch-fuzz-"))
    begun = time.monotonic()
    cases = -(-arguments.count // per_case)
    failures = watch(make, cases, arguments.seed, keep=keep)
    for failure in failures[:20]:
        sys.stderr.write(f"{failure}\n")
    took = time.monotonic() - begun
    verdict = f"{len(failures)} failed; see {keep}" if failures else "no traceback"
    sys.stdout.write(f"{cases * per_case} {noun} in {took:.0f} s: {verdict}\n")
    if failures:
        raise SystemExit(1)
    keep.rmdir()


def _ring(signum: int, frame: FrameType | None) -> None:
    raise Endless(f"not done after {_SECONDS} s")


def _keep(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
