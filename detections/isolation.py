"""Scores of an isolation forest, by scikit-learn, and which features drive them.

F. T. Liu, K. M. Ting and Z.-H. Zhou, Isolation Forest, ICDM 2008: what few random cuts set apart
from all else is strange. Scores are from 0 to 1; 0.5 is as usual as can be.

The forest is grown anew from the rows each time, with a fixed seed: so what is to be saved are
rows, not trees, and the same rows give the same scores, in whatever process, with one version of
scikit-learn and NumPy. These are imported when first needed: most deployments never do.
"""

import importlib
from collections.abc import Sequence
from statistics import median
from typing import Any, NamedTuple

_SEED = 20_260_101
_SAMPLE = 256
_DIGITS = 6

Row = Sequence[float]


class Scored(NamedTuple):
    """Rows' scores, and what would be strange among those that the forest grew from."""

    scores: list[float]
    usual: list[float]
    """Scores of the rows that it grew from, in their order."""


class Driver(NamedTuple):
    """A feature that makes a row strange."""

    place: int
    effect: float
    """How much lower the score is with the usual value instead."""
    value: float
    usual: float


class Forest:
    """An isolation forest, grown from rows of features."""

    def __init__(self, rows: Sequence[Row], trees: int) -> None:
        ensemble: Any = importlib.import_module("sklearn.ensemble")
        self._rows = rows
        self._forest: Any = ensemble.IsolationForest(
            n_estimators=trees,
            max_samples=min(_SAMPLE, len(rows)),
            random_state=_SEED,
            n_jobs=1,
        ).fit(_matrix(rows))
        self._medians = [median(column) for column in zip(*rows, strict=True)]

    def score(self, rows: Sequence[Row]) -> Scored:
        """Scores of rows, and of those that it grew from."""
        both = self._scores([*rows, *self._rows])
        return Scored(both[: len(rows)], both[len(rows) :])

    def drivers(self, row: Row) -> list[Driver]:
        """The features that make the row strange, the strongest first.

        Each is replaced by its median, one after the other: what that takes from the score is its
        effect.
        """
        changed = [
            [*row[:place], usual, *row[place + 1 :]] for place, usual in enumerate(self._medians)
        ]
        first, *rest = self._scores([row, *changed])
        found = [
            Driver(place, round(first - score, _DIGITS), row[place], self._medians[place])
            for place, score in enumerate(rest)
        ]
        return sorted(
            [one for one in found if one.effect > 0], key=lambda one: (-one.effect, one.place)
        )

    def _scores(self, rows: Sequence[Row]) -> list[float]:
        # The library's score is the negative of the paper's.
        found: list[float] = self._forest.score_samples(_matrix(rows)).tolist()
        return [round(-one, _DIGITS) for one in found]


def _matrix(rows: Sequence[Row]) -> Any:
    numpy: Any = importlib.import_module("numpy")
    return numpy.asarray(rows, dtype="float64")
