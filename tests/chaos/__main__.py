"""Bad luck without end: breaks the real pipeline and compares with an undisturbed run.

    python -m tests.chaos --rounds 200 --seed 7                  every scenario
    python -m tests.chaos --rounds 200 --seed 7 --scenario kill  one
    python -m tests.chaos --scenario kill --seed 7 --first 41 --rounds 1   one round again

The same seed gives the same faults at the same points of the stream, as far as an operating system
lets processes be. Files and logs of rounds that failed stay. `--publish` puts the results into
docs/reliability.json and docs/reliability.md.
"""

import argparse
import random
import shutil
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from docs.generator import reliability
from docs.generator.reliability_results import Published, Result, publish, write_results
from tests.chaos.catalogue import SCENARIOS
from tests.chaos.rounds import as_promised, run_rounds
from tests.chaos.scenario import Played, Unavailable
from tests.end_to_end.pipeline_run import ROOT

console = Console()


def main(arguments: list[str] | None = None) -> int:
    """Run the rounds; 0 when all came out as promised."""
    options = _options().parse_args(arguments)
    names = options.scenario or list(SCENARIOS)
    console.print(f"seed {options.seed}; files of failed rounds stay in {options.keep}")
    results: list[Result] = []
    for name in names:
        try:
            results.append(_scenario(name, options))
        except Unavailable as missing:
            console.print(f"{name}: left out: {missing}")
            continue
        # After each, so that a run that is broken off leaves what it had.
        write_results(Published(scenarios=results), options.keep / "results.json")
        if options.publish:
            publish(Published(scenarios=results))
            reliability.write()
    _show(results, options.seed)
    return 1 if any(result.failed for result in results) else 0


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--rounds", type=int, default=10, help="of each scenario")
    parser.add_argument("--first", type=int, default=0, help="number of the first round")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--scenario", action="append", choices=tuple(SCENARIOS))
    parser.add_argument("--passes", type=int, default=20, help="length of the recorded market")
    parser.add_argument("--minutes", type=float, help="of each scenario at most")
    parser.add_argument(
        "--keep", type=Path, default=ROOT / "var" / "chaos", help="folder, made anew"
    )
    parser.add_argument("--publish", action="store_true", help="into docs/")
    return parser


def _scenario(name: str, options: argparse.Namespace) -> Result:
    kind = SCENARIOS[name]
    folder: Path = options.keep / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    until = time.monotonic() + options.minutes * 60 if options.minutes else float("inf")
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(name, total=options.rounds)

        def told(number: int, played: Played, seconds: float, path: Path) -> None:
            progress.advance(task)
            if not as_promised(played, kind.may_double):
                why = played.error or played.differences.words()
                progress.console.print(
                    f"{name}: round {number} of seed {options.seed} failed after {seconds:.0f} s "
                    f"with {dict(played.faults)}: {why}\n  its files: {path}",
                    markup=False,
                )

        return run_rounds(
            kind,
            folder,
            rounds=options.rounds,
            seed=options.seed,
            passes=options.passes,
            first=options.first,
            until=until,
            on_round=told,
        )


def _show(results: list[Result], seed: int) -> None:
    table = Table(title=f"seed {seed}", title_justify="left")
    table.add_column("scenario")
    for name in ("rounds", "failed", "faults", "events", "alerts", "lost", "doubled", "changed"):
        table.add_column(name, justify="right")
    for one in results:
        numbers = (one.rounds, len(one.failed), one.injected, one.events, one.alerts)
        sums = (one.lost, one.doubled, one.changed)
        table.add_row(one.scenario, *(f"{number:,}" for number in (*numbers, *sums)))
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
