"""Sigma rules as programs, made once for all engines of a process: it has one for each lane."""

from typing import Any

from detections.rules.model import SigmaRule
from detections.sigma.conditions import Condition, conditions
from detections.sigma.functions import Program
from detections.sigma.index import build_program
from detections.sigma.readers import Reader

#: Those that run, and those that come with a reload.
_MOST_KEPT = 2


class CompiledRules:
    """The Sigma rules of a rule set, in the order of their ids, by which they are numbered.

    Nothing here comes to know anything of events, but for look-ups that it does not do again.
    """

    def __init__(self, given: tuple[SigmaRule, ...]) -> None:
        self.given = given
        self.rules = sorted(given, key=lambda one: one.rule.id)
        self.conditions: list[tuple[int, Condition]] = [
            (number, conditions(one.conditions)) for number, one in enumerate(self.rules)
        ]
        self._programs: dict[type[Any], Program | None] = {}

    def program(self, record: type[Any], reader: Reader) -> Program | None:
        """For events of this class, which the reader reads. None if no rule could match any."""
        if record not in self._programs:
            self._programs[record] = build_program(self.conditions, reader)
        return self._programs[record]


_kept: list[CompiledRules] = []


def compiled(given: tuple[SigmaRule, ...]) -> CompiledRules:
    """The same for the same tuple, as long as no others were asked for in between."""
    found = next((one for one in _kept if one.given is given), None)
    if found is None:
        found = CompiledRules(given)
    else:
        _kept.remove(found)
    _kept.insert(0, found)
    del _kept[_MOST_KEPT:]
    return found
