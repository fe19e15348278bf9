"""The option ``--labels``: a file of labels, for the rules that it is held against."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.failures import CONFIGURATION, Failure

if TYPE_CHECKING:
    from detections.backtest.labels import Labels
    from detections.rules.model import Rule


def load_labels(path: Path, rules: "Iterable[Rule]") -> "Labels":
    """The file's labels. Raises Failure and ProblemsFound."""
    from detections.backtest.label_files import read_labels
    from detections.backtest.labels import Labels

    try:
        data = path.read_bytes()
    except OSError as error:
        raise Failure(f"can't read {path}: {error.strerror}", CONFIGURATION) from error
    return Labels(read_labels(data, str(path)), rules)
