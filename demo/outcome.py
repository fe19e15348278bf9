"""How a session ends: the verdict, and the page, from what the file sink holds."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from rich.console import RenderableType

from demo.ground_truth import GroundTruth
from demo.labels import write_labels
from demo.report import write_report
from demo.verdict import Verdict, judge
from demo.verdict_tables import render
from demo.workspace import Workspace


class Outcome(Struct):
    """What a session came to."""

    verdict: Verdict
    shown: list[RenderableType]


def conclude(workspace: Workspace, truth: GroundTruth, *, recorded: bool) -> Outcome:
    """Judge the alerts in the workspace; write its page, and the truth as labels for backtests."""
    write_labels(workspace.labels, truth, documents(workspace.out / "events"))
    verdict = judge(truth, documents(workspace.out / "alerts"))
    write_report(
        workspace.report,
        verdict=verdict,
        events=documents(workspace.out / "events"),
        recorded=recorded,
    )
    return Outcome(verdict, [render(verdict)])


def documents(folder: Path) -> Iterator[dict[str, Any]]:
    """The documents of a file sink's folder, in the order in which they were written."""
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    for path in sorted(folder.glob("*.ndjson"), key=lambda p: p.name.rpartition("-")[2]):
        with path.open("rb") as lines:
            yield from (decode(line) for line in lines)
