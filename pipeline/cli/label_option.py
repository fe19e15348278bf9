"""The option ``--labels``: a file of labels, for the rules that it is held against."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pipeline.cli.failures import CONFIGURATION, Failure
from pipeline.problems import Problem, render
from pipeline.units import MIB, format_size

if TYPE_CHECKING:
    from detections.backtest.labels import Labels
    from detections.rules.model import Rule

_MOST_BYTES = 64 * MIB


def load_labels(path: Path, rules: "Iterable[Rule]") -> "Labels":
    """The file's labels; those with a slip are told. Raises Failure and ProblemsFound."""
    from detections.backtest.label_files import read_labels
    from detections.backtest.label_slips import label_slips
    from detections.backtest.labels import Labels

    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise Failure(f"can't read {path}: {error.strerror}", CONFIGURATION) from error
    if len(data) > _MOST_BYTES:
        raise Failure(f"{path} is larger than {format_size(_MOST_BYTES)}", CONFIGURATION)
    doubts: list[Problem] = []
    labels = Labels(read_labels(data, str(path), warnings=doubts), rules)
    if doubts := [*doubts, *label_slips(labels)]:
        typer.echo(render(doubts), err=True)
    return labels
