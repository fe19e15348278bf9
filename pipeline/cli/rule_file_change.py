"""A command that changes one rule in its file: all rules must be good before and after."""

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.failures import CONFIGURATION, Failure
from pipeline.cli.output_files import write_whole

if TYPE_CHECKING:
    from detections.rules.model import Rule
    from detections.rules.rule_set import RuleSet


class RuleFileChange:
    """The rule, and its file before the change."""

    def __init__(self, paths: Sequence[Path], called: str, pipelines: Sequence[Path]) -> None:
        """Find it by id, name, or its file's name. Raises Failure and ProblemsFound."""
        from detections.backtest.rule_documents import find_rule
        from detections.backtest.sweeps import SweepError
        from detections.rules.loading import read_rules, rules_of

        self._files, self._problems = read_rules(paths)
        self._pipelines = pipelines
        self.ruleset: RuleSet = rules_of(self._files, self._problems, pipelines=pipelines)
        try:
            self._place = find_rule(self._files, called)
        except SweepError as error:
            raise Failure(str(error), CONFIGURATION) from error
        file = self._files[self._place.file]
        location = file.documents[self._place.document].location
        self.rule: Rule = next(one for one in self.ruleset.rules if one.location == location)
        self.name = file.source.name
        """The file's, as the user gave it."""
        self.document = self._place.document
        """Its place among the file's documents, from 0."""
        self.path = Path(self.name)
        self.before = self.path.read_bytes()

    def check(self, after: bytes) -> None:
        """Raises ProblemsFound unless all rules are good with the file as it would be."""
        from detections.rules.loading import rules_of
        from detections.rules.rule_text import parse_rule_file

        changed = list(self._files)
        source = changed[self._place.file].source
        changed[self._place.file] = parse_rule_file(after, name=source.name, folder=source.folder)
        rules_of(changed, self._problems, pipelines=self._pipelines)

    def write(self, after: bytes) -> None:
        """Write the file anew in one step, with the rights that it had."""
        write_whole(self.path, after)

    def difference(self, after: bytes, was: str, now: str) -> str:
        """What changes, as a unified diff; `was` and `now` say what the rule is in either."""
        lines = difflib.unified_diff(
            self.before.decode().splitlines(),
            after.decode().splitlines(),
            f"{self.path} ({was})",
            f"{self.path} ({now})",
            lineterm="",
        )
        return "\n".join(lines)
