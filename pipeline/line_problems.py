"""Problems of the lines of a file, told as they come: some of each kind in full, then how many."""

import re
from collections.abc import Callable

import msgspec

from pipeline.problems import Location, Problem

#: Of a kind of problem in one file, so many are told in full.
MOST_TOLD = 20
#: Kinds that are told apart; any others are one for each file.
_MOST_KINDS = 1_000
#: Numbers, and text in quotes of either kind (but `isn't` begins none).
_VARIES = re.compile(r""""[^"]*"|(?<!\w)'[^']*'(?!\w)|\d[\d,.]*""")

_Kind = tuple[str, str, str]


class _More(msgspec.Struct):
    """What is known of a kind of problem."""

    newest: Problem
    untold: int = 0
    told: int = 0


class LineProblems:
    """Tells `report` of problems: of each kind the first ones, and how many more there are.

    Two are of a kind if they are of one file and say the same, but for numbers and quoted text.
    """

    def __init__(self, report: Callable[[Problem], None]) -> None:
        self._report = report
        self._kinds: dict[_Kind, _More] = {}

    def tell(self, problem: Problem) -> None:
        """Tell of it now, or count it."""
        kind = problem.location.file, problem.code, _VARIES.sub("", problem.message)
        if kind not in self._kinds and len(self._kinds) >= _MOST_KINDS:
            kind = problem.location.file, problem.code, ""
        more = self._kinds.setdefault(kind, _More(problem))
        more.newest = problem
        if more.told < MOST_TOLD:
            more.told += 1
            self._report(problem)
        else:
            more.untold += 1

    def finish(self) -> None:
        """The lines are at their end: tell how many more there were, and the last of them."""
        for more in self._kinds.values():
            if more.untold:
                last = more.newest
                lines = "line is" if more.untold == 1 else "lines are"
                message = f"{more.untold:,} more {lines} wrong so, up to this one: {last.message}"
                self._report(
                    Problem(
                        location=Location(last.location.file, last.location.line, 1),
                        code=last.code,
                        message=message,
                        severity=last.severity,
                    )
                )
        self._kinds.clear()
