"""``python -m simulation.accuracy``: measure, and publish or check.

python -m simulation.accuracy                  # the long form; writes docs/accuracy.md and .json
python -m simulation.accuracy --quick          # a glance in a minute or two, printed only
python -m simulation.accuracy --brief          # published, at medium intensity and once only
python -m simulation.accuracy --sessions 2     # as the long form, with fewer sessions
"""

import argparse
import sys
import time
from pathlib import Path

import msgspec

from simulation.accuracy.measuring import Measured, measure
from simulation.accuracy.page import render
from simulation.accuracy.plan import (
    BRIEF,
    FIRST_PUBLISHED_SEED,
    GLANCE_SEED,
    LONG,
    SHORT,
    published,
)
from simulation.accuracy.summary import summarise


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--brief", action="store_true")
    parser.add_argument("--sessions", type=int, default=None, help="Of each abuse, at medium.")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--docs", type=Path, default=Path("docs"))
    told = parser.parse_args()
    effort = SHORT if told.quick else BRIEF if told.brief else LONG
    if told.sessions is not None:
        effort = msgspec.structs.replace(
            effort,
            medium=told.sessions,
            episodes=0,
            others=min(effort.others, told.sessions),
            public=min(effort.public, told.sessions),
            honest=min(effort.honest, told.sessions),
        )
    tasks = published(effort, GLANCE_SEED if told.quick else FIRST_PUBLISHED_SEED)
    began = time.perf_counter()
    results: list[Measured] = []
    for one in measure(tasks, told.workers):
        results.append(one)
        print(
            f"{len(results)} of {len(tasks)} {one.market} {one.task.intensity:g}: "
            f"{one.events} events in {one.seconds:.1f} s",
            file=sys.stderr,
        )
    summary = summarise(results)
    page = render(summary, time.perf_counter() - began)
    if told.quick:
        print(page)
        return
    (told.docs / "accuracy.md").write_text(page)
    content = msgspec.json.format(msgspec.json.encode(summary), indent=1)
    (told.docs / "accuracy.json").write_bytes(content + b"\n")


if __name__ == "__main__":
    main()
