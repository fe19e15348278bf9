"""Pushes documents through every sink under injected failures, and counts what came.

python -m tests.faults --documents 1000000 --publish
python -m tests.faults --documents 100000 --sink elasticsearch --seed 7
"""

import argparse
import asyncio
import sys

from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn

from tests.chaos.versions import today, versions
from tests.faults.published import publish
from tests.faults.targets import TRIALS
from tests.faults.trial import Outcome, Trial, play
from tests.servers.elasticsearch.errors import ElasticsearchUnavailable
from tests.servers.elasticsearch.session import end_session, lead_session

console = Console()


def main(arguments: list[str] | None = None) -> int:
    """Play all; 0 when each came out as promised."""
    options = _options().parse_args(arguments)
    session = lead_session()
    good = True
    try:
        for name in options.sink or list(TRIALS):
            try:
                outcome = _played(TRIALS[name], options.documents, options.seed)
            except ElasticsearchUnavailable as missing:
                console.print(f"{name}: left out: {missing}")
                continue
            good = good and outcome.as_promised
            console.print(_sentence(outcome))
            if options.publish:  # after each: a run that is broken off leaves what it had
                publish([outcome])
    finally:
        end_session(session)
    return 0 if good else 1


def _played(trial: Trial, count: int, seed: int) -> Outcome:
    columns = (*Progress.get_default_columns(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(trial.name, total=max(trial.batch, count // trial.one_in))

        def tell(done: int) -> None:
            progress.update(task, completed=done)

        outcome = asyncio.run(play(trial, count, seed=seed, progress=tell))
    outcome.date, outcome.versions = today(), versions()
    return outcome


def _sentence(one: Outcome) -> str:
    found = one.found
    verdict = "as promised" if one.as_promised else "NOT AS PROMISED"
    return (
        f"{one.trial}: {one.documents:,} documents in {one.seconds:,.0f} s, "
        f"{sum(one.faults.values()):,} faults in {one.requests:,} requests, "
        f"{one.restarts} restarts: "
        f"{found.lost} lost, {found.again:,} again, {found.strange} strange: {verdict}"
    )


def _options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--documents", type=int, default=1_000_000)
    options.add_argument("--sink", action="append", choices=list(TRIALS))
    options.add_argument("--seed", type=int, default=20261126)
    options.add_argument("--publish", action="store_true", help="write docs/sinks-under-fault.md")
    return options


if __name__ == "__main__":
    sys.exit(main())
