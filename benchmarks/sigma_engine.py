"""The Sigma engine as a whole process on one core, beside rsigma on the same file in the same run.

    python -m benchmarks.sigma_engine [--events 2000000] [--rsigma rsigma] [--rounds 3]

Start-up and output are included. rsigma comes by `cargo install --locked rsigma --version 0.23.0`;
without it the ratio is left out. The floor is decoding the same lines with msgspec alone.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import msgspec

from benchmarks.sigma_tape import write_correlations, write_events, write_rules

_RULE = msgspec.json.Decoder(dict)


class Measured(msgspec.Struct):
    """A process's best run."""

    seconds: float
    memory: int
    """Bytes, at its largest."""
    output: bytes


def measure(command: list[str], rounds: int, core: int = 0) -> Measured:
    """Run a command on one core, several times; its quickest run."""
    best: Measured | None = None
    for _ in range(rounds):
        with tempfile.TemporaryFile() as out:
            start = time.perf_counter()
            process = subprocess.Popen(
                command,
                stdout=out,
                stderr=subprocess.DEVNULL,
                preexec_fn=lambda: os.sched_setaffinity(0, {core}),
            )
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - start
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode not in (0, 1):
                raise SystemExit(f"{command[0]} ended with {process.returncode}")
            if best is None or seconds < best.seconds:
                out.seek(0)
                best = Measured(seconds, usage.ru_maxrss * 1024, out.read())
    assert best is not None
    return best


def hits(output: bytes, field: str) -> Counter[str]:
    """Alerts by rule id."""
    found: Counter[str] = Counter()
    for line in output.splitlines():
        if line.startswith(b"{"):
            found[_RULE.decode(line)[field]] += 1
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--rsigma", default=shutil.which("rsigma"))
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run(folder, options.events, options.rsigma, options.rounds)


def run(folder: Path, count: int, rsigma: str | None, rounds: int) -> None:
    path = folder / "events.ndjson"
    write_events(path, count)
    print(f"{count:,} events of {path.stat().st_size / count:.0f} bytes, one core")
    few = folder / "one.ndjson"
    write_events(few, 1)
    cases = {"50 rules": 50, "1,000 rules": 1_000}
    rules = {label: folder / f"rules-{number}" for label, number in cases.items()}
    for label, number in cases.items():
        write_rules(rules[label], number)
    correlated = folder / "rules-correlated"
    write_rules(correlated, 50)
    write_correlations(correlated)
    rules = {
        "50 rules": rules["50 rules"],
        "50 rules, 5 correlations": correlated,
        "1,000 rules": rules["1,000 rules"],
    }
    floor = measure([sys.executable, "-c", _FLOOR, str(path)], rounds)
    print(f"{'':26} {'events/s':>10} {'of decoding':>12} {'start':>7} {'memory':>8} {'alerts':>8}")
    print(f"{'decoding alone':26} {count / floor.seconds:10,.0f} {1:11.2f}x")
    for label, where in rules.items():
        ours = measure(_ours(where, path), rounds)
        start = measure(_ours(where, few), rounds).seconds
        found = hits(ours.output, "rule.id")
        print(
            f"{label:26} {count / ours.seconds:10,.0f} {ours.seconds / floor.seconds:11.2f}x "
            f"{start:6.2f}s {ours.memory / 2**20:6.0f}MB {found.total():8,}"
        )
        if rsigma is not None:
            theirs = measure(
                [rsigma, "engine", "eval", "-q", "-r", str(where), "-e", f"@{path}"], rounds
            )
            other = hits(theirs.output, "rule_id")
            same = "the same alerts" if other == found else f"{other.total():,} alerts"
            print(
                f"{'  rsigma':26} {count / theirs.seconds:10,.0f} "
                f"{theirs.seconds / floor.seconds:11.2f}x {'':7} {theirs.memory / 2**20:6.0f}MB "
                f"{other.total():8,}  we are {theirs.seconds / ours.seconds:.2f}x as fast; {same}"
            )


def _ours(rules: Path, events: Path) -> list[str]:
    command = [sys.executable, "-m", "pipeline.cli", "detect", "--flat"]
    return [*command, "--rules", str(rules), "--events", str(events)]


_FLOOR = """
import sys, msgspec
decode = msgspec.json.Decoder(dict).decode
with open(sys.argv[1], "rb") as file:
    for line in file:
        decode(line)
"""


if __name__ == "__main__":
    main()
